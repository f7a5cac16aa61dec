"""Pages as a strict reader finds them: every tag closed, every attribute known."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "img", "source", "br", "wbr", "input"})


@dataclass
class Element:
    """A tag with its attributes, and all text within."""

    tag: str
    attributes: dict[str, str]
    inside: tuple[str, ...]
    """Tags around it, the outermost first."""
    words: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


class Page(HTMLParser):
    """A page read as a whole; raises where tags do not nest."""

    def __init__(self, content: bytes | str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(content.decode() if isinstance(content, bytes) else content)
        self.close()
        assert not self._open, [each.tag for each in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"{tag} has an attribute twice"
        inside = tuple(each.tag for each in self._open)
        element = Element(tag, {name: value or "" for name, value in attrs}, inside)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert tag == next((each.tag for each in reversed(self._open)), None), [each.tag for each in self._open]
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for each in self._open:
            each.words.append(data)

    def all(self, *tags: str) -> list[Element]:
        return [each for each in self.elements if each.tag in tags]

    @property
    def ids(self) -> list[str]:
        return [each.attributes["id"] for each in self.elements if "id" in each.attributes]

    @property
    def addresses(self) -> list[str]:
        """Where it leads to and what it loads."""
        return [
            each.attributes[name] for each in self.elements for name in ("href", "src", "srcset") if name in each.attributes
        ]

    @property
    def text(self) -> str:
        return next(each for each in self.elements if each.tag == "body").text
