"""JSON-2 on our side: names for arguments, answers in the shape of JSON-RPC, connections kept where that is safe."""

import json
import threading
from typing import Any

import pytest

from fcb_pipelines.domain.errors import InvalidInput, OutcomeUnknown, Refused
from fcb_pipelines.odoo.exchange import CONNECTIONS
from fcb_pipelines.odoo.json2 import named
from fcb_pipelines_tests.odoo.connected import PAUSES, Slept, connected
from fcb_pipelines_tests.odoo.faulty import Answer, drip, error, faulty, first_only, result, text, then_gone


@pytest.mark.parametrize(
    ("method", "args", "kwargs", "sent"),
    [
        ("write", ([1], {"name": "x"}), {}, {"ids": [1], "vals": {"name": "x"}}),
        ("unlink", ([1, 2],), {}, {"ids": [1, 2]}),
        ("read", ([1], ["name"]), {"load": None}, {"ids": [1], "fields": ["name"], "load": None}),
        ("search_read", ([],), {"limit": 1}, {"domain": [], "limit": 1}),
        ("create", ({"name": "x"},), {}, {"vals_list": {"name": "x"}}),
        ("load", (["id"], [["fcb.x"]]), {}, {"fields": ["id"], "data": [["fcb.x"]]}),
        ("action_post", ([3],), {"context": {}}, {"ids": [3], "context": {}}),
        ("check_object_reference", ("base", "ca"), {}, {"module": "base", "xml_id": "ca"}),
        ("has_access", ([], "read"), {}, {"ids": [], "operation": "read"}),
        ("of_nobody_yet", (), {"ids": [1], "way": 2}, {"ids": [1], "way": 2}),
    ],
)
def test_arguments_by_position_get_their_names(method: str, args: tuple[Any, ...], kwargs: dict[str, Any], sent: Any) -> None:
    assert named("sale.order", method, args, kwargs) == sent


@pytest.mark.parametrize(
    ("method", "args", "kwargs", "message"),
    [
        ("of_nobody_yet", ([1],), {}, r"sale\.order\.of_nobody_yet .*names are not known.*`ids`.*POSITIONAL"),
        ("unlink", ([1], 2), {}, r"sale\.order\.unlink takes ids, each once"),
        ("context_get", (1,), {}, r"takes no arguments"),
        ("write", ([1],), {"ids": [2]}, r"takes ids, vals, each once"),
    ],
)
def test_arguments_that_have_no_name_are_refused_before_anything_is_sent(
    method: str, args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    with faulty(result(True)) as server:
        with pytest.raises(InvalidInput, match=message):
            connected(server.url, "json2").call("sale.order", method, *args, **kwargs)
    assert server.paths == []


@pytest.mark.parametrize(
    ("given", "answer", "expected"), [({"name": "x"}, [7], 7), ([{"name": "x"}], [7], [7]), ([], [], []), ({"name": "x"}, 7, 7)]
)
def test_a_new_record_comes_back_as_over_the_other(given: Any, answer: Any, expected: Any) -> None:
    with faulty(result(answer)) as server:
        assert connected(server.url, "json2").call("res.partner", "create", given) == expected


def test_each_call_names_its_database_and_key() -> None:
    with faulty(result([7])) as server:
        connected(server.url, "json2", key="k").call("res.partner", "search", [])
    assert server.authorizations == {"", "bearer k"}
    assert server.databases == {"", "db"}
    assert json.loads(server.bodies[-1]).keys() == {"domain", "context"}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (error("werkzeug.exceptions.NotFound", "the model 'no.model' does not exist"), "Object no.model doesn't exist"),
        (error("werkzeug.exceptions.NotFound", "The method 'a.b' does not exist"), "The method 'a.b' does not exist"),
        (
            error("werkzeug.exceptions.UnprocessableEntity", "missing a required argument: 'vals'"),
            "missing a required argument",
        ),
        (error("odoo.exceptions.MissingError", "Record does not exist"), "Record does not exist"),
        (error("odoo.exceptions.AccessError", "You are not allowed"), "You are not allowed"),
        (error("builtins.ValueError", "Invalid field"), "builtins.ValueError: Invalid field"),
        (error("werkzeug.exceptions.Unauthorized", "Invalid apikey"), "FCB_ODOO_KEY"),
        (text("<h1>Not Found</h1>", status=404, kind="text/html"), "FCB_ODOO_DB"),
        (text("<h1>Too large</h1>", status=413, kind="text/html"), "larger than"),
        (text("", status=307, Location="https://elsewhere.example"), "https://elsewhere.example"),
    ],
)
def test_a_refusal_is_told_by_its_status_and_its_name(answer: Answer, message: str) -> None:
    with faulty(answer) as server, pytest.raises(Refused, match=message):
        connected(server.url, "json2").call("res.partner", "create", {"name": "x"})


@pytest.mark.parametrize("name", ["werkzeug.exceptions.InternalServerError", "werkzeug.exceptions.ServiceUnavailable"])
def test_a_fault_of_the_server_that_no_method_raised_leaves_the_outcome_unknown(name: str) -> None:
    with faulty(error(name)) as server, pytest.raises(OutcomeUnknown, match="HTTP 500"):
        connected(server.url, "json2").call("res.partner", "create", {"name": "x"})


@pytest.mark.parametrize("answer", [{"lang": "en_US"}, {"uid": False}, [], "2"])
def test_a_login_that_names_no_user_is_not_odoo(answer: Any) -> None:
    with faulty(result([7]), on_login=result(answer)) as server, pytest.raises(OutcomeUnknown, match="did not answer as Odoo"):
        connected(server.url, "json2").user_id()


def test_what_may_be_repeated_shares_a_connection() -> None:
    slept = Slept()
    with faulty(result([7]), keeps_alive=True) as server:
        odoo = connected(server.url, "json2", sleep=slept)
        assert [odoo.call("res.partner", "search", []) for _ in range(3)] == [[7]] * 3
    assert (server.connections, slept) == (1, [])


def test_answers_without_end_use_no_connection_up() -> None:
    over = threading.Event()
    endless = [drip(over)] * (CONNECTIONS + 1)
    with faulty(*endless, result([7]), keeps_alive=True) as server:
        odoo = connected(server.url, "json2", timeout_seconds=0.1)
        for _ in range(len(endless) // (len(PAUSES) + 1)):
            with pytest.raises(OutcomeUnknown, match="in time"):
                odoo.call("res.partner", "search", [])
        assert odoo.call("res.partner", "search", []) == [7]
        over.set()
    assert server.calls == ["search"] * (CONNECTIONS + 2)


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced_before_anything_is_sent() -> None:
    slept = Slept()
    with faulty(then_gone(result([7])), keeps_alive=True) as server:
        odoo = connected(server.url, "json2", sleep=slept)
        for _ in range(3):
            assert odoo.call("res.partner", "search", []) == [7]
            assert server.wait_for_end()
    assert slept == []


def test_what_may_not_be_repeated_is_never_lost_with_a_kept_connection() -> None:
    """The server hangs up on every second request of a connection, as one does whose time for idle connections is over."""
    slept = Slept()
    with faulty(first_only(result([7])), keeps_alive=True) as server:
        odoo = connected(server.url, "json2", sleep=slept)
        assert [odoo.call("res.partner", "search", []) for _ in range(2)] == [[7]] * 2
        assert slept == [PAUSES[0]]
        slept.clear()
        for _ in range(3):
            assert odoo.call("res.partner", "create", {"name": "x"}) == 7
    assert slept == []
    assert server.calls.count("create") == 3
