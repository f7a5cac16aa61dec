"""What our transports make of faults: which of the three errors, and what is tried again; the same over both."""

import socket
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from fcb_pipelines.domain.errors import OutcomeUnknown, Refused, RemoteError, RolledBack, TimedOut
from fcb_pipelines.odoo.asking import spread
from fcb_pipelines.odoo.client import Loaded, Odoo
from fcb_pipelines.odoo.transport import Choice
from fcb_pipelines_tests.odoo.connected import KEY, PAUSES, Slept, connected
from fcb_pipelines_tests.odoo.faulty import (
    SLOW_SECONDS,
    Answer,
    drip,
    error,
    faulty,
    half,
    hang_up,
    result,
    silence,
    slow_but_whole,
    text,
)

SERIALIZATION = "psycopg2.errors.SerializationFailure"
HTML = text("<html>Bad gateway</html>", status=502, kind="text/html")
TOO_LATE = text("<html>Gateway timeout</html>", status=504, kind="text/html")


@pytest.fixture(params=["jsonrpc", "json2"])
def transport(request: pytest.FixtureRequest) -> Choice:
    """Each transport in turn."""
    chosen: Choice = request.param
    return chosen


def _search(odoo: Odoo) -> Any:
    return odoo.call("res.partner", "search", [])


def _write(odoo: Odoo) -> Any:
    return odoo.write("res.partner", [1], {"name": "x"})


def _write_commands(odoo: Odoo) -> Any:
    return odoo.write("sale.order", [1], {"order_line": [(0, 0, {"name": "x"})]})


def _create(odoo: Odoo) -> Any:
    return odoo.call("res.partner", "create", {"name": "x"})


def _unlink(odoo: Odoo) -> Any:
    return odoo.unlink("res.partner", [1])


def _load(odoo: Odoo) -> Any:
    return odoo.load("res.partner", ["id", "name"], [["fcb.x", "x"]])


def _load_without_ids(odoo: Odoo) -> Any:
    return odoo.load("res.partner", ["name"], [["x"]])


def _assert_meaning(answer: Answer, kind: type[RemoteError], transport: Choice, ask: Callable[[Odoo], Any] = _write) -> None:
    with faulty(answer) as server, pytest.raises(RemoteError) as raised:
        ask(connected(server.url, transport))
    assert type(raised.value) is kind
    assert KEY not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error("odoo.exceptions.UserError"), Refused),
        (error("odoo.exceptions.ValidationError"), Refused),
        (error("odoo.exceptions.AccessDenied"), Refused),
        (error("odoo.exceptions.AccessError"), Refused),
        (error("odoo.exceptions.MissingError"), Refused),
        (error("builtins.ValueError"), Refused),
        (error("psycopg2.errors.NumericValueOutOfRange"), Refused),
        (error("werkzeug.exceptions.RequestEntityTooLarge"), Refused),
        (error(SERIALIZATION), RolledBack),
        (error("psycopg2.errors.DeadlockDetected"), RolledBack),
        (error("psycopg2.errors.LockNotAvailable"), RolledBack),
        (error("psycopg2.pool.PoolError"), RolledBack),
        (error("psycopg2.InterfaceError"), OutcomeUnknown),
        (error("psycopg2.OperationalError"), OutcomeUnknown),
        (error("psycopg2.errors.AdminShutdown"), OutcomeUnknown),
        (hang_up, OutcomeUnknown),
        (half, OutcomeUnknown),
        (HTML, OutcomeUnknown),
        (TOO_LATE, TimedOut),
        (text("<html>Internal Server Error</html>", status=500, kind="text/html"), OutcomeUnknown),
        (text("<html>A page of somebody else</html>", kind="text/html"), OutcomeUnknown),
        (text('{"jsonrpc": "2.0", "resu'), OutcomeUnknown),
        (text("Not Found", status=404), Refused),
        (text("Unauthorized", status=401), Refused),
        (text("Unsupported Media Type", status=415, kind="text/html"), Refused),
        (text("<html>Too large</html>", status=413, kind="text/html"), Refused),
        (text("Too many", status=429), RolledBack),
        (text("", status=302, Location="http://127.0.0.1:1/elsewhere"), Refused),
        (text("", status=308, Location="http://127.0.0.1:1/elsewhere"), Refused),
    ],
)
def test_each_fault_has_its_meaning(answer: Answer, kind: type[RemoteError], transport: Choice) -> None:
    _assert_meaning(answer, kind, transport)


@pytest.mark.parametrize("body", ["[1, 2]", '{"error": {"message": "no data"}}'])
def test_an_envelope_that_is_none_leaves_the_outcome_unknown(body: str) -> None:
    _assert_meaning(text(body), OutcomeUnknown, "jsonrpc")


