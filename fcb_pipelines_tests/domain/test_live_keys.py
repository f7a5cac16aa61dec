"""The id of a live invoice: each is read as it was written, and no two subscriptions, months or flips share one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.external_ids import Entity, external_id
from fcb_pipelines.domain.live_keys import LiveKey, key_of, live_key

NAMES = st.text(st.sampled_from("sF-_=/é0"), min_size=1) | st.sampled_from(["s1/2026-05", "s1/2026-05/F-1", "F-1", "/"])
KEYS = st.builds(
    LiveKey,
    external_subscription_id=NAMES,
    month=st.sampled_from(["2026-04", "2026-05"]),
    flip_id=st.none() | st.sampled_from(["F-1", "F-00000000cafe"]),
)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("s1/2026-05", ("s1", "2026-05", None)),
        ("s1/2026-05/F-00000000cafe", ("s1", "2026-05", "F-00000000cafe")),
        ("s/1/2026-05", ("s/1", "2026-05", None)),
    ],
)
def test_an_id_is_read(written: str, key: tuple[str, str, str | None]) -> None:
    found = live_key(written)
    assert (found.external_subscription_id, found.month, found.flip_id) == key
    assert str(found) == written


@given(one=KEYS, other=KEYS)
def test_each_is_read_as_it_was_written_and_no_two_share_one(one: LiveKey, other: LiveKey) -> None:
    assert live_key(str(one)) == one
    assert key_of(external_id("shop", Entity.LIVE_INVOICE, str(one))) == one
    assert (str(one) == str(other)) is (one == other)
