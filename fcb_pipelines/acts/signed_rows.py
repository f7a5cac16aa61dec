"""The rows that people sign for, as the newest revisions of their periods have them.

Owns: finding one row by its id, and how an acceptance stands against it. Does not own: the acts (acceptances).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from fcb_pipelines.domain.acceptances import Acceptance, Kind, State, state
from fcb_pipelines.domain.accepting import places_of
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.reconciliation import NOT_YET_ISSUED
from fcb_pipelines.domain.revisions import Published, published
from fcb_pipelines.services import Service
from fcb_pipelines.store import reconciliation as stored
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.reconciliation import Revision


class ShownOtherwise(InvalidInput):
    """What somebody looked at is not what is there now."""


_LAST_CHARACTER = chr(0x10FFFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest revision of each period of a service."""

    service: Service
    revisions: Mapping[str, Revision]

    @classmethod
    def of(cls, conn: Connection, service: Service) -> "Newest":
        """As they are now."""
        return cls(service=service, revisions={one.period: one for one in stored.latest_revisions(conn, service.code)})

    def rule_version(self, row: Published) -> str:
        """Under which rules a row was made."""
        return self.revisions[row["period"]].rule_version

    def looked_at(self, conn: Connection, row_id: str, revision: int | None) -> Published:
        """A row; raises `InvalidInput` where there is none, or its period has a newer revision than the one looked at."""
        period = _period_of(row_id)
        newest = self.revisions.get(period)
        code = self.service.code
        if newest is None or not row_id.startswith(f"{code}/{period}/") or not is_text(row_id):
            raise InvalidInput(
                f"{row_id!r} is no row of a period of {code} that was reconciled: a row_id is like "
                f"{code}/2026-05/subscription/7;  fcb rows --service {code} --period 2026-05 --json  shows them"
            )
        if revision is not None and revision != newest.revision:
            raise ShownOtherwise(
                f"you looked at revision {revision} of {period}, and the newest is {newest.revision}: look at  "
                f"fcb rows --service {code} --period {period}  again"
            )
        found = self.row(conn, row_id)
        if found is None:
            raise InvalidInput(
                f"{row_id} is not in revision {newest.revision} of {period}, the newest:  "
                f"fcb rows --service {code} --period {period} --json  shows what is"
            )
        return found

    def row(self, conn: Connection, row_id: str) -> Published | None:
        """A row in its published form; None where it is not there."""
        period = _period_of(row_id)
        if period not in self.revisions:
            return None
        found = stored.rows(conn, self.revisions[period].revision_id, after=just_before(row_id), most=1)
        if not found or found[0].row_id != row_id:
            return None
        return published(found[0], service=self.service.code, period=period, zone=self.service.zone)

    def states(
        self, conn: Connection, acceptances: Sequence[Acceptance], today: date, period: str | None = None
    ) -> Iterator[tuple[Acceptance, State]]:
        """How acceptances stand, in their order: what `state_of` says, but a period's rows are read at once."""
        wanted = {next(self._row_ids(one, period)) for one in acceptances}
        by_period: dict[str, list[str]] = defaultdict(list)
        for row_id in wanted:
            by_period[_period_of(row_id)].append(row_id)
        known: dict[str, Published | None] = dict.fromkeys(wanted)
        for key in by_period.keys() & self.revisions.keys():
            for row in stored.rows_named(conn, self.revisions[key].revision_id, by_period[key]):
                known[row.row_id] = published(row, service=self.service.code, period=key, zone=self.service.zone)
        yield from ((one, self.state_of(conn, one, today, period, known)) for one in acceptances)

    def state_of(
        self,
        conn: Connection,
        acceptance: Acceptance,
        today: date,
        period: str | None = None,
        known: Mapping[str, Published | None] = MappingProxyType({}),
    ) -> State:
        """How an acceptance stands; a standing one in a period, or else in the last that was reconciled.

        While its charge is not issued there yet nobody can say what will be left of it: the month before it tells. `known` are
        rows that were read already, by id; None where there is none.
        """
        is_bound = False
        for row_id in self._row_ids(acceptance, period):
            row = known[row_id] if row_id in known else self.row(conn, row_id)
            is_bound = row is not None and bool(places_of(acceptance, row, self.rule_version(row)))
            if is_bound or row is None or not _is_early(acceptance, row):
                break
        return state(acceptance, is_bound=is_bound, today=today)

    def _row_ids(self, acceptance: Acceptance, period: str | None) -> Iterator[str]:
        """Of a row acceptance its row; of a standing one its row in each month that it may be held against, the last first."""
        if acceptance.decision.kind is Kind.ROW:
            yield acceptance.row_id
            return
        last = max(period or max(self.revisions, default=acceptance.period), acceptance.period)
        before = sorted((each for each in self.revisions if acceptance.period <= each < last), reverse=True)
        rest = acceptance.row_id.removeprefix(f"{self.service.code}/{acceptance.period}/")
        yield from (f"{self.service.code}/{each}/{rest}" for each in (last, *before))


def _is_early(acceptance: Acceptance, row: Published) -> bool:
    """Whether the charge that a standing acceptance is about is not issued yet in a row."""
    return any(one["charge"] == acceptance.charge and NOT_YET_ISSUED in one["notes"] for one in row["instances"])


def _period_of(row_id: str) -> str:
    return row_id.partition("/")[2].partition("/")[0]


def is_text(row_id: str) -> bool:
    """Whether it can be asked for at all: a shell may hand in bytes that are no characters."""
    return "\0" not in row_id and row_id.encode("utf-8", "replace").decode() == row_id


def just_before(row_id: str) -> str:
    """A text after which, in the order of row ids, nothing comes before this one that a row could be called."""
    last = ord(row_id[-1]) - 1
    # Half of a pair is no character of its own.
    return f"{row_id[:-1]}{chr(0xD7FF if 0xD800 <= last <= 0xDFFF else last)}{_LAST_CHARACTER}"  # noqa: PLR2004
