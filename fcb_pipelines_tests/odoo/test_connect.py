"""How we come in and what we send: addresses, logins, what never shows, context, values, slots; over both transports."""

import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

import pytest

from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings, OutcomeUnknown, Refused
from fcb_pipelines.odoo.transport import Choice, connect
from fcb_pipelines_tests.odoo.conftest import Login
from fcb_pipelines_tests.odoo.connected import KEY, connected
from fcb_pipelines_tests.odoo.faulty import error, faulty, hang_up, result

TRANSPORTS = pytest.mark.parametrize("transport", ["jsonrpc", "json2"])


@pytest.mark.parametrize(
    ("change", "variables"),
    [
        ({"key": KEY}, ("FCB_ODOO_KEY",)),
        ({"user": "nobody"}, ("FCB_ODOO_USER", "FCB_ODOO_KEY")),
        ({"database": "nodb"}, ("FCB_ODOO_DB",)),
    ],
)
def test_a_wrong_login_names_the_variables_to_look_at(login: Login, change: dict[str, str], variables: Sequence[str]) -> None:
    given = {"url": login.url, "database": login.database, "user": login.user, "key": login.key, **change}
    with pytest.raises(Refused) as raised:
        connect(**given, transport=login.transport).user_id()  # type: ignore[arg-type]
    assert all(variable in str(raised.value) for variable in variables)
    assert given["key"] not in "".join(traceback.format_exception(raised.value))


@TRANSPORTS
def test_a_key_taken_away_during_a_run_names_the_variables(transport: Choice) -> None:
    with faulty(error("odoo.exceptions.AccessDenied", "Access Denied")) as server:
        with pytest.raises(Refused, match="FCB_ODOO_KEY"):
            connected(server.url, transport).call("res.partner", "create", {"name": "x"})


@TRANSPORTS
def test_the_key_shows_nowhere(transport: Choice, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with faulty(error("builtins.TypeError", f"got {KEY}")) as server:
        odoo = connected(server.url, transport)
        with pytest.raises(Refused) as raised:
            odoo.write("res.partner", [1], {"name": "x"})
    assert KEY in "".join([*server.bodies, *server.authorizations])
    assert str(raised.value) == "builtins.TypeError: got ***"
    assert KEY not in repr(odoo) + caplog.text + "".join(traceback.format_exception(raised.value))


@TRANSPORTS
def test_nothing_is_sent_before_the_first_question(transport: Choice) -> None:
    with faulty(result(1)) as server:
        odoo = connected(server.url, transport)
        assert server.bodies == []
        assert odoo.user_id() == 2


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


@TRANSPORTS
@pytest.mark.parametrize(
    ("parts", "major", "is_enterprise"),
    [
        ([19, 0, 0, "final", 0, ""], 19, False),
        ([19, 0, 0, "final", 0, "e"], 19, True),
        (["saas~18", 4, 0, "final", 0, "e"], 18, True),
        ([18, 0, 0, "final", 0], 18, False),
    ],
)
def test_the_edition_is_the_sixth_part(parts: list[object], major: int, is_enterprise: bool, transport: Choice) -> None:
    with faulty(result(1), version=parts) as server:
        version = connected(server.url, transport).version()
    assert (version.major, version.is_enterprise) == (major, is_enterprise)


@TRANSPORTS
def test_every_call_carries_our_context(transport: Choice) -> None:
    with faulty(result([])) as server:
        connected(server.url, transport).call("res.partner", "search", [], context={"active_test": True})
    assert '"tracking_disable": true' in server.bodies[-1]
    assert '"tz": "UTC"' in server.bodies[-1]
    assert '"lang": "en_US"' in server.bodies[-1]
    assert '"active_test": true' in server.bodies[-1]


@TRANSPORTS
def test_a_decimal_is_sent_as_text_and_the_unknown_not_at_all(transport: Choice) -> None:
    with faulty(result(True)) as server:
        odoo = connected(server.url, transport)
        odoo.write("product.template", [1], {"list_price": Decimal("0.0000001")})
        assert '"list_price": "0.0000001"' in server.bodies[-1]
        with pytest.raises(InvalidInput, match="bytes"):
            odoo.write("product.template", [1], {"name": b"x"})


class Slots:
    """Counts who holds a slot and how often one was taken."""

    def __init__(self) -> None:
        self.held = 0
        self.taken = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self.held += 1
        self.taken += 1
        assert self.held == 1
        try:
            yield
        finally:
            self.held -= 1


@TRANSPORTS
def test_every_request_takes_a_slot_and_no_pause_holds_one(transport: Choice) -> None:
    slots = Slots()
    held: list[int] = []
    with faulty(result([7])) as server:
        connected(server.url, transport, slot=slots).call("res.partner", "search", [])
        assert slots.taken == len(server.paths)
    with faulty(hang_up) as server:
        odoo = connected(server.url, transport, sleep=lambda _: held.append(slots.held), slot=slots)
        with pytest.raises(OutcomeUnknown):
            odoo.call("res.partner", "search", [])
    assert held == [0, 0]
