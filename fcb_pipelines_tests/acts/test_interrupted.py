"""An import that ends in the middle, at every place where it can: run again, the end state is the same."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from fcb_pipelines.domain.errors import OutcomeUnknown
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.odoo.client import Domain, Loaded, Odoo, Row
from fcb_pipelines_tests.acts.chain import Chain, counts
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

    def _counted(self, write: Callable[[], Answer]) -> Answer:
        answer = write()
        self._left -= 1
        if self._left <= 0:
            raise OutcomeUnknown("the connection broke")
        return answer


def broken(chain: Chain, writes: int) -> Chain:
    lost: Any = LostOdoo(chain.odoo, writes)
    return Chain(db=chain.db, odoo=lost, service=chain.service)


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
    plans = tuple(a_plan(name, {Interval.MONTHLY: Decimal(price)}) for name, price in [("p1", 5), ("p2", 6)])
    with pytest.raises(OutcomeUnknown):
        broken(chain, 1).plans(records(users=SOURCE.users, plans=plans, subscriptions=SOURCE.subscriptions))
    done = chain.plans(records(users=SOURCE.users, plans=plans, subscriptions=SOURCE.subscriptions))
    assert counts(done) == (0, 1, 1, 0, 0)
