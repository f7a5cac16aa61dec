"""The rehearsal: a canary goes live, is billed for a month and comes back, then everybody goes, in commands that people type.

Owns: the script, what the demo's host does meanwhile, what must be so after each chapter. Does not own: how a command is run
(the caller hands that in), the commands, any rule. It writes only into the demo that it is given.
"""

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.source.demo import host
from fcb_pipelines.source.demo.tables import TORONTO

CLOSED = ("2026-03", "2026-04", "2026-05")
FIRST, SECOND = "2026-06", "2026-07"
CANARY = "5"
EVERYBODY = ("1", "2", "3", "4", "5", "6")
ADA, GRACE = ("--as", "ada"), ("--as", "grace")
UNTIL = "2026-12-31"
NOT_ADOPTED = frozenset({"timezone_boundary"})
"""Causes that no term can follow: they are accepted."""
MANUAL_FEE = """
[[services.nexacloud.line_rules]]
pattern = "^Manual fee"
kind = "one_off"
"""
SWITCHES = dict.fromkeys(
    (
        "FCB_ODOO_CONFIRM_ORDERS",
        "FCB_ODOO_ATTACH_TOKENS",
        "FCB_ODOO_DRAFT_INVOICES",
        "FCB_ODOO_POST_INVOICES",
    ),
    "true",
)

