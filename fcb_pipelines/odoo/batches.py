"""Batches with bad records in them: the good ones go through, the bad ones are named, in few calls.

Owns: splitting what Odoo refuses or does not answer, and reading whom `load` blames. Does not own: how large a batch is (pace),
what is in it (records, removal).

Odoo keeps nothing of a call with a bad record. Where it names the bad ones the others are sent again without them; where it
does not, the batch is halved: a bad record among n is found with about 2 · log2 n calls.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fcb_pipelines.domain.errors import OutcomeUnknown, Refused, TimedOut
from fcb_pipelines.odoo.client import Loaded, LoadMessage, Odoo
from fcb_pipelines.odoo.pace import FEWEST, Pace

MOST_UNANSWERED = 4
"""Calls without an answer one after the other until we give up; each is half as large as the one before."""


@dataclass(slots=True, kw_only=True)
class Applied:
    """What became of a set of changes: new records by external id, and why the others were refused."""

    ids: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Records as rows of one `load`, by external id."""

    model: str
    columns: Sequence[str]
    rows: Mapping[str, Sequence[Any]]
    more: Mapping[str, Sequence[Sequence[Any]]] = field(default_factory=dict)
    """Further rows of a record, its own cells empty: the second and later lines of an invoice."""

    def sent(self, xids: Sequence[str]) -> list[Sequence[Any]]:
        """The rows of a call."""
        return [row for xid in xids for row in (self.rows[xid], *self.more.get(xid, ()))]


def load_batch(odoo: Odoo, load: Load, xids: Sequence[str], pace: Pace, done: Applied) -> None:
    """Load some of the rows; what is refused is told in `done.failed`.

    Raises `OutcomeUnknown` where Odoo does not answer even few rows, `Refused` where it refuses more than the rows.
    """
    waiting, unanswered = [xids], 0
    while waiting:
        batch = waiting.pop()
        try:
            waiting += _left(odoo, load, batch, pace, done)
            unanswered = 0
        except OutcomeUnknown as failure:
            unanswered += 1
            # What did not time out was asked again already; what did is asked again here only, in halves down to one record.
            is_hopeless = len(batch) <= FEWEST and not isinstance(failure, TimedOut)
            if is_hopeless or unanswered == MOST_UNANSWERED:
                raise
            # Too many for its time limit, perhaps: to load the same rows again doubles nothing.
            pace.unanswered()
            waiting += _halves(batch)


def refused_alone(xids: Sequence[str], call: Callable[[Sequence[str]], None], pace: Pace) -> dict[str, str]:
    """Make one call for all, in halves where it is refused; why those are refused that are refused alone.

    Raises `Refused` where Odoo refuses more than the records.
    """
    refused: dict[str, str] = {}
    waiting = [xids]
    while waiting:
        batch = waiting.pop()
        try:
            with pace.measured(len(batch)):
                call(batch)
        except Refused as error:
            if len(batch) == 1:
                # Asked for no record Odoo refuses what is not of the records: the key, the model.
                call(())
                refused[batch[0]] = str(error)
            else:
                waiting += _halves(batch)
    return refused


def _left(odoo: Odoo, load: Load, xids: Sequence[str], pace: Pace, done: Applied) -> list[Sequence[str]]:
    """Make one call; what is still to be sent, as batches."""
    try:
        with pace.measured(len(xids)):
            loaded = odoo.load(load.model, load.columns, load.sent(xids))
    except Refused as error:
        # Asked without any row Odoo refuses what is not of the rows: the key, the model, a column.
        odoo.load(load.model, load.columns, [])
        blamed = {xids[0]: str(error)} if len(xids) == 1 else {}
    else:
        if not loaded.is_rolled_back:
            done.ids |= dict(zip(xids, loaded.ids, strict=True))
            return []
        blamed = _blamed(loaded, xids)
    done.failed |= blamed
    good = [xid for xid in xids if xid not in blamed]
    return [good] if blamed and good else _halves(good)


def _blamed(loaded: Loaded, xids: Sequence[str]) -> dict[str, str]:
    """Why Odoo refuses which rows; none where it does not tell and there are several.

    What Odoo says of the whole batch it says of the first record: where it blames others too, that one is not taken for bad.
    """
    if len(xids) == 1:
        return {xids[0]: _told(loaded.messages[0])}
    told = [each for each in loaded.messages if 0 <= each.record < len(xids)]
    others = [each for each in told if each.record != told[0].record]
    return {xids[each.record]: _told(each) for each in others or told}


def _told(message: LoadMessage) -> str:
    return f"field {message.field}: {message.message}" if message.field else message.message


def _halves(xids: Sequence[str]) -> list[Sequence[str]]:
    """Two batches, the one to be sent first at the end."""
    middle = (len(xids) + 1) // 2
    return [half for half in (xids[middle:], xids[:middle]) if half]
