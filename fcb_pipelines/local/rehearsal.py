"""The rehearsal: a canary goes live, is billed for a month and comes back, then everybody goes, in commands that people type.

Owns: the chapters, what the demo's host does meanwhile, and what must be so after each. Does not own: the commands (operators),
any rule. It writes only into the demo that it is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.local.operators import ADA, GRACE, Operators
from fcb_pipelines.source.demo import host
from fcb_pipelines.source.demo.tables import TORONTO

CLOSED = ("2026-03", "2026-04", "2026-05")
FIRST, SECOND = "2026-06", "2026-07"
CANARY = "5"
EVERYBODY = ("1", "2", "3", "4", "5", "6")
MANUAL_FEE = """
[[services.nexacloud.line_rules]]
pattern = "^Manual fee"
kind = "one_off"
"""
LIVE = frozenset({"live", "complete"})

CURRENT = """
    SELECT s.id, CASE
               WHEN b.paid_through >= %(first)s THEN b.paid_through
               WHEN s.billing_cycle = 'monthly' THEN %(first)s
               -- The first anniversary from then on.
               ELSE (b.paid_through
                     + make_interval(years => 1 + extract(year FROM age(%(first)s - 1, b.paid_through))::int))::date
           END
      FROM subscriptions s JOIN billing_states b ON b.subscription_id = s.id
     WHERE s.user_id::text = ANY(%(customers)s) ORDER BY s.id
