"""Which settings a client takes, and that a key is shown by none."""

from pathlib import Path
from typing import Any

import pytest

from fcb_host.errors import InvalidSettings
from fcb_host.settings import Key, Settings, from_environment
from fcb_pipelines_tests.host.central import KEY

WHOLE = {
    "FCB_HOST_ENABLED": "on",
    "FCB_HOST_URL": "https://billing.example.com",
    "FCB_HOST_KEY": f"{KEY}\n",
    "FCB_HOST_SPOOL": "/var/lib/host/usage.spool",
}


def test_the_environment_makes_settings_that_do_not_show_the_key() -> None:
    made = from_environment(WHOLE | {"FCB_HOST_BACKGROUND": "off", "FCB_HOST_MAX_EVENTS": "5"})
    assert (made.key, made.spool, made.max_events) == (Key(KEY), Path("/var/lib/host/usage.spool"), 5)
    assert not made.sends_in_background
    assert KEY not in repr(made)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"FCB_HOST_ENABLED": "perhaps"}, "FCB_HOST_ENABLED"),
        ({"FCB_HOST_URL": ""}, "FCB_HOST_URL is missing"),
        ({"FCB_HOST_URL": "http://billing.example.com"}, "https"),
        ({"FCB_HOST_URL": "ftp://billing.example.com"}, "not a URL"),
        ({"FCB_HOST_URL": "https://user:word@billing.example.com"}, "no user"),
        ({"FCB_HOST_URL": "https://billing.example.com/?a=b"}, "no user, query"),
        ({"FCB_HOST_URL": "https://billing.example.com:port"}, "not a URL"),
        ({"FCB_HOST_URL": "https://[::1"}, "not a URL"),
        ({"FCB_HOST_URL": "https://billing.example.com/v1/usage"}, "before /v1/usage"),
        ({"FCB_HOST_URL": "https://billing.example.com/billing/v1/"}, "before /v1/usage"),
        ({"FCB_HOST_KEY": ""}, "FCB_HOST_KEY is missing"),
        ({"FCB_HOST_KEY": "two words"}, "character"),
        ({"FCB_HOST_KEY": "a\r\nX: y"}, "character"),
        ({"FCB_HOST_SPOOL": ""}, "FCB_HOST_SPOOL is missing"),
        ({"FCB_HOST_MAX_EVENTS": "many"}, "FCB_HOST_MAX_EVENTS"),
        ({"FCB_HOST_MAX_EVENTS": "0"}, "FCB_HOST_MAX_EVENTS"),
    ],
)
def test_what_cannot_work_is_said_at_once_and_by_name(changed: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidSettings, match=says) as refused:
        from_environment(WHOLE | changed)
    assert KEY not in str(refused.value)
    if "ENABLED" not in says:
        assert from_environment(WHOLE | changed | {"FCB_HOST_ENABLED": "off"}) == Settings()


@pytest.mark.parametrize(
    "changed",
    [
        {"FCB_HOST_URL": "http://localhost:8000"},
        {"FCB_HOST_URL": "http://[::1]:8000"},
        {"FCB_HOST_URL": "https://example.com/billing/"},
        {"FCB_HOST_URL": "http://inner", "FCB_HOST_ALLOW_HTTP": "1"},
    ],
)
def test_http_is_for_this_machine_or_by_decision(changed: dict[str, str]) -> None:
    assert from_environment(WHOLE | changed).url == changed["FCB_HOST_URL"]


@pytest.mark.parametrize("field", [{"batch_events": 0}, {"batch_events": 1001}, {"batch_bytes": 9_999}, {"batch_bytes": 2**20}])
def test_a_batch_keeps_to_the_contract(field: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettings, match="a batch is"):
        Settings(is_enabled=True, url="https://b.example.com", key=Key(KEY), spool=Path("s"), **field)
