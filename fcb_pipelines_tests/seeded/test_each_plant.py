"""Every plant and every trap by itself, some times over: the truth that it states is what is found."""

from collections.abc import Callable

import pytest

from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines_tests.seeded import flat_plants, invoice_plants, tax_plants, traps, usage_plants
from fcb_pipelines_tests.seeded.generator import empty
from fcb_pipelines_tests.seeded.harness import reconciled, sides
from fcb_pipelines_tests.seeded.host import Host
from fcb_pipelines_tests.seeded.measures import Measured, measure

Plant = Callable[[Host, Plan], None]
MADE: tuple[Plant, ...] = (*invoice_plants.PLANTS, *tax_plants.PLANTS, *usage_plants.PLANTS, *traps.TRAPS)


def measured(host: Host) -> Measured:
    return measure(reconciled(sides(host.world())), host.truths)


@pytest.mark.parametrize("plant", MADE, ids=lambda plant: plant.__name__)
@pytest.mark.parametrize("seed", range(4))
def test_a_plant_is_what_it_says(plant: Plant, seed: int) -> None:
    host = empty(seed)
    for plan in flat_plants.plain_plans(host)[:3]:
        plant(host, plan)
    found = measured(host)
    assert (found.unseen, found.invented, found.missed) == ([], [], []), str(found)


@pytest.mark.parametrize("feature", flat_plants.ALONE, ids=lambda feature: feature.__name__)
@pytest.mark.parametrize("declared", [Proration.NONE, Proration.FIXED_30_DAYS])
def test_a_reason_alone_is_named_alone(feature: Callable[[flat_plants.Draft], None], declared: Proration) -> None:
    host = empty(7, declared=declared)
    host.convention = Proration.CALENDAR_DAYS
    for plan in flat_plants.plain_plans(host):
        flat_plants.billed(flat_plants.made(host, plan, feature), feature.__name__)
    found = measured(host)
    assert found.planted == len(flat_plants.plain_plans(host))
    assert (found.unseen, found.invented, found.missed) == ([], [], []), str(found)
