"""Two people at the command line, as a rehearsal needs them: ada does and signs, grace stands behind it.

Owns: the commands, in the order in which people type them, and the clock that goes on with each. Does not own: what is done
when (rehearsal), how a command is run (the caller hands that in).
"""

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fcb_pipelines.domain.attestations import FORMS, Value
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.records_json import read
from fcb_pipelines.domain.to_sign import ToSign, written
from fcb_pipelines.source.demo.tables import TORONTO

ADA, GRACE = ("--as", "ada"), ("--as", "grace")
UNTIL = "2026-12-31"
SAID = ("--text", "the rehearsal", "--expires", UNTIL)
NOT_ADOPTED = frozenset({"timezone_boundary"})
"""Causes that no term can follow: they are accepted."""
SWITCHES = dict.fromkeys(
    ("FCB_ODOO_CONFIRM_ORDERS", "FCB_ODOO_ATTACH_TOKENS", "FCB_ODOO_DRAFT_INVOICES", "FCB_ODOO_POST_INVOICES"), "true"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[[Sequence[str], Mapping[str, str]], Ended]
"""Runs `fcb` with these arguments and these variables beside its own."""


@dataclass(slots=True, kw_only=True)
class Operators:
    """Them, and their clock."""

    run: Run
    paper: Path
    """A file for lists to sign."""
    say: Callable[[str], None]
    now: datetime = datetime(2026, 6, 2, 12, 0, tzinfo=TORONTO)
    signed: int = field(default=0)
    """Statements, so far."""

    def fcb(self, *args: str, ok: Iterable[int] = (0,), environ: Mapping[str, str] | None = None) -> Ended:
        """Run a command a minute later than the one before; raises `RuleViolation` where it ends otherwise than it may."""
        self.now += timedelta(minutes=1)
        self.say(f"   fcb {shlex.join(args)}")
        done = self.run(args, {**SWITCHES, "FCB_NOW": self.now.isoformat(), **(environ or {})})
        if done.code not in ok:
            raise RuleViolation(f"fcb {shlex.join(args)} ended with {done.code}:\n{done.err or done.out}")
        return done

    def answer(self, *args: str, ok: Iterable[int] = (0,)) -> Any:
        """What a command answers as JSON."""
        return json.loads(self.fcb(*args, "--json", ok=ok).out)

    def later(self, month: str) -> None:
        """Go on to the second day of a month, at noon: the month before has closed."""
        self.now = datetime.fromisoformat(f"{month}-02T12:00").replace(tzinfo=TORONTO)

    def run_months(self, months: Iterable[str]) -> None:
        """Meter, rate and reconcile them."""
        for month in months:
            self.fcb("run", "--period", month)

    def adopt(self, period: str) -> None:
        """Adopt what explains a month; a term that another row brought already is not written again."""
        for one in self.answer("remedies"):
            if one["period"] == period and one["remedy"] == "fix_model" and set(one["causes"]) - NOT_ADOPTED:
                done = self.fcb("adopt", one["row_id"], *ADA, ok=(0, 1, 2))
                if done.code and "already" not in done.err:
                    raise RuleViolation(done.err)

    def carry(self) -> None:
        """Say who bills what is outside the model."""
        rows = [one["row_id"] for one in self.answer("remedies") if one["remedy"] == "carry"]
        if rows:
            self.fcb("carry", *rows, "--source", "billing desk", "--text", "stays until its own product is in Odoo", *ADA)

    def accept(self, period: str) -> str | None:
        """Sign for what is left of a month, in one decision; its id, or None where nothing is left."""
        asking = ("fix_model", "fix_source")
        left = [
            row["row_id"]
            for row in self.answer("rows", "--period", period)
            if any(each["verdict"] == "unexplained" or each["open_remedy"] in asking for each in row["instances"])
        ]
        if not left:
            return None
        why = ("--reason", "write_off", "--text", "looked at with the customer", "--bears", "us", "--expires", UNTIL)
        decision: str = self.answer("accept", *left, *why, *ADA)["decision"]
        return decision

    def plan(self, asked: Sequence[str]) -> dict[str, Any]:
        """The plan of a cohort as it is now, with what stands against it."""
        found: dict[str, Any] = self.answer("flip", *asked, *ADA)
        return found

    def sign(self, asked: Sequence[str], told: Mapping[str, str]) -> None:
        """Sign what only a person can know; `told` are values that nobody but the source's word gives, by subject.

        What is planned follows from what was signed: looked at again until nothing more is to be signed.
        """
        while ready := self._ready_to_sign(asked, told):
            self.paper.write_bytes(written(ready).encode())
            self.fcb("attest", "--from", str(self.paper), *SAID, *ADA)
            self.signed += len(ready)

    def arm(self, flip_id: str, act: str, count: int, amounts: Mapping[str, str]) -> None:
        """Type what is planned; the second person types the same, which below the limit nobody needs to."""
        typed = [each for code, amount in amounts.items() for each in ("--amount", f"{code}={amount}")]
        meant = (flip_id, "--act", act, "--count", str(count), *typed)
        self.fcb("arm", *meant, *ADA)
        self.fcb("arm", "--approve", *meant, *GRACE, ok=(0, 2))

    def go(self, asked: Sequence[str]) -> str:
        """Plan, arm and go, then charge or explicitly not; the flip. Raises `RuleViolation` where the gate is shut."""
        plan = self.plan(asked)
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

    def states(self, flip_id: str) -> dict[str, str]:
        """Where each subscription of a flip stands."""
        found: dict[str, str] = self.answer("journal", flip_id)["states"]
        return found

    def what_remains(self, flip_id: str) -> list[str]:
        """What differs in Odoo from before a flip that was taken back; raises `RuleViolation` where one is still on its way."""
        journal = self.answer("journal", flip_id)
        stuck = {one: state for one, state in journal["states"].items() if state != "shadow"}
        if stuck:
            raise RuleViolation(f"not all came back from {flip_id}: {stuck}")
        compared = [one["data"] for one in journal["entries"] if (one["step"], one["phase"]) == ("undone", "after")]
        return sorted({f"{one['kind']} {one['name']}: {one['why']}" for data in compared for one in data["differences"]})

    def _ready_to_sign(self, asked: Sequence[str], told: Mapping[str, str]) -> list[ToSign]:
        """What both gates say that a person may sign of a plan made now, as far as somebody can say what is right."""
        flip_id = str(self.plan(asked)["flip_id"])
        answers = (self.answer("gate", flip_id, "--act", act, ok=(0, 1)) for act in ("flip", "charge"))
        listed = (read(ToSign, one) for each in answers for one in each["to_sign"])
        known = {(one.statement, one.subject): replace(one, value=one.value or told.get(one.subject)) for one in listed}
        return [one for one in known.values() if one.value or FORMS[one.statement].value is Value.NONE]
