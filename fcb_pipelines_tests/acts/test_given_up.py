"""A flip that was armed, or waited, and changed nothing: it stands in no other's way for good, and can be given up."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from fcb_pipelines.acts.flip import FlipRefused
from fcb_pipelines.domain.audit import Act
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.flip import Part, Phase, State
from fcb_pipelines.store import audit
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.flipping import FLIP_ID, NOW, Cohort


@pytest.fixture
def cohort(chain: Chain) -> Iterator[Cohort]:
    cohort = Cohort.made(chain)
    yield cohort
    cohort.remove()


@pytest.mark.parametrize("waited", [True, False])
def test_what_was_armed_and_changed_nothing_is_given_up_for_another_plan(cohort: Cohort, waited: bool) -> None:
    cohort.taken_at = NOW - timedelta(hours=1)
    cohort.arm()
    if waited:
        assert set(cohort.go().states.values()) == {State.SHADOW}
        assert {phase for _, phase in cohort.words()} == {Phase.WAITING}
    again = cohort.planned_again()
    with pytest.raises(RuleViolation, match=f"one flip at a time: s1 in {FLIP_ID}.*fcb unflip"):
        again.arm()
    before = cohort.journal()
    assert cohort.shown().undone == ()
    assert cohort.unflip().stands.is_done(Part.UNFLIP)
    assert cohort.journal() == before
    cohort.taken_at = NOW + timedelta(hours=1)
    with pytest.raises(FlipRefused, match="at its end"):
        cohort.go()
    with pytest.raises(RuleViolation, match="nothing to take back"):
        cohort.unflip()
    with cohort.chain.db.transaction() as conn:
        noted = audit.noted(conn, cohort.chain.service.code, [Act.FLIP_GIVEN_UP])
    assert [(one.actor, one.subject) for one in noted] == [("ada", FLIP_ID)]
    again.live().back()


def test_a_flip_that_only_waited_is_in_nobodys_way_once_its_arming_is_over(cohort: Cohort) -> None:
    cohort.taken_at = NOW - timedelta(hours=1)
    cohort.arm()
    cohort.go()
    again = cohort.planned_again()
    again.now, again.taken_at = NOW + timedelta(days=30), NOW + timedelta(days=31)
    again.live().back()