"""
"""Up to when the host has billed whom; what it forgot was written off before, up to the next range that Odoo can bill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What was seen on the way."""

    canary: str
    everybody: str
    """The flips."""
    objections: int
    """That stood against the canary before anything was signed."""
    signed: int
    """Statements."""
    live: int
    """Subscriptions that were live at the end."""
    posted: Mapping[str, int]
    """Invoices by month."""
    remains: Sequence[str]
    """What differs in Odoo after the unflip, all of which must remain."""


@dataclass(slots=True, kw_only=True)
class Rehearsal:
    """The chapters."""

    people: Operators
    source_url: str
    """Of the demo's own database, as its host writes it."""
    config: Path
    """The reviewed rules, which terms are adopted into."""
    administrator: Mapping[str, str]
    """Of Odoo, as the variables say it: decimal places are theirs to set."""

    def rehearse(self) -> Rehearsed:
        """Go the whole way; raises `RuleViolation` with what a command said where it did not do what it should."""
        self.decide()
        objections, canary = self.flip_the_canary()
        posted = self.bill_a_month(canary)
        remains = self.take_it_back(canary)
        everybody, live = self.flip_all()
        return Rehearsed(
            canary=canary,
            everybody=everybody,
            objections=objections,
            signed=self.people.signed,
            live=live,
            posted=posted,
            remains=remains,
        )

    def decide(self) -> None:
        """Decide every closed month: say what a line is, adopt terms, name successors, accept the rest with a second person."""
        people = self.people
        people.say("1. Deciding the months that closed")
        self.name_the_fee()
        for period in CLOSED:
            people.adopt(period)
            people.run_months(CLOSED)
        people.fcb("import")
        people.carry()
        people.run_months(CLOSED)
        for decision in [each for period in CLOSED if (each := people.accept(period)) is not None]:
            people.fcb("acceptances", "approve", decision, *GRACE)
        people.run_months(CLOSED)

    def name_the_fee(self) -> None:
        """Say in the reviewed rules what a line is that none of them knows, and who bills what it is for."""
        with self.config.open("a", encoding="utf-8") as rules:
            rules.write(MANUAL_FEE)
        self.people.run_months(CLOSED)
        self.people.carry()
        self.people.run_months(CLOSED)

    def flip_the_canary(self) -> tuple[int, str]:
        """Plan a small customer, sign what only people know, let the host stop billing them, arm with two people, and go."""
        people = self.people
        people.say(f"2. Taking customer {CANARY} live from {FIRST} on")
        people.fcb("doctor", "--fix", "--yes", environ=self.administrator)
        asked = ("--cohort", CANARY, "--not-before", FIRST)
        before = len(people.plan(asked)["objections"])
        self._stop_billing([CANARY])
        people.sign(asked, self._told([CANARY], FIRST))
        return before, people.go(asked)

    def bill_a_month(self, flip_id: str) -> dict[str, int]:
        """Close months, let Odoo bill what falls due in two of them, and look that nothing is billed twice or never."""
        people = self.people
        posted = {FIRST: self.begin_billing()}
        people.later(SECOND)
        with psycopg.connect(self.source_url) as conn:
            host.meter(conn, FIRST)
        self._host_bills(FIRST, live=people.states(flip_id))
        people.fcb("close", "--period", FIRST)
        posted[SECOND] = self._bill(SECOND)
        people.fcb("guard")
        people.fcb("payments")
        return posted

    def begin_billing(self) -> int:
        """Close the months before, and let Odoo bill the first one; how many invoices were posted."""
        people = self.people
        people.say("3. A month of live billing")
        for month in CLOSED:
            people.fcb("close", "--period", month)
        return self._bill(FIRST)

    def take_it_back(self, flip_id: str) -> Sequence[str]:
        """Unflip the canary: look, arm, go; the host bills them again, and Odoo is as it was but for what must remain."""
        people = self.people
        people.say("4. Taking the canary back")
        stake = people.answer("unflip", flip_id)["stake"]
        people.arm(flip_id, "unflip", stake["count"], stake["amounts"])
        # Odoo lets them go; it ends with 1, for it waits until the source has them again.
        people.fcb("unflip", flip_id, "--go", *ADA, ok=(1,))
        with psycopg.connect(self.source_url) as conn:
            host.resume_billing(conn, self._subscriptions([CANARY]))
        people.fcb("import")
        people.fcb("unflip", flip_id, "--go", *ADA)
        return people.what_remains(flip_id)

    def flip_all(self) -> tuple[str, int]:
        """Everybody, from the next month on; how many are live then."""
        people = self.people
        people.say(f"5. Taking everybody live from {SECOND} on")
        self._host_bills(FIRST, live={})
        people.run_months(CLOSED)
        asked = ("--cohort", *EVERYBODY, "--not-before", SECOND)
        self._stop_billing(EVERYBODY)
        people.sign(asked, self._told(EVERYBODY, SECOND))
        flip_id = people.go(asked)
        people.fcb("guard")
        people.fcb("audit", "verify")
        return flip_id, sum(state in LIVE for state in people.states(flip_id).values())

    def _bill(self, month: str) -> int:
        """Bill what falls due in a month; how many invoices were posted."""
        self.people.run_months([month])
        done = self.people.answer("live", "--period", month)
        if done["objections"]:
            raise RuleViolation(f"nothing of {month} was posted: {done['objections']}")
        return len(done["posted"])

    def _host_bills(self, month: str, live: Mapping[str, str]) -> None:
        """The host bills a month to everybody whom Odoo does not bill: what is expected, for the flip alone is rehearsed."""
        people = self.people
        people.fcb("import")
        people.run_months([month])
        rows = people.answer("rows", "--period", month)
        charges = [each for row in rows if row["subscription"] and row["subscription"] not in live for each in _charges(row)]
        with psycopg.connect(self.source_url) as conn:
            host.bill(conn, charges, on=people.now - timedelta(hours=12))
        people.fcb("import")
        people.run_months([month])

    def _stop_billing(self, customers: Sequence[str]) -> None:
        with psycopg.connect(self.source_url) as conn:
            host.stop_billing(conn, self._subscriptions(customers))
        self.people.fcb("import")

    def _told(self, customers: Sequence[str], month: str) -> dict[str, str]:
        """Up to when the flat price of each subscription is billed or written off, as who signs it looks it up."""
        current = self._current(customers, month)
        return {f"{one}/flat": day.isoformat() for one, day in current if day is not None}

    def _subscriptions(self, customers: Sequence[str]) -> list[str]:
        return [one for one, _ in self._current(customers, FIRST)]

    def _current(self, customers: Sequence[str], month: str) -> list[tuple[str, date | None]]:
        given = {"customers": list(customers), "first": date.fromisoformat(f"{month}-01")}
        with psycopg.connect(self.source_url) as conn:
            return [(row[0], row[1]) for row in conn.execute(CURRENT, given)]


def _charges(row: Mapping[str, Any]) -> list[host.Charge]:
    return [
        host.Charge(
            subscription=row["subscription"],
            user=row["partner"],
            description=f"{'Hosting service' if one['charge'] == 'flat' else 'CPU overage'} – {row['subscription']}",
            net=Decimal(one["expected"]["net"]),
            first=_day(one["service_from"]),
            last=_day(one["service_to"]) - timedelta(days=1),
        )
        for one in row["instances"]
        if one["status"] == "only_expected" and Decimal(one["expected"]["net"]) > 0
    ]


def _day(moment: str) -> date:
    return datetime.fromisoformat(moment).astimezone(TORONTO).date()
