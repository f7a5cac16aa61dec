"""What our transport makes of faults: which of the three errors, and what is tried again."""

import logging
import socket
import threading
import traceback
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings, OutcomeUnknown, Refused, RemoteError, RolledBack
from fcb_pipelines.odoo.client import Loaded, Odoo
from fcb_pipelines.odoo.transport import OdooOver, connect
from fcb_pipelines_tests.odoo.conftest import Login
from fcb_pipelines_tests.odoo.faulty import Answer, error, faulty, hang_up, result, silence, text

KEY = "a-key-that-must-not-show"
SERIALIZATION = "psycopg2.errors.SerializationFailure"
PAUSES = (0.5, 2.0)
HTML = text("<html>Bad gateway</html>", status=502, kind="text/html")


class Slept(list[float]):
    """A sleep that only remembers."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def _odoo(url: str, *, sleep: Callable[[float], None] | None = None, timeout_seconds: float = 5.0) -> OdooOver:
    return connect(
        url,
        "db",
        "user",
        KEY,
        transport="jsonrpc",
        timeout_seconds=timeout_seconds,
        pauses_seconds=PAUSES,
        sleep=Slept() if sleep is None else sleep,
        jitter=float,
    )


def _search(odoo: Odoo) -> Any:
    return odoo.call("res.partner", "search", [])


def _write(odoo: Odoo) -> Any:
    return odoo.write("res.partner", [1], {"name": "x"})


def _load(odoo: Odoo) -> Any:
    return odoo.load("res.partner", ["id", "name"], [["fcb.x", "x"]])


def _load_without_ids(odoo: Odoo) -> Any:
    return odoo.load("res.partner", ["name"], [["x"]])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error("odoo.exceptions.UserError"), Refused),
        (error("odoo.exceptions.ValidationError"), Refused),
        (error("odoo.exceptions.AccessDenied"), Refused),
        (error("builtins.ValueError"), Refused),
        (error("psycopg2.errors.NumericValueOutOfRange"), Refused),
        (error("werkzeug.exceptions.RequestEntityTooLarge"), Refused),
        (error(SERIALIZATION), RolledBack),
        (error("psycopg2.errors.DeadlockDetected"), RolledBack),
        (error("psycopg2.errors.LockNotAvailable"), RolledBack),
        (error("psycopg2.InterfaceError"), OutcomeUnknown),
        (error("psycopg2.OperationalError"), OutcomeUnknown),
        (hang_up, OutcomeUnknown),
        (HTML, OutcomeUnknown),
        (text("<html>Internal Server Error</html>", status=500, kind="text/html"), OutcomeUnknown),
        (text("<html>A page of somebody else</html>", kind="text/html"), OutcomeUnknown),
        (text('{"jsonrpc": "2.0", "resu'), OutcomeUnknown),
        (text("[1, 2]"), OutcomeUnknown),
        (text('{"error": {"message": "no data"}}'), OutcomeUnknown),
        (text("Not Found", status=404), Refused),
        (text("Unauthorized", status=401), Refused),
        (text("Too many", status=429), RolledBack),
        (text("", status=302, Location="http://127.0.0.1:1/elsewhere"), Refused),
        (text("", status=308, Location="http://127.0.0.1:1/elsewhere"), Refused),
    ],
)
def test_each_fault_has_its_meaning(answer: Answer, kind: type[RemoteError]) -> None:
    with faulty(answer) as server, pytest.raises(RemoteError) as raised:
        _write(_odoo(server.url))
    assert type(raised.value) is kind
    assert KEY not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    ("ask", "fault", "attempts"),
    [
        (_search, error(SERIALIZATION), 3),
        (_write, error(SERIALIZATION), 3),
        (_load, error(SERIALIZATION), 3),
        (_search, hang_up, 3),
        (_load, hang_up, 3),
        (_load_without_ids, hang_up, 1),
        (_write, hang_up, 1),
        (_write, HTML, 1),
        (_search, HTML, 3),
        (_search, error("odoo.exceptions.UserError"), 1),
        (_load, error("odoo.exceptions.UserError"), 1),
    ],
)
def test_only_what_is_safe_is_tried_again(ask: Callable[[Odoo], Any], fault: Answer, attempts: int) -> None:
    slept = Slept()
    with faulty(fault) as server, pytest.raises(RemoteError):
        ask(_odoo(server.url, sleep=slept))
    assert len(server.calls) == attempts
    assert tuple(slept) == PAUSES[: attempts - 1]


def test_a_lost_race_is_run_again_until_it_is_won() -> None:
    with faulty(error(SERIALIZATION), error(SERIALIZATION), result([7])) as server:
        assert _search(_odoo(server.url)) == [7]
    assert server.calls == ["search"] * 3


def test_a_lost_race_told_in_a_message_of_load_is_run_again() -> None:
    message = {"type": "error", "record": 0, "message": "could not serialize access due to concurrent update\n"}
    lost = result({"ids": False, "messages": [message], "nextrow": 0})
    with faulty(lost, result({"ids": [7], "messages": [], "nextrow": 0})) as server:
        assert _load(_odoo(server.url)) == Loaded(ids=(7,), messages=())


def test_a_timeout_leaves_the_outcome_unknown() -> None:
    answered = threading.Event()
    with faulty(silence(answered)) as server:
        with pytest.raises(OutcomeUnknown, match="FCB_ODOO_TIMEOUT_SECONDS"):
            _write(_odoo(server.url, timeout_seconds=0.2))
        answered.set()
    assert server.calls == ["write"]


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_where_nobody_listens_nothing_happened() -> None:
    slept = Slept()
    with pytest.raises(RolledBack, match=r"cannot be reached .*FCB_ODOO_URL"):
        _write(_odoo(f"http://127.0.0.1:{_closed_port()}", sleep=slept))
    assert tuple(slept) == PAUSES


def test_an_unknown_host_is_told() -> None:
    with pytest.raises(RolledBack, match=r"http://nowhere\.invalid cannot be reached .*FCB_ODOO_URL"):
        _odoo("http://nowhere.invalid").version()


@pytest.mark.parametrize(
    ("change", "variables"),
    [
        ({"key": KEY}, ("FCB_ODOO_USER", "FCB_ODOO_KEY")),
        ({"user": "nobody"}, ("FCB_ODOO_USER", "FCB_ODOO_KEY")),
        ({"database": "nodb"}, ("FCB_ODOO_DB",)),
    ],
)
def test_a_wrong_login_names_the_variables_to_look_at(login: Login, change: dict[str, str], variables: Sequence[str]) -> None:
    given = {"url": login.url, "database": login.database, "user": login.user, "key": login.key, **change}
    with pytest.raises(Refused) as raised:
        connect(given["url"], given["database"], given["user"], given["key"]).user_id()
    assert all(variable in str(raised.value) for variable in variables)
    assert given["key"] not in "".join(traceback.format_exception(raised.value))


def test_a_key_taken_away_during_a_run_names_the_variables() -> None:
    with faulty(error("odoo.exceptions.AccessDenied", "Access Denied")) as server:
        with pytest.raises(Refused, match="FCB_ODOO_KEY"):
            _write(_odoo(server.url))


def test_the_key_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with faulty(error("builtins.TypeError", f"got {KEY}")) as server:
        odoo = _odoo(server.url)
        with pytest.raises(Refused) as raised:
            _write(odoo)
    assert KEY in "".join(server.bodies)
    assert str(raised.value) == "builtins.TypeError: got ***"
    assert KEY not in repr(odoo) + caplog.text + "".join(traceback.format_exception(raised.value))


def test_nothing_is_sent_before_the_first_question() -> None:
    with faulty(result(1)) as server:
        odoo = _odoo(server.url)
        assert server.bodies == []
        assert odoo.user_id() == 2


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{_closed_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    with faulty(result([7])) as server:
        assert _search(_odoo(server.url)) == [7]


@pytest.mark.parametrize(
    "url",
    [
        "odoo.example.com",
        "ftp://odoo.example.com",
        "https://",
        "https://odoo.example.com/odoo",
        "https://odoo.example.com?db=x",
        "https://user:password@odoo.example.com",
        "https://odoo.example.com:port",
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(InvalidSettings, match="FCB_ODOO_URL") as raised:
        connect(url, "db", "user", KEY)
    assert "password" not in str(raised.value)


@pytest.mark.parametrize(
    ("parts", "major", "is_enterprise"),
    [
        ([19, 0, 0, "final", 0, ""], 19, False),
        ([19, 0, 0, "final", 0, "e"], 19, True),
        (["saas~18", 4, 0, "final", 0, "e"], 18, True),
        ([18, 0, 0, "final", 0], 18, False),
    ],
)
def test_the_edition_is_the_sixth_part(parts: list[object], major: int, is_enterprise: bool) -> None:
    with faulty(result(1), version=parts) as server:
        version = _odoo(server.url).version()
    assert (version.major, version.is_enterprise) == (major, is_enterprise)


def test_every_call_carries_our_context() -> None:
    with faulty(result([])) as server:
        _odoo(server.url).call("res.partner", "search", [], context={"active_test": True})
    assert '"tracking_disable": true' in server.bodies[-1]
    assert '"tz": "UTC"' in server.bodies[-1]
    assert '"lang": "en_US"' in server.bodies[-1]
    assert '"active_test": true' in server.bodies[-1]


def test_a_decimal_is_sent_as_text_and_the_unknown_not_at_all() -> None:
    with faulty(result(True)) as server:
        odoo = _odoo(server.url)
        odoo.write("product.template", [1], {"list_price": Decimal("0.0000001")})
        assert '"list_price": "0.0000001"' in server.bodies[-1]
        with pytest.raises(InvalidInput, match="bytes"):
            odoo.write("product.template", [1], {"name": b"x"})
