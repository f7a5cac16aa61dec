"""An import that ends in the middle, at every place where it can: run again, the end state is the same."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, TypeVar, cast

import pytest

from fcb_pipelines.domain.errors import OutcomeUnknown
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.odoo.client import Domain, Loaded, Odoo, Row
from fcb_pipelines_tests.acts.chain import Chain, counts
from fcb_pipelines_tests.acts.month import OVERAGE_OF_CENTS, Month
from fcb_pipelines_tests.acts.source_records import a_plan, a_subscription, a_user, records

SOURCE = records(
    users=(a_user("u1"), a_user("u2")),
    plans=(a_plan("p1"), a_plan("p2")),
    subscriptions=(a_subscription("s1"), a_subscription("s2", "u2", "p2")),
)

Answer = TypeVar("Answer")


class LostOdoo:
    """An Odoo whose connection is lost after so many writes; the last of them arrived, though no answer to it did."""

    def __init__(self, odoo: Odoo, writes: int) -> None:
        self._odoo = odoo
        self._left = writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._odoo, name)

    def search_read(self, model: str, domain: Domain, fields: Sequence[str], *, limit: int = 0) -> list[dict[str, Any]]:
        return self._odoo.search_read(model, domain, fields, limit=limit)

    def load(self, model: str, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> Loaded:
        return self._counted(lambda: self._odoo.load(model, fields, rows))

    def write(self, model: str, ids: Sequence[int], values: Row) -> None:
        self._counted(lambda: self._odoo.write(model, ids, values))

    def unlink(self, model: str, ids: Sequence[int]) -> None:
        self._counted(lambda: self._odoo.unlink(model, ids))

    def _counted(self, write: Callable[[], Answer]) -> Answer:
        answer = write()
        self._left -= 1
        if self._left <= 0:
            raise OutcomeUnknown("the connection broke")
        return answer


def lost(odoo: Odoo, writes: int) -> Odoo:
    """The same Odoo, whose connection is lost after so many writes."""
    found: Any = LostOdoo(odoo, writes)
    return cast("Odoo", found)


def broken(chain: Chain, writes: int) -> Chain:
    return Chain(db=chain.db, odoo=lost(chain.odoo, writes), service=chain.service)


@pytest.mark.parametrize("writes", [1, 2, 3, 4])
def test_an_import_that_broke_after_any_write_is_finished_by_the_next(chain: Chain, writes: int) -> None:
    with pytest.raises(OutcomeUnknown):
        broken(chain, writes).all(SOURCE)
    done = chain.all(SOURCE)
    assert sum(each.failed for each in done) == 0
    assert [counts(each) for each in chain.all(SOURCE)] == [(0, 0, 2, 0, 0)] * 3
    assert [len(chain.ids(model)) for model in ("res.partner", "product.template", "sale.order", "sale.order.line")] == [
        2,
        4,
        2,
        2,
    ]


def test_a_change_that_broke_off_is_made_by_the_next(chain: Chain) -> None:
    chain.all(SOURCE)
    # The flat prices go in one call, and the price of usage in the next.
    dearer = a_plan("p2", {Interval.MONTHLY: Decimal(6)}, unit_price=Decimal("0.01"))
    plans = (a_plan("p1", {Interval.MONTHLY: Decimal(5)}), dearer)
    with pytest.raises(OutcomeUnknown):
        broken(chain, 1).plans(records(users=SOURCE.users, plans=plans, subscriptions=SOURCE.subscriptions))
    done = chain.plans(records(users=SOURCE.users, plans=plans, subscriptions=SOURCE.subscriptions))
    assert counts(done) == (0, 1, 1, 0, 0)


def totals(month: Month) -> list[tuple[float, int]]:
    """What each invoice in Odoo comes to, with how many lines."""
    return [(move["amount_total"], len(month.lines(move))) for move in month.moves().values()]


def test_drafting_that_broke_after_its_first_write_drafts_nothing_twice(month: Month) -> None:
    month.imported()
    month.rated()
    with pytest.raises(OutcomeUnknown):
        month.drafted(odoo=lost(month.chain.odoo, 1))
    done = month.drafted()
    assert (done.created, done.failed, done.differences) == (0, {}, ())
    assert totals(month) == [(11.18, 2)]
    assert month.drafted().unchanged == 1


@pytest.mark.parametrize("writes", [1, 2])
def test_a_draft_whose_change_broke_off_is_finished_by_the_next(month: Month, writes: int) -> None:
    month.imported()
    month.rated()
    month.drafted()
    month.used(OVERAGE_OF_CENTS)
    with suppress(OutcomeUnknown):
        month.again(odoo=lost(month.chain.odoo, writes))
    month.drafted()
    ((total, lines),) = totals(month)
    assert (round(total, 2) in {10.47, 10.48}, lines) == (True, 2)
    assert month.drafted().unchanged == 1
