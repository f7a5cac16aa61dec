"""What the proxy does to a call is what the name of the fault says, or a round would prove something else."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fcb_pipelines.domain.errors import OutcomeUnknown, RemoteError, RolledBack
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.transport import Choice, connect
from fcb_pipelines_tests.faults.disturbance import CALLS, STEPS, WRITES, Disturbance, Fault, Moment, disturbance
from fcb_pipelines_tests.faults.harm import harm_of
from fcb_pipelines_tests.faults.outside import Outside, never, possible
from fcb_pipelines_tests.faults.proxy import Proxy, between
from fcb_pipelines_tests.odoo.faulty import Faulty, faulty, result

KEY = "a-key-that-the-proxy-knows"
TRANSPORTS: tuple[Choice, ...] = ("jsonrpc", "json2")
SHORT_SECONDS = 0.3


@contextmanager
def untouched(_model: str, _ids: list[int], _seconds: float, _is_hot: bool) -> Iterator[None]:
    yield


NOTHING = Outside(kill_us=never, kill_server=never, start_server=never, end_sessions=never, rows_held=untouched)


def planned(fault: Fault, *, moment: Moment = Moment.AFTER, status: int = 502, nth: int = 0, times: int = 1) -> Disturbance:
    return Disturbance(
        seed=0,
        fault=fault,
        step="import",
        is_at_write=True,
        nth=nth,
        times=times,
        moment=moment,
        delay_seconds=0.0,
        status=status,
        transport="jsonrpc",
        is_least=False,
    )


@contextmanager
def harmed(server: Faulty, what: Disturbance, transport: Choice) -> Iterator[tuple[Odoo, Proxy]]:
    """Our way to a server, with something going wrong on it."""
    with between(server.url, KEY) as proxy:
        proxy.arm(what, harm_of(what.fault, NOTHING, SHORT_SECONDS))
        timeout = SHORT_SECONDS if what.fault is Fault.TIMED_OUT else 5.0
        yield connect(proxy.url, "db", "user", KEY, transport=transport, timeout_seconds=timeout, pauses_seconds=()), proxy


def create(odoo: Odoo) -> None:
    odoo.call("res.partner", "create", {"name": "x"})


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("what", "arrivals", "error"),
    [
        (planned(Fault.DROPPED_BEFORE), 0, OutcomeUnknown),
        (planned(Fault.DROPPED_AFTER), 1, OutcomeUnknown),
        (planned(Fault.CUT), 1, OutcomeUnknown),
        (planned(Fault.RESET, moment=Moment.BEFORE), 0, OutcomeUnknown),
        (planned(Fault.RESET), 1, OutcomeUnknown),
        (planned(Fault.GATEWAY, status=502), 0, OutcomeUnknown),
        (planned(Fault.GATEWAY, status=504), 1, OutcomeUnknown),
        (planned(Fault.GATEWAY, status=429), 0, RolledBack),
        (planned(Fault.TIMED_OUT, moment=Moment.BEFORE), 1, OutcomeUnknown),
        (planned(Fault.TIMED_OUT), 1, OutcomeUnknown),
        (planned(Fault.HOT_ROW), 0, RolledBack),
    ],
    ids=lambda value: f"{value.fault.name}-{value.moment}-{value.status}" if isinstance(value, Disturbance) else "",
)
def test_the_server_gets_a_call_or_not_and_we_do_not_know(
    what: Disturbance, arrivals: int, error: type[RemoteError], transport: Choice
) -> None:
    with faulty(result([7])) as server:
        with harmed(server, what, transport) as (odoo, proxy), pytest.raises(error):
            create(odoo)
        assert (server.calls, proxy.disturbed) == (["create"] * arrivals, 1)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_call_delivered_twice_is_answered_once(transport: Choice) -> None:
    with faulty(result([7])) as server:
        with harmed(server, planned(Fault.TWICE), transport) as (odoo, _):
            create(odoo)
        assert server.calls == ["create", "create"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_changed_key_stays_changed_until_it_is_mended(transport: Choice) -> None:
    with faulty(result([7])) as server:
        with harmed(server, planned(Fault.KEY_CHANGED), transport) as (odoo, proxy):
            create(odoo)
            assert KEY not in server.bodies[-1] + "".join(server.authorizations - {f"bearer {KEY}", ""})
            proxy.is_key_wrong = False
            create(odoo)
        assert proxy.disturbed == 1


def test_only_the_calls_that_are_meant_are_harmed() -> None:
    with faulty(result([7])) as server:
        with harmed(server, planned(Fault.DROPPED_BEFORE, nth=1, times=2), "jsonrpc") as (odoo, proxy):
            create(odoo)
            for _ in range(2):
                with pytest.raises(OutcomeUnknown):
                    create(odoo)
            create(odoo)
        assert (len(server.calls), proxy.disturbed, proxy.retried) == (2, 2, 2)


def test_a_lost_race_of_a_load_is_told_in_its_message() -> None:
    with faulty(result({"ids": [7], "messages": []})) as server:
        with harmed(server, planned(Fault.HOT_ROW), "jsonrpc") as (odoo, _):
            with pytest.raises(RolledBack, match="could not serialize access"):
                odoo.load("res.partner", ["id", "name"], [["fcb.x", "x"]])
            assert odoo.load("res.partner", ["id", "name"], [["fcb.x", "x"]]).ids == (7,)


def test_a_seed_says_everything_and_all_kinds_come_equally_often() -> None:
    many = [disturbance(seed, tuple(Fault), TRANSPORTS) for seed in range(10 * len(Fault))]
    assert many == [disturbance(seed, tuple(Fault), TRANSPORTS) for seed in range(10 * len(Fault))]
    assert {sum(what.fault is fault for what in many) for fault in Fault} == {10}
    assert {what.step for what in many} == set(STEPS)
    assert all(what.nth < (WRITES[what.step] if what.is_at_write else CALLS) for what in many)


def test_a_real_server_is_only_harmed_as_its_operator_allows() -> None:
    assert set(Fault) - set(possible({})) == {Fault.SERVER_KILLED, Fault.BACKEND_KILLED, Fault.HOT_ROW}
    allowed = {"FCB_TEST_ODOO_KILL": "true", "FCB_TEST_ODOO_POSTGRES_URL": "postgresql://localhost/odoo"}
    assert possible(allowed) == tuple(Fault)
