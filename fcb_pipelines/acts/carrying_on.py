"""Saying who bills a carried item after the flip.

Owns: the act `carry`. Does not own: what an item is (domain/carried), the rows (reconciliation). The act is in the audit log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fcb_pipelines.acts.signed_rows import Newest
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.carried import Heir, Successor, item_of
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines.services import Service
from fcb_pipelines.store import audit, successors
from fcb_pipelines.store import invoices as stored
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person says of carried lines."""

    heir: Heir
    owner: str | None
    ended_on: date | None
    text: str
    author: str
    at: datetime


def carry(conn: Connection, service: Service, row_ids: Sequence[str], said: Said) -> tuple[Successor, ...]:
    """Keep who bills the items of some rows from the flip on; it holds for the same items of all months.

    Raises `InvalidInput` where a row is unknown, has no carried line, or what is said does not fit together.
    """
    newest = Newest.of(conn, service)
    made: dict[tuple[str, str], Successor] = {}
    for row_id in dict.fromkeys(row_ids):
        row = newest.looked_at(conn, row_id, None)
        keys = {
            one["reference"] for one in row["evidence"] if any(each["verdict"] == Verdict.CARRIED for each in row["instances"])
        }
        lines = [line for line in stored.actual(conn, service.code, row["period"]) if line.line_key in keys]
        if not lines:
            raise InvalidInput(f"{row_id} is {row['verdict']}: only what is carried has a successor")
        made |= {item_of(line): _successor(line, said, service) for line in lines}
    for one in made.values():
        successors.add(conn, service.code, one)
    _note(conn, service, tuple(made.values()), said)
    return tuple(made.values())


def _successor(line: ActualLine, said: Said, service: Service) -> Successor:
    customer, item = item_of(line)
    found = Successor(
        external_user_id=customer,
        item=item,
        heir=said.heir,
        owner=said.owner,
        ended_on=said.ended_on,
        text=said.text,
        author=said.author,
        made_at=said.at,
    )
    if not found.covers(line, service.zone):
        raise InvalidInput(f"line {line.line_key} is for a time after {said.ended_on}: then it did not end on that day")
    return found


def _note(conn: Connection, service: Service, made: Sequence[Successor], said: Said) -> None:
    for one in made:
        data = {"customer": one.external_user_id, "item": one.item, "successor": str(one), "text": one.text}
        entry = AuditEntry(
            at=said.at, actor=said.author, act=Act.SUCCESSOR_NAMED, service=service.code, subject=one.item, data=data
        )
        audit.append_audit(conn, entry)