@pytest.mark.parametrize("value", [True, [1, 2], {"ids": [1]}, {"ids": [1], "messages": [{}]}])
def test_an_answer_to_load_that_is_none_leaves_the_outcome_unknown(value: object, transport: Choice) -> None:
    _assert_meaning(result(value), OutcomeUnknown, transport, _load)


@pytest.mark.parametrize(
    ("ask", "fault", "attempts"),
    [
        (_search, error(SERIALIZATION), 3),
        (_write, error(SERIALIZATION), 3),
        (_load, error(SERIALIZATION), 3),
        (_search, hang_up, 3),
        (_load, hang_up, 3),
        (_load, TOO_LATE, 1),
        (_search, TOO_LATE, 3),
        (_write, TOO_LATE, 3),
        (_write, hang_up, 3),
        (_unlink, hang_up, 3),
        (_load_without_ids, hang_up, 1),
        (_write_commands, hang_up, 1),
        (_create, hang_up, 1),
        (_create, half, 1),
        (_create, HTML, 1),
        (_create, error(SERIALIZATION), 3),
        (_search, HTML, 3),
        (_search, error("odoo.exceptions.UserError"), 1),
        (_load, error("odoo.exceptions.UserError"), 1),
    ],
)
def test_only_what_is_safe_is_tried_again(ask: Callable[[Odoo], Any], fault: Answer, attempts: int, transport: Choice) -> None:
    slept = Slept()
    with faulty(fault) as server, pytest.raises(RemoteError):
        ask(connected(server.url, transport, sleep=slept))
    assert len(server.calls) == attempts
    assert tuple(slept) == PAUSES[: attempts - 1]


def test_pauses_are_spread_as_told(transport: Choice) -> None:
    slept = Slept()
    with faulty(error(SERIALIZATION), result([7])) as server:
        _search(connected(server.url, transport, sleep=slept, jitter=lambda pause: pause + 0.25))
    assert slept == [PAUSES[0] + 0.25]
    spreads = {spread(1.0) for _ in range(50)}
    assert len(spreads) > 1
    assert all(0.5 <= each <= 1.5 for each in spreads)


def test_a_lost_race_is_run_again_until_it_is_won(transport: Choice) -> None:
    with faulty(error(SERIALIZATION), error(SERIALIZATION), result([7])) as server:
        assert _search(connected(server.url, transport)) == [7]
    assert server.calls == ["search"] * 3


def test_a_lost_race_told_in_a_message_of_load_is_run_again(transport: Choice) -> None:
    message = {"type": "error", "record": 0, "message": "could not serialize access due to concurrent update\n"}
    lost = result({"ids": False, "messages": [message], "nextrow": 0})
    with faulty(lost, result({"ids": [7], "messages": [], "nextrow": 0})) as server:
        assert _load(connected(server.url, transport)) == Loaded(ids=(7,), messages=())


@pytest.mark.parametrize("fault", [silence, drip])
def test_a_timeout_leaves_the_outcome_unknown(fault: Callable[[threading.Event], Answer], transport: Choice) -> None:
    answered = threading.Event()
    with faulty(fault(answered)) as server:
        with pytest.raises(OutcomeUnknown, match="FCB_ODOO_TIMEOUT_SECONDS"):
            _create(connected(server.url, transport, timeout_seconds=0.3))
        answered.set()
    assert server.calls == ["create"]


def test_a_load_that_timed_out_is_not_asked_again_as_it_was(transport: Choice) -> None:
    answered = threading.Event()
    with faulty(silence(answered)) as server:
        with pytest.raises(TimedOut):
            _load(connected(server.url, transport, timeout_seconds=0.2))
        answered.set()
    assert server.calls == ["load"]


def test_a_whole_answer_counts_however_long_it_took_in_all(transport: Choice) -> None:
    with faulty(slow_but_whole) as server:
        assert _search(connected(server.url, transport, timeout_seconds=1.7 * SLOW_SECONDS)) == [7]
    assert server.calls == ["search"]


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_where_nobody_listens_nothing_happened(transport: Choice) -> None:
    slept = Slept()
    with pytest.raises(RolledBack, match=r"cannot be reached \(Connection refused\): .*FCB_ODOO_URL"):
        _write(connected(f"http://127.0.0.1:{_closed_port()}", transport, sleep=slept))
    assert tuple(slept) == PAUSES


def test_an_unknown_host_is_told(transport: Choice) -> None:
    with pytest.raises(RolledBack, match=r"http://nowhere\.invalid cannot be reached .*FCB_ODOO_URL"):
        connected("http://nowhere.invalid", transport).version()


def test_a_host_that_never_takes_the_connection_has_done_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        with pytest.raises(RolledBack, match=r"cannot be reached \(no answer in time\)"):
            connected(f"http://127.0.0.1:{full.getsockname()[1]}", "json2", timeout_seconds=0.1).version()


def test_proxies_of_the_environment_are_not_used(transport: Choice, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{_closed_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    with faulty(result([7])) as server:
        assert _search(connected(server.url, transport)) == [7]
