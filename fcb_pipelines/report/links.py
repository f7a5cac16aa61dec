"""Where the pages of a report are: served under `/reports/`, or as files beside each other.

Owns: addresses. Does not own: what the pages say, who may see them.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

STYLE = "report.css"
_LONGEST = 60


class Links(Protocol):
    """Addresses as one page writes them."""

    def first(self, period: str) -> str | None:
        """The first screen of a period; None where whoever reads this cannot open it."""

    def queue(self) -> str:
        """The queue."""

    def rows(self, selection: str, page: int = 1) -> str:
        """A part of the rows of a selection."""

    def row(self, row_id: str) -> str:
        """A row's own page."""

    def picture(self, name: str) -> str:
        """A picture."""

    def style(self) -> str:
        """The style sheet."""

    def acceptances(self) -> str | None:
        """What was signed; None where nothing can be signed."""

    def decision(self, decision_id: str) -> str | None:
        """What was signed at once."""

    def flip(self) -> str | None:
        """The gate, flips and their journal; None in files, which do not follow them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Addresses on the server."""

    period: str
    opens_others: bool
    """Whether whoever reads may open other periods: a one-time link is for one."""

    def first(self, period: str) -> str | None:
        """The first screen of a period."""
        return f"/reports/{period}" if self.opens_others or period == self.period else None

    def queue(self) -> str:
        """The queue."""
        return f"/reports/{self.period}/queue"

    def rows(self, selection: str, page: int = 1) -> str:
        """A part of the rows of a selection."""
        further = f"&page={page}" if page > 1 else ""
        return f"/reports/{self.period}/rows?of={quote(selection, safe='')}{further}"

    def row(self, row_id: str) -> str:
        """A row's own page."""
        return f"/reports/{self.period}/rows/{quote(row_id, safe='')}"

    def picture(self, name: str) -> str:
        """A picture."""
        return f"/reports/{self.period}/pictures/{quote(name, safe='')}"

    def style(self) -> str:
        """The style sheet."""
        return f"/{STYLE}"

    def acceptances(self) -> str | None:
        """What was signed; forms are sent there too."""
        return f"/reports/{self.period}/acceptances"

    def decision(self, decision_id: str) -> str | None:
        """What was signed at once; its approval and its withdrawal are sent below it."""
        return f"/reports/{self.period}/acceptances/{quote(decision_id, safe='')}"

    def flip(self) -> str | None:
        """The gate, flips and their journal."""
        return f"/reports/{self.period}/flip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Addresses from a file of the folder: `up` leads from where it stands to the folder."""

    period: str
    up: str = ""

    def first(self, period: str) -> str | None:
        """The first screen; of other periods there are no files."""
        return f"{self.up}index.html" if period == self.period else None

    def queue(self) -> str:
        """The queue."""
        return f"{self.up}queue.html"

    def rows(self, selection: str, page: int = 1) -> str:
        """A part of the rows of a selection."""
        return self.up + rows_file(selection, page)

    def row(self, row_id: str) -> str:
        """A row's own page."""
        return self.up + row_file(row_id)

    def picture(self, name: str) -> str:
        """A picture."""
        return f"{self.up}pictures/{file_name(name)}"

    def style(self) -> str:
        """The style sheet."""
        return self.up + STYLE

    def acceptances(self) -> str | None:
        """Nothing is signed in a file."""
        return None

    def decision(self, decision_id: str) -> str | None:
        """Of what was signed at once there is no file."""
        del decision_id
        return None

    def flip(self) -> str | None:
        """Flips go on while files stay."""
        return None


def rows_file(selection: str, page: int = 1) -> str:
    """Where a part of the rows of a selection is, from the folder on."""
    return f"lists/{file_name(selection)}{f'-{page}' if page > 1 else ''}.html"


def row_file(row_id: str) -> str:
    """Where a row's own page is, from the folder on."""
    return f"rows/{file_name(row_id)}.html"


def file_name(text: str) -> str:
    """A name that every file system takes, and no two texts share."""
    if re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,59}", text):
        return text
    plain = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[-_LONGEST:]
    return f"{plain}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
