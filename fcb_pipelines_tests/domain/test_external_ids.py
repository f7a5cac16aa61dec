"""External ids: no two records share one, and each can be told to be of its entity."""

import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.external_ids import Entity, external_id, has_tail, is_of, part_id

IDS = st.text(min_size=1, max_size=12)
SERVICES = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)


@pytest.mark.parametrize(
    ("entity", "source_id", "expected"),
    [
        (Entity.USER, "42", "fcb.nexacloud_user_42"),
        (Entity.PLAN_USAGE, "5f-9A", "fcb.nexacloud_plan_usage_5f-9A"),
        (Entity.USER, "a_b.c", "fcb.nexacloud_user_a=5fb=2ec"),
        (Entity.USER, "é", "fcb.nexacloud_user_=c3=a9"),
    ],
)
def test_an_external_id_is_readable(entity: Entity, source_id: str, expected: str) -> None:
    assert external_id("nexacloud", entity, source_id) == expected


@given(service=SERVICES, one=st.tuples(st.sampled_from(Entity), IDS), other=st.tuples(st.sampled_from(Entity), IDS))
@example(service="n", one=(Entity.PLAN, "usage_5"), other=(Entity.PLAN_USAGE, "5"))
@example(service="n", one=(Entity.PLAN, "usage_5"), other=(Entity.PLAN_USAGE, "5f5"))
def test_two_records_never_share_one(service: str, one: tuple[Entity, str], other: tuple[Entity, str]) -> None:
    assume(one != other)
    assert external_id(service, *one) != external_id(service, *other)


@given(service=SERVICES, entity=st.sampled_from(Entity), source_id=IDS)
def test_it_is_of_its_entity_and_service_alone(service: str, entity: Entity, source_id: str) -> None:
    xid = external_id(service, entity, source_id)
    assert [each for each in Entity if is_of(xid, service, each)] == [entity]
    assert not is_of(xid, service + "x", entity)
    assert not is_of(f"{xid}_line", service, entity)


@given(source_id=IDS)
def test_it_holds_only_what_odoo_takes_in_a_name(source_id: str) -> None:
    module, _, name = external_id("nexacloud", Entity.USER, source_id).partition(".")
    assert module == "fcb"
    assert set(name) <= set(string.ascii_letters + string.digits + "-=_")


@pytest.mark.parametrize("service", ["", "Nexa", "nexa_cloud", "9lives", "n.x"])
def test_a_service_code_that_could_be_read_otherwise_is_refused(service: str) -> None:
    with pytest.raises(InvalidInput, match="service code"):
        external_id(service, Entity.USER, "1")


def test_an_empty_id_is_refused() -> None:
    with pytest.raises(InvalidInput, match="can never be matched"):
        external_id("nexacloud", Entity.USER, "")


@given(one=IDS, key=IDS, other=IDS, other_key=IDS)
@example(one="s1", key="flat/2026-04-01", other="s1/flat", other_key="2026-04-01")
def test_two_parts_never_share_one(one: str, key: str, other: str, other_key: str) -> None:
    assume((one, key) != (other, other_key))
    whole, another = (external_id("n", Entity.INVOICE, each) for each in (one, other))
    assert part_id(whole, key) != part_id(another, other_key)
    assert part_id(whole, key) != another


@given(head=IDS)
def test_the_month_at_its_end_is_found_again(head: str) -> None:
    xid = external_id("n", Entity.INVOICE, f"{head}/2026-04")
    assert has_tail(xid, "/2026-04")
    assert not has_tail(xid, "/2026-05")
    assert not has_tail(external_id("n", Entity.INVOICE, f"{head}_2026-04"), "/2026-04")
