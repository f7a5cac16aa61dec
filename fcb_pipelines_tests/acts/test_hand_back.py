"""What is used while nobody bills is handed back once, up to the moment at which the source was seen to bill again."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from fcb_pipelines.acts.intake import Delivery, Intake
from fcb_pipelines.acts.unflip import handed_back
from fcb_pipelines.cli.unflip import _write
from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.flip import Part, Phase, State, Step, course, faults
from fcb_pipelines.domain.unflips import HandBack
from fcb_pipelines.domain.usage import PUSHED, UsageEvent
from fcb_pipelines.store import hand_backs, journal
from fcb_pipelines.store.database import connect
from fcb_pipelines_tests.acts import planted_source
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.flipping import BILLING, FLIP_ID, NOW, STOPPED, Cohort
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.flips import an_entry

ALL = ("s1", "s2", "s3")
JULY = day("2026-07-01").astimezone(UTC)
AUGUST = day("2026-08-01").astimezone(UTC)


@pytest.fixture
def cohort(chain: Chain) -> Iterator[Cohort]:
    """Live, its usage pushed, and taken back as far as it goes while the source has stopped."""
    cohort = Cohort.made(replace(chain, service=chain.service.model_copy(update={"billed_feed": PUSHED})))
    with chain.db.transaction() as conn:
        planted_source.keep(conn, chain.service.code, subscriptions=[planted_source.subscription_row("s1")])
    cohort.live()
    yield cohort
    cohort.remove()


def use(cohort: Cohort, quantity: int, at: datetime) -> None:
    """As a host pushes it."""
    fact = UsageEvent(
        service=cohort.chain.service.code,
        feed=PUSHED,
        external_subscription_id="s1",
        metric="cpu_seconds",
        idempotency_key=f"{quantity} at {at}",
        quantity=Decimal(quantity),
        started_at=at,
    )
    delivery = Delivery(service=cohort.chain.service, facts=[fact], may_backfill=True)
    with connect(cohort.chain.db.url, autocommit=True) as conn:
        assert len(Intake(conn).take([delivery], at + timedelta(minutes=5))) == 1


def back(cohort: Cohort, at: datetime) -> set[State]:
    """Armed and gone back at a moment, as far as it goes."""
    cohort.now = at
    cohort.arm(Part.UNFLIP, planned=cohort.shown().stake)
    return set(cohort.unflip().stands.states.values())


def bills_again(cohort: Cohort, at: datetime) -> None:
    """The source says so in a snapshot."""
    cohort.billing, cohort.taken_at = dict.fromkeys(ALL, BILLING), at


def rows(cohort: Cohort) -> tuple[HandBack, ...]:
    return handed_back(cohort.going, FLIP_ID).rows


def a_row(start: datetime, end: datetime, quantity: int) -> HandBack:
    return HandBack(
        external_subscription_id="s1",
        charge="cpu_seconds",
        service_from=start,
        service_to=end,
        quantity=Decimal(quantity),
    )


def test_what_is_used_while_the_source_does_not_bill_is_handed_back_with_what_came_late(cohort: Cohort) -> None:
    """Nothing while it waits; then up to the snapshot that says so, and not to the run that reads it days later."""
    use(cohort, 100, NOW - timedelta(hours=3))
    assert back(cohort, NOW + timedelta(hours=1)) == {State.UNFLIPPING}
    assert (rows(cohort), handed_back(cohort.going, FLIP_ID).missing) == ((), ALL)
    assert cohort.words()[-1] == (Step.USAGE_HANDED_BACK, Phase.WAITING)
    use(cohort, 900, NOW + timedelta(days=2))
    use(cohort, 50, NOW - timedelta(hours=2))
    shown = [each for one in cohort.shown().undone for each in one.used]
    assert [each.quantity for each in shown] == [150], "as far as now"
    seen_at = NOW + timedelta(days=3)
    bills_again(cohort, seen_at)
    use(cohort, 7, seen_at + timedelta(hours=1))
    assert back(cohort, NOW + timedelta(days=5)) == {State.SHADOW}
    assert rows(cohort) == (a_row(JULY, seen_at, 1050),)
    use(cohort, 3, seen_at - timedelta(hours=1))
    cohort.now = NOW + timedelta(days=6)
    assert cohort.unflip().stands.states["s1"] is State.SHADOW
    assert rows(cohort) == (a_row(JULY, seen_at, 1050),), "however often it is run"
    assert faults(cohort.journal()) == ()


def test_table_journal_plan_and_file_say_the_same(cohort: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Over the end of a month: each month has a row of its own."""
    use(cohort, 100, NOW + timedelta(days=1))
    use(cohort, 20, AUGUST + timedelta(days=1))
    assert back(cohort, NOW + timedelta(hours=1)) == {State.UNFLIPPING}
    waiting = handed_back(cohort.going, FLIP_ID)
    _write(waiting, tmp_path / "usage.csv")
    assert (tmp_path / "usage.csv").read_text().splitlines() == ["subscription,charge,from,to,quantity"]
    assert "is not whole: the source was not seen to bill s1, s2, s3 again" in capsys.readouterr().err
    seen_at = AUGUST + timedelta(days=3)
    bills_again(cohort, seen_at)
    assert back(cohort, seen_at) == {State.SHADOW}
    wanted = (a_row(JULY, AUGUST, 100), a_row(AUGUST, seen_at, 20))
    whole = handed_back(cohort.going, FLIP_ID)
    assert (whole.rows, whole.missing) == (wanted, ())
    assert tuple(each for one in cohort.shown().undone for each in one.used) == wanted
    _write(whole, tmp_path / "usage.csv")
    with (tmp_path / "usage.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    done = course(cohort.journal()).done
    assert written == [{"subscription": "s1", **each} for each in done[Step.USAGE_HANDED_BACK].data["handed_back"]]
    assert [each["to"] for each in written] == [AUGUST.isoformat(), seen_at.isoformat()]
    assert {each.data["up_to"] for each in (done[Step.USAGE_HANDED_BACK], done[Step.SOURCE_RESUMED])} == {seen_at.isoformat()}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("signed", "seen", "up_to"),
    [(2, None, 2), (2, 4, 2), (4, 2, 2), (-1, 4, 4)],
    ids=["signed", "signed first", "seen first", "signed before it was taken back"],
)
def test_the_first_word_that_it_bills_again_counts(cohort: Cohort, signed: int, seen: int | None, up_to: int) -> None:
    use(cohort, 1, NOW + timedelta(days=1))
    use(cohort, 2, NOW + timedelta(days=3))
    assert back(cohort, NOW) == {State.UNFLIPPING}
    for one in ALL:
        cohort.attested[Statement.SOURCE_RESUMED, one] = resumed(one, NOW + timedelta(days=signed))
    if seen is not None:
        bills_again(cohort, NOW + timedelta(days=seen))
    assert back(cohort, NOW + timedelta(days=9)) == {State.SHADOW}
    assert rows(cohort) == (a_row(JULY, NOW + timedelta(days=up_to), 1 if up_to == 2 else 3),)


