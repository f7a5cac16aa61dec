"""Bad rows in a batch: the good ones come in, the bad ones are named, and few calls are made whatever Odoo tells."""

from collections.abc import Callable, Sequence
from math import ceil, log2
from typing import Any

import pytest

from fcb_pipelines.domain.errors import OutcomeUnknown, Refused, TimedOut
from fcb_pipelines.odoo.batches import MOST_UNANSWERED, Applied, Load, load_batch, refused_alone
from fcb_pipelines.odoo.client import Loaded, LoadMessage, Odoo
from fcb_pipelines.odoo.pace import FEWEST, Pace
from fcb_pipelines_tests.odoo.made import Made

PARTNER = "res.partner"
ROWS = 64


class Between:
    """Stands between us and an Odoo: counts the loads that have rows, and answers some otherwise."""

    def __init__(
        self,
        odoo: Odoo,
        *,
        says: Callable[[Loaded], Loaded] = lambda loaded: loaded,
        most: int = 10**9,
        failure: type[OutcomeUnknown] = OutcomeUnknown,
    ) -> None:
        self._odoo = odoo
        self._says = says
        self._most = most
        self._failure = failure
        self.sizes: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._odoo, name)

    def load(self, model: str, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> Loaded:
        self.sizes.append(len(rows))
        if len(rows) > self._most:
            raise self._failure("no answer")
        return self._says(self._odoo.load(model, fields, rows))


def blames_nobody(loaded: Loaded) -> Loaded:
    """As Odoo answers where it does not know which row it was."""
    return Loaded(
        ids=loaded.ids, messages=tuple(LoadMessage(record=-1, field="", message="one is bad") for _ in loaded.messages)
    )


def raises(loaded: Loaded) -> Loaded:
    """As Odoo answers where its own code fails on a row."""
    if loaded.is_rolled_back:
        raise Refused("builtins.ValueError: a bad row")
    return loaded


def blames_the_first_too(loaded: Loaded) -> Loaded:
    """As Odoo answers where it could not save all at once: it says so of the first row."""
    batch = (LoadMessage(record=0, field="", message="not all at once"),) if loaded.is_rolled_back else ()
    return Loaded(ids=loaded.ids, messages=(*batch, *loaded.messages))


def rows(made: Made, bad: Sequence[int], count: int = ROWS) -> Load:
    found = {made.xid(f"user_{index:03}"): "" if index in bad else made.name(f"{index:03}") for index in range(count)}
    return Load(model=PARTNER, columns=["id", "name"], rows={xid: [xid, name] for xid, name in found.items()})


def loaded_with(between: Between, load: Load) -> Applied:
    done = Applied()
    any_odoo: Any = between
    load_batch(any_odoo, load, list(load.rows), Pace(lambda: 0.0), done)
    return done


@pytest.mark.parametrize("bad", [(0,), (31, 32), (0, 21, 63)])
@pytest.mark.parametrize("says", [lambda loaded: loaded, blames_nobody, raises, blames_the_first_too])
def test_good_rows_come_in_and_bad_ones_are_found_in_few_calls(
    odoo: Odoo, made: Made, says: Callable[[Loaded], Loaded], bad: tuple[int, ...]
) -> None:
    between = Between(odoo, says=says)
    done = loaded_with(between, load := rows(made, bad))
    named = {made.xid(f"user_{index:03}") for index in bad}
    assert (set(done.failed), set(done.ids)) == (named, load.rows.keys() - named)
    assert {row["id"] for row in odoo.search_read(PARTNER, [("name", "like", made.name(""))], ["id"])} == set(done.ids.values())
    assert len([size for size in between.sizes if size]) <= 1 + len(bad) * 2 * ceil(log2(ROWS))


def test_what_odoo_says_of_a_field_names_record_and_field(odoo: Odoo, made: Made) -> None:
    load = Load(model=PARTNER, columns=["id", "name", "country_id/.id"], rows={})
    xids = [made.xid("user_1"), made.xid("user_2")]
    countries = {xids[0]: "", xids[1]: 99_999_999}
    done = loaded_with(
        Between(odoo),
        Load(model=load.model, columns=load.columns, rows={xid: [xid, made.name(xid), countries[xid]] for xid in xids}),
    )
    assert list(done.ids) == [xids[0]]
    assert done.failed[xids[1]].startswith("field country_id: No matching record found for database id '99999999'")


def test_what_is_not_of_the_rows_is_raised_and_blames_none(odoo: Odoo, made: Made) -> None:
    load = rows(made, ())
    wrong = Load(model=PARTNER, columns=["id", "nofield"], rows=load.rows)
    between = Between(odoo)
    with pytest.raises(Refused, match="nofield"):
        loaded_with(between, wrong)
    assert between.sizes == [ROWS, 0]


def test_a_batch_without_an_answer_goes_in_in_smaller_ones(odoo: Odoo, made: Made) -> None:
    between = Between(odoo, most=20)
    done = loaded_with(between, load := rows(made, (5,)))
    assert (list(done.failed), len(done.ids)) == ([made.xid("user_005")], ROWS - 1)
    assert between.sizes[:3] == [64, 32, 16]
    assert done.ids.keys() | done.failed.keys() == load.rows.keys()


@pytest.mark.parametrize(("count", "asked"), [(FEWEST, 1), (FEWEST + 1, 2), (800, MOST_UNANSWERED)])
def test_an_odoo_that_answers_nothing_is_given_up(odoo: Odoo, made: Made, count: int, asked: int) -> None:
    between = Between(odoo, most=-1)
    with pytest.raises(OutcomeUnknown):
        loaded_with(between, rows(made, (), count))
    assert len(between.sizes) == asked


@pytest.mark.parametrize(("count", "sizes"), [(1, [1, 1, 1, 1]), (FEWEST, [10, 5, 3, 2]), (800, [800, 400, 200, 100])])
def test_what_timed_out_is_asked_for_in_halves_at_once(odoo: Odoo, made: Made, count: int, sizes: list[int]) -> None:
    between = Between(odoo, most=-1, failure=TimedOut)
    with pytest.raises(TimedOut):
        loaded_with(between, rows(made, (), count))
    assert between.sizes == sizes


@pytest.mark.parametrize("bad", [(), (0,), (63,), (31, 32), (0, 21, 42, 63)])
def test_records_refused_in_a_call_are_found_in_few_calls(bad: tuple[int, ...]) -> None:
    calls: list[Sequence[str]] = []
    accepted: list[str] = []

    def call(xids: Sequence[str]) -> None:
        calls.append(xids) if xids else None
        if any(int(xid) in bad for xid in xids):
            raise Refused("in use")
        accepted.extend(xids)

    refused = refused_alone([str(index) for index in range(ROWS)], call, Pace(lambda: 0.0))
    assert refused == {str(index): "in use" for index in bad}
    assert accepted == [str(index) for index in range(ROWS) if index not in bad]
    assert len([each for each in calls if each]) <= 1 + len(bad) * 2 * log2(ROWS)


def test_a_key_refused_in_the_middle_is_told_and_no_record_is_blamed() -> None:
    def call(_xids: Sequence[str]) -> None:
        raise Refused("the key")

    with pytest.raises(Refused, match="the key"):
        refused_alone(["a", "b", "c"], call, Pace(lambda: 0.0))
