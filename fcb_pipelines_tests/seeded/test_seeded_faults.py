"""Services made from a number: each planted difference is found, explained if records say why, and never by what is not so.

Services of 10,000 are made where somebody looks at figures (`python -m fcb_pipelines_tests.seeded.figures`); a run of the
tests has 10, 100 and 1,000.
"""

from functools import cache
from typing import Any

import pytest

from fcb_pipelines.domain.money import money, total
from fcb_pipelines.domain.register import register
from fcb_pipelines.domain.rows import Row, Verdict
from fcb_pipelines_tests.seeded.generator import clean, seeded
from fcb_pipelines_tests.seeded.harness import Sides, reconciled, sides
from fcb_pipelines_tests.seeded.host import Host, dice
from fcb_pipelines_tests.seeded.measures import Measured, measure, sums

SIZES = {10: range(40), 100: range(8), 1000: range(2)}
RIGHT_AT_LEAST = 0.95


@cache
def a_service(seed: int, size: int) -> tuple[Host, Sides, tuple[Row, ...]]:
    host = seeded(seed, size)
    both = sides(host.world())
    return host, both, reconciled(both)


@cache
def figures(size: int) -> Measured:
    measured = Measured()
    for seed in SIZES[size]:
        host, _, rows = a_service(seed, size)
        measure(rows, host.truths, measured)
    return measured


@pytest.mark.parametrize("size", SIZES)
def test_every_planted_difference_is_found_and_nothing_else(size: int) -> None:
    found = figures(size)
    assert found.planted > size / 4
    assert (found.unseen, found.invented) == ([], []), str(found)


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_explained_by_what_is_not_so(size: int) -> None:
    assert figures(size).false == [], str(figures(size))


@pytest.mark.parametrize("size", SIZES)
def test_what_records_explain_is_explained_with_its_cause_and_remedy(size: int) -> None:
    found = figures(size)
    assert found.explainable > size / 5
    assert found.share >= RIGHT_AT_LEAST, str(found)


@pytest.mark.parametrize(("seed", "size"), [*((seed, 10) for seed in range(15)), *((seed, 100) for seed in range(5)), (3, 500)])
def test_a_service_that_was_billed_as_we_would_has_no_difference(seed: int, size: int) -> None:
    host = clean(seed, size)
    found = measure(reconciled(sides(host.world())), host.truths)
    assert (host.truths, found.invented) == ({}, []), str(found)


@pytest.mark.parametrize("seed", SIZES[100])
def test_what_was_billed_is_in_the_verdicts_to_the_cent(seed: int) -> None:
    _, both, rows = a_service(seed, 100)
    billed = total((line.net for line in both.actual if line.counts), "CAD")
    assert total(sums(rows).values(), "CAD") == billed
    assert sums(rows)[Verdict.MATCH] > money("0 CAD")


@pytest.mark.parametrize("seed", SIZES[100])
def test_the_register_is_the_rows_and_what_does_not_count(seed: int) -> None:
    host, both, rows = a_service(seed, 100)
    months = register(both.world.records.invoices, both.issued, host.period.zone)
    counting = total((month.net.get("CAD", money("0 CAD")) for month in months), "CAD")
    listed = total((money(f"{invoice.subtotal} CAD") for invoice in host.invoices.values()), "CAD")
    beside = total((line.net for line in both.issued if not line.counts), "CAD")
    elsewhere = total((line.net for line in both.issued if line.counts and line not in both.actual), "CAD")
    assert counting + beside == listed
    assert total(sums(rows).values(), "CAD") + elsewhere == counting


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_changes_no_verdict(seed: int) -> None:
    _, both, rows = a_service(seed, 100)
    world, shuffled = both.world, dice(seed)
    records: dict[str, Any] = {
        name: tuple(shuffled.sample(found, len(found)))
        for name in world.records.__dataclass_fields__
        if isinstance(found := getattr(world.records, name), tuple)
    }
    again = type(world.records)(snapshot_id=1, **records)
    other = type(world)(work=world.work, records=again, usage=world.usage, other_usage=world.other_usage)
    assert reconciled(sides(other)) == rows