def resumed(subscription: str, at: datetime) -> Attestation:
    return Attestation(
        attestation_id=f"T-{subscription}",
        statement=Statement.SOURCE_RESUMED,
        subject=subscription,
        value=None,
        text="switched on by hand",
        author="grace",
        made_at=at,
        expires_at=NOW + timedelta(days=30),
    )


def test_nothing_is_handed_back_of_a_time_that_is_not_over(cohort: Cohort) -> None:
    use(cohort, 1, NOW - timedelta(hours=1))
    bills_again(cohort, NOW + timedelta(hours=9))
    assert back(cohort, NOW) == {State.SHADOW}
    assert rows(cohort) == (a_row(JULY, NOW, 1),)


class Dying(list[str]):
    """Ends the work once usage was handed back."""

    def append(self, line: str) -> None:
        if line == "s1: usage_handed_back done":
            raise KeyboardInterrupt
        super().append(line)


def test_what_was_seen_when_usage_was_handed_back_counts_whatever_is_said_later(cohort: Cohort) -> None:
    """A crash between the two steps, and a snapshot after it that says otherwise: no time of its own lies between."""
    use(cohort, 1, NOW - timedelta(hours=1))
    assert back(cohort, NOW) == {State.UNFLIPPING}
    seen_at = NOW + timedelta(days=1)
    bills_again(cohort, seen_at)
    cohort.said = Dying()
    with pytest.raises(KeyboardInterrupt):
        back(cohort, seen_at)
    cohort.said, cohort.billing = [], {**cohort.billing, "s1": STOPPED}
    assert back(cohort, NOW + timedelta(days=3)) == {State.SHADOW}
    assert rows(cohort) == (a_row(JULY, seen_at, 1),)
    assert course(cohort.journal()).done[Step.SOURCE_RESUMED].data["resumed"] == {"snapshot": 7, "biller": "stripe"}


def test_a_flip_that_handed_back_before_the_source_was_seen_to_bill_goes_on_where_that_ended(cohort: Cohort) -> None:
    """As earlier versions did it: the rows up to their first run are there, and never change."""
    use(cohort, 100, NOW - timedelta(hours=3))
    assert back(cohort, NOW) == {State.UNFLIPPING}
    first = a_row(JULY, NOW, 100)
    with cohort.chain.db.transaction() as conn:
        code = cohort.chain.service.code
        hand_backs.add(conn, code, [first], because="as before", reference=FLIP_ID, now=NOW)
        steps = [an_entry(Step.USAGE_HANDED_BACK, each, flip_id=FLIP_ID, at=NOW) for each in (Phase.BEFORE, Phase.AFTER)]
        journal.append(conn, code, *steps)
    use(cohort, 900, NOW + timedelta(days=2))
    seen_at = AUGUST + timedelta(days=1)
    bills_again(cohort, seen_at)
    use(cohort, 8, AUGUST)
    assert back(cohort, seen_at) == {State.SHADOW}
    assert rows(cohort) == (first, a_row(NOW, AUGUST, 900), a_row(AUGUST, seen_at, 8))
    assert len(course(cohort.journal()).done[Step.SOURCE_RESUMED].data["handed_back"]) == 2
    assert faults(cohort.journal()) == ()
