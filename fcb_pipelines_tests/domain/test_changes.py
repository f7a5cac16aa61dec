"""Changes: the comparison by external id, and that making them twice does nothing."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.changes import FieldChange, Fields, applied, changes

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(0, 2), st.sampled_from(["", "a", "b"]), st.sampled_from([Decimal("1.5")])
)
RECORDS = st.dictionaries(
    st.sampled_from(["x1", "x2", "x3", "x4"]),
    st.fixed_dictionaries({"name": VALUES, "price": VALUES}),
)


def test_each_record_is_created_changed_unchanged_or_extra() -> None:
    wanted: dict[str, Fields] = {"new": {"name": "n"}, "other": {"name": "b", "price": Decimal(2)}, "same": {"name": "s"}}
    present: dict[str, Fields] = {"same": {"name": "s"}, "other": {"name": "a", "price": Decimal("2.00")}, "old": {"name": "o"}}
    found = changes(wanted, present)
    assert found.create == {"new": {"name": "n"}}
    assert found.update == {"other": (FieldChange(field="name", before="a", after="b"),)}
    assert (found.unchanged, found.extra, found.is_empty) == (("same",), ("old",), False)


def test_fields_that_are_not_wanted_are_left_alone() -> None:
    assert changes({"x": {"name": "a"}}, {"x": {"name": "a", "colour": "red"}}).is_empty


def test_a_wanted_nothing_clears_a_field() -> None:
    assert changes({"x": {"email": None}}, {"x": {"email": "a@b.example"}}).update == {
        "x": (FieldChange(field="email", before="a@b.example", after=None),)
    }


@given(wanted=RECORDS, present=RECORDS)
def test_making_the_changes_twice_does_nothing(wanted: dict[str, Fields], present: dict[str, Fields]) -> None:
    after = applied(changes(wanted, present), present)
    assert changes(wanted, after).is_empty
    assert applied(changes(wanted, after), after) == after


@given(wanted=RECORDS, present=RECORDS)
def test_every_record_is_named_once_and_what_is_extra_stays(wanted: dict[str, Fields], present: dict[str, Fields]) -> None:
    found = changes(wanted, present)
    named = [*found.create, *found.update, *found.unchanged, *found.extra]
    assert sorted(named) == sorted(wanted.keys() | present.keys())
    after = applied(found, present)
    assert {xid: after[xid] for xid in found.extra} == {xid: present[xid] for xid in found.extra}


@given(records=RECORDS)
def test_a_system_compared_with_itself_needs_nothing(records: dict[str, Fields]) -> None:
    assert changes(records, records).is_empty