CURRENT = """
    SELECT s.id, s.user_id::text, b.paid_through FROM subscriptions s JOIN billing_states b ON b.subscription_id = s.id
     WHERE s.user_id::text = ANY(%s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[[Sequence[str], Mapping[str, str]], Ended]
"""Runs `fcb` with these arguments and these variables beside its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What was seen on the way."""

    canary: str
    everybody: str
    """The flips."""
    objections: int
    """That stood against the canary before anything was signed."""
    signed: int
    """Attestations."""
    live: int
    """Subscriptions that were live at the end."""
    posted: Mapping[str, int]
    """Invoices by month."""
    remains: Sequence[str]
    """What differs in Odoo after the unflip, all of which must remain."""


@dataclass(slots=True, kw_only=True)
class Rehearsal:
    """The script, and the clock that it moves."""

    run: Run
    source_url: str
    """Of the demo's own database, as its host writes it."""
    config: Path
    """The reviewed rules, which the rehearsal adopts terms into."""
    administrator: Mapping[str, str]
    """Of Odoo, as the variables say it: decimal places are theirs to set."""
    say: Callable[[str], None]
    now: datetime = datetime(2026, 6, 2, 12, 0, tzinfo=TORONTO)
    signed: int = field(default=0)

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
            signed=self.signed,
            live=live,
            posted=posted,
            remains=remains,
        )

    def decide(self) -> None:
        """Decide every closed month: adopt terms, say what a line is, name successors, accept the rest with a second person."""
        self.say("1. Deciding the months that closed")
        with self.config.open("a", encoding="utf-8") as rules:
            rules.write(MANUAL_FEE)
        self._run_months(CLOSED)
        for period in CLOSED:
            self.adopt(period)
            self._run_months(CLOSED)
        self.fcb("import")
        self.carry()
        self._run_months(CLOSED)
        for period in CLOSED:
            self.accept(period)
        self._run_months(CLOSED)
        self.fcb("doctor", "--fix", "--yes", environ=self.administrator)

    def flip_the_canary(self) -> tuple[int, str]:
        """Plan a small customer, sign what only people know, let the host stop billing them, arm with two people, and go."""
        self.say(f"2. Taking customer {CANARY} live from {FIRST} on")
        self.fcb("claims", "--load")
        asked = ("--cohort", CANARY, "--not-before", FIRST)
        before = len(self.asked(*asked)["objections"])
        self.stop_billing([CANARY])
        self.sign(asked, [CANARY])
        flip_id = self.go(asked)
        return before, flip_id

    def bill_a_month(self, flip_id: str) -> dict[str, int]:
        """Close the months, let Odoo bill what falls due in two of them, and look that nothing is billed twice or never."""
        self.say("3. A month of live billing")
        for month in CLOSED:
            self.fcb("close", "--period", month)
        posted = {FIRST: self.live_month(FIRST)}
        self.later(month=SECOND)
        with psycopg.connect(self.source_url) as conn:
            host.meter(conn, FIRST)
        self.fcb("import")
        self._run_months([FIRST])
        self.bill_in_the_source(FIRST, live=self.states(flip_id))
        self.fcb("import")
        self._run_months([FIRST])
        self.fcb("close", "--period", FIRST)
        posted[SECOND] = self.live_month(SECOND)
        self.fcb("guard")
        self.fcb("payments", ok=(0,))
        return posted

    def take_it_back(self, flip_id: str) -> Sequence[str]:
        """Unflip the canary: look, arm, go; the host bills them again, and Odoo is as it was but for what must remain."""
        self.say("4. Taking the canary back")
        stake = self.answer("unflip", flip_id, "--json")["stake"]
        self.arm(flip_id, "unflip", stake["count"], stake["amounts"])
        self.fcb("unflip", flip_id, "--go", *ADA)
        # Odoo has let them go, and waits until the source has them again.
        with psycopg.connect(self.source_url) as conn:
            host.resume_billing(conn, self.subscriptions([CANARY]))
        self.fcb("import")
        self.fcb("unflip", flip_id, "--go", *ADA)
        return self.what_remains(flip_id)

    def flip_all(self) -> tuple[str, int]:
        """Everybody, from the next month on."""
        self.say(f"5. Taking everybody live from {SECOND} on")
        self.bill_in_the_source(FIRST, live={})
        self.fcb("import")
        self._run_months([*CLOSED, FIRST])
        self.fcb("claims", "--load")
        asked = ("--cohort", *EVERYBODY, "--not-before", SECOND)
        self.stop_billing(EVERYBODY)
        self.sign(asked, EVERYBODY)
        flip_id = self.go(asked)
        live = sum(state in {"live", "complete"} for state in self.states(flip_id).values())
        self.fcb("audit", "verify")
        return flip_id, live

    # The pieces.

    def adopt(self, period: str) -> None:
        """Adopt what explains a month; a term that another row brought already is not written again."""
        for one in self.answer("remedies", "--json"):
            if one["period"] == period and one["remedy"] == "fix_model" and set(one["causes"]) - NOT_ADOPTED:
                self.fcb("adopt", one["row_id"], *ADA, ok=(0, 2))

    def carry(self) -> None:
        """Say who bills what is outside the model."""
        rows = [one["row_id"] for one in self.answer("remedies", "--json") if one["remedy"] == "carry"]
        if rows:
            self.fcb("carry", *rows, "--source", "billing desk", "--text", "stays there", *ADA)

    def accept(self, period: str) -> None:
        """Sign for what is left of a month, and let a second person stand behind it."""
        asking = {"fix_model", "fix_source"}
        left = [
            row["row_id"]
            for row in self.answer("rows", "--period", period, "--json")
            if any(each["verdict"] == "unexplained" or each["open_remedy"] in asking for each in row["instances"])
        ]
        if left:
            why = ("--reason", "write_off", "--text", "looked at with the customer", "--bears", "us", "--expires", UNTIL)
            decision = self.answer("accept", *left, *why, *ADA, "--json")["decision"]
            self.fcb("acceptances", "approve", decision, *GRACE, ok=(0, 1))

    def sign(self, asked: Sequence[str], customers: Sequence[str]) -> None:
        """Sign what only a person can know; where the source's word is all there is, what it says it has billed."""
        for subscription, _, paid_through in self.current(customers):
            if paid_through is not None:
                self.attest("paid_through", f"{subscription}/flat", paid_through.isoformat())
        # What is planned follows from what was signed: asked again until nothing more can be signed.
        done: set[str] = set()
        while todo := {one for one in self.commands(self.asked(*asked)) if one not in done}:
            for command in sorted(todo):
                self.fcb(*shlex.split(command)[1:], *ADA)
                self.signed += 1
            done |= todo

    def commands(self, plan: Mapping[str, Any]) -> set[str]:
        """What the gate says that a person may sign, with the words and the day of this rehearsal."""
        every = (*plan["objections"], *plan["for_information"])
        said = {line for one in every for line in _attestations(one["what_to_do"])}
        return {one.replace("WHY", "'the rehearsal'").replace("--expires DAY", f"--expires {UNTIL}") for one in said}

    def attest(self, statement: str, subject: str, value: str) -> None:
        """Sign one statement."""
        self.fcb("attest", statement, subject, "--value", value, "--text", "the rehearsal", "--expires", UNTIL, *ADA)
        self.signed += 1

    def go(self, asked: Sequence[str]) -> str:
        """Plan, arm with what is planned, and go: confirmed, previewed, and then charged or explicitly not."""
        plan = self.asked(*asked)
        if plan["objections"]:
            left = "\n".join(f"  {one['id']} ({one['scope']}): {one['words']}" for one in plan["objections"])
            raise RuleViolation(f"the gate is shut although everything was signed:\n{left}")
        flip_id = str(plan["flip_id"])
        amounts = {code: amount.split()[0] for code, amount in plan["totals"].items()}
        for act, verb in (("flip", "--go"), ("charge", "--charge")):
            self.arm(flip_id, act, len(plan["plan"]["subscriptions"]), amounts)
            self.fcb("import")
            self.fcb("flip", verb, flip_id, *ADA)
        return flip_id

    def arm(self, flip_id: str, act: str, count: int, amounts: Mapping[str, str]) -> None:
        """Type what is planned; the second person is asked, and not needed below the limit."""
        typed = [each for code, amount in amounts.items() for each in ("--amount", f"{code}={amount}")]
        self.fcb("arm", flip_id, "--act", act, "--count", str(count), *typed, *ADA)
        self.fcb("arm", "--approve", flip_id, *GRACE, ok=(0, 1, 2))

    def live_month(self, month: str) -> int:
        """Bill what falls due in a month; how many invoices were posted."""
        self._run_months([month])
        return len(self.answer("live", "--period", month, "--json")["posted"])

    def bill_in_the_source(self, month: str, live: Mapping[str, str]) -> None:
        """The host bills a month to everybody whom Odoo does not bill: what is expected, for the flip alone is rehearsed."""
        charges = [
            each
            for row in self.answer("rows", "--period", month, "--json")
            if row["subscription"] and row["subscription"] not in live
            for each in _charges(row)
        ]
        with psycopg.connect(self.source_url) as conn:
            host.bill(conn, charges, on=self.now - timedelta(hours=12))

    def stop_billing(self, customers: Sequence[str]) -> None:
        """The host bills them no more."""
        with psycopg.connect(self.source_url) as conn:
            host.stop_billing(conn, self.subscriptions(customers))
        self.fcb("import")

    def current(self, customers: Sequence[str]) -> list[tuple[str, str, date | None]]:
        """Their subscriptions that somebody bills, and up to when the host says that it has billed each."""
        with psycopg.connect(self.source_url) as conn:
            return [(row[0], row[1], row[2]) for row in conn.execute(CURRENT, [list(customers)])]

    def subscriptions(self, customers: Sequence[str]) -> list[str]:
        """Their ids."""
        return [one for one, _, _ in self.current(customers)]

    def states(self, flip_id: str) -> dict[str, str]:
        """Where each subscription of a flip stands."""
        found: dict[str, str] = self.answer("flip", flip_id, "--json")["states"]
        return found

    def what_remains(self, flip_id: str) -> list[str]:
        """What differs in Odoo from before a flip that was taken back; raises `RuleViolation` where one is still on its way."""
        journal = self.answer("journal", flip_id, "--json")
        stuck = {one: state for one, state in journal["states"].items() if state != "shadow"}
        if stuck:
            raise RuleViolation(f"not all came back from {flip_id}: {stuck}")
        compared = [one["data"] for one in journal["entries"] if (one["step"], one["phase"]) == ("undone", "after")]
        return sorted({f"{one['kind']} {one['name']}: {one['why']}" for data in compared for one in data["differences"]})

    def asked(self, *asked: str) -> dict[str, Any]:
        """The plan of a cohort, and what stands against it."""
        found: dict[str, Any] = self.answer("flip", *asked, *ADA, "--json")
        return found

    def later(self, *, month: str) -> None:
        """Go on to the second day of a month, at noon: the month before has closed."""
        self.now = datetime.fromisoformat(f"{month}-02T12:00").replace(tzinfo=TORONTO)

    def answer(self, *args: str) -> Any:
        """What a command answers as JSON."""
        return json.loads(self.fcb(*args).out)

    def fcb(self, *args: str, ok: Iterable[int] = (0,), environ: Mapping[str, str] | None = None) -> Ended:
        """Run a command a minute later than the one before; raises `RuleViolation` where it ends otherwise than it may."""
        self.now += timedelta(minutes=1)
        self.say(f"   fcb {shlex.join(args)}")
        done = self.run(args, {**SWITCHES, "FCB_NOW": self.now.isoformat(), **(environ or {})})
        if done.code not in ok:
            raise RuleViolation(f"fcb {shlex.join(args)} ended with {done.code}:\n{done.err or done.out}")
        return done

    def _run_months(self, months: Sequence[str]) -> None:
        for month in months:
            self.fcb("run", "--period", month)


def _attestations(what_to_do: str) -> list[str]:
    """The commands in a sentence that sign something."""
    start = what_to_do.find("fcb attest ")
    if start < 0:
        return []
    command = what_to_do[start:]
    return [command.split(" , ")[0].strip()] if "'DAY'" not in command else []


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
