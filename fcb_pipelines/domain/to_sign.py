"""Lists to sign: the statements that would clear objections, for a person to look at, shorten and sign at once.

Owns: which statements those are, and the list as text. Does not own: what a statement may say (attestations), signing
(acts/attestations). A list signs nothing by itself, and one line that is wrong signs none of it.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from fcb_pipelines.domain.attestations import FORMS, Statement, Value
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.gate import Objection

COLUMNS = ("statement", "subject", "value", "because")
_COMMAND = re.compile(
    r"fcb attest (?P<statement>\w+)(?: (?P<subject>[^-\s]\S*))?(?: --value '?(?P<value>[^']*?)'?)? --text WHY"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSign:
    """A statement that nobody made yet."""

    statement: Statement
    subject: str
    """Empty for the service as a whole."""
    value: str | None
    """What exactly would be said; None where nothing is, or where only a person can say it."""
    because: str = ""
    """What it would clear, for whoever reads the list."""


def to_sign(found: Iterable[Objection]) -> tuple[ToSign, ...]:
    """The statements that objections ask for, each once, in their order; a value that is for a person to find is absent."""
    made: dict[tuple[Statement, str], ToSign] = {}
    for one in found:
        said = _COMMAND.search(one.what_to_do)
        if said is not None and said["statement"] in FORMS:
            statement, subject = Statement(said["statement"]), said["subject"] or ""
            value = said["value"] if said["value"] and not said["value"].isalpha() else None
            made.setdefault((statement, subject), ToSign(statement=statement, subject=subject, value=value, because=one.words))
    return tuple(made.values())


def written(found: Iterable[ToSign]) -> str:
    """The list as CSV with a line of names, RFC 4180."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    rows.writerows((one.statement.value, one.subject, one.value or "", one.because) for one in found)
    return text.getvalue()


def read(text: str) -> tuple[ToSign, ...]:
    """The statements of a list; raises `InvalidInput` that names the line at fault, also for a value that is still missing."""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if rows.fieldnames is None or not set(COLUMNS[:3]) <= set(rows.fieldnames):
        raise InvalidInput(f"a list to sign begins with the line {','.join(COLUMNS)}")
    found = [_read(number, row) for number, row in enumerate(rows, 2)]
    if not found:
        raise InvalidInput("the list has no statement")
    return tuple(found)


def _read(number: int, row: dict[str, str | None]) -> ToSign:
    statement, subject, value = ((row[name] or "").strip() for name in COLUMNS[:3])
    if statement not in FORMS:
        raise InvalidInput(f"line {number}: {statement!r} cannot be attested; fcb attest --help  lists what can")
    needed = FORMS[Statement(statement)].value
    if needed is not Value.NONE and not value:
        raise InvalidInput(f"line {number}: {statement} of {subject} has no value: write the {needed}, or take the line out")
    return ToSign(statement=Statement(statement), subject=subject, value=value or None, because=row.get("because") or "")
