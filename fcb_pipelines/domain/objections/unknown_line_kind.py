"""Unknown line kind: the source billed a line of which no rule says what it is, so nobody can say who bills it next."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, of_customer, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown


def _find(facts: GateFacts) -> Iterator[Objection]:
    if isinstance(facts.unknown_lines, NotKnown):
        yield undecidable(KIND.id, SERVICE, facts.unknown_lines, "what the lines of the source are", "import again")
        return
    for line in facts.unknown_lines:
        if line.external_user_id in facts.customers:
            yield Objection(
                id=KIND.id,
                scope=of_customer(line.external_user_id),
                klass=Class.PROVEN,
                words=f"nothing says what line {line.line_key} is ({line.description!r}, {line.net})",
                evidence=(line.line_key,),
                since=line.issued_at,
                what_to_do="add a line rule to fcb.toml (fcb lines shows them), and run the period again",
            )


KIND = Kind(
    id="unknown_line_kind",
    asks="whether the source billed lines of which no rule says what they are",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="a line rule, and a new run",
    find=_find,
)
