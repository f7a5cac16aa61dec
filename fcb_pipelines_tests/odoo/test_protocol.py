"""The protocol itself, without our port: addresses, envelopes, and the table of errors."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.conftest import Login
from fcb_pipelines_tests.odoo.editions import OLD, Names

NOWHERE = 99_999_999

CODES = (0, 200)
"""Of every error in an answer: from 19 on, and in 18."""


def _post(url: str, body: bytes) -> tuple[int, str, Any]:
    request = Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
    try:
        answer = urlopen(request, timeout=60)  # noqa: S310
    except HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers["Content-Type"], answer.read().decode()


def _ask(login: Login, service: str, method: str, *args: Any) -> Any:
    params = {"service": service, "method": method, "args": args}
    body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params, "id": 7}).encode()
    status, kind, text = _post(f"{login.url}/jsonrpc", body)
    assert (status, kind) == (200, "application/json; charset=utf-8")
    answer = json.loads(text)
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", 7)
    return answer


def _error(answer: Any) -> tuple[str, str]:
    error = answer["error"]
    assert (error["code"] in CODES, error["message"]) == (True, "Odoo Server Error")
    assert {"name", "message", "arguments", "context", "debug"} <= error["data"].keys()
    return error["data"]["name"], error["data"]["message"]


def test_version_info_needs_no_login(login: Login, names: Names) -> None:
    body = b'{"jsonrpc": "2.0", "method": "call", "params": {}, "id": 1}'
    status, kind, text = _post(f"{login.url}/web/webclient/version_info", body)
    result = json.loads(text)["result"]
    assert (status, kind) == (200, "application/json; charset=utf-8")
    assert (result["server_version"], result["server_serie"], result["protocol_version"]) == (
        names.edition.version.text,
        names.either("19.0", "18.0"),
        1,
    )
    major, minor, micro, level, serial, edition = result["server_version_info"]
    assert (major, minor, micro, level, serial) == (names.either(19, OLD), 0, 0, "final", 0)
    assert edition == ("e" if names.edition.version.is_enterprise else "")


def test_common_version_is_the_same(login: Login, names: Names) -> None:
    assert _ask(login, "common", "version")["result"]["server_version_info"][0] == names.edition.version.major


def test_errors_have_a_code_of_the_version(login: Login, names: Names) -> None:
    error = _ask(login, "object", "execute_kw", login.database, 2, "wrong", "res.partner", "search_count", [[]])["error"]
    assert error["code"] == names.either(*CODES)


@pytest.mark.parametrize("method", ["login", "authenticate"])
def test_login_answers_the_user_or_false(login: Login, method: str) -> None:
    more: list[Any] = [{}] if method == "authenticate" else []
    answer = _ask(login, "common", method, login.database, login.user, login.key, *more)
    assert isinstance(answer["result"], int)
    assert answer["result"] > 1
    for user, key in ((login.user, "wrong"), ("nobody", login.key), (login.least_user, login.key)):
        assert _ask(login, "common", method, login.database, user, key, *more)["result"] is False


def test_a_wrong_key_on_a_later_call_is_denied(login: Login) -> None:
    answer = _ask(login, "object", "execute_kw", login.database, 2, "wrong", "res.partner", "search_count", [[]])
    assert _error(answer) == ("odoo.exceptions.AccessDenied", "Access Denied")


def test_an_unknown_database_is_an_error_of_postgres(login: Login) -> None:
    name, message = _error(_ask(login, "common", "login", "nodb", login.user, login.key))
    assert name == "psycopg2.OperationalError"
    assert 'database "nodb" does not exist' in message


def test_a_body_that_is_no_json_is_refused_by_http(login: Login) -> None:
    status, kind, text = _post(f"{login.url}/jsonrpc", b"{bad")
    assert (status, text) == (400, "Invalid JSON data")
    assert kind.startswith("text/html")


def test_execute_takes_its_arguments_in_a_row(login: Login, odoo: Odoo) -> None:
    credentials = (login.database, odoo.user_id(), login.key)
    answer = _ask(login, "object", "execute", *credentials, "res.partner", "search", [("id", "=", 1)])
    assert answer["result"] == [1]


NO_FIELD_18 = "Invalid field 'nofield' on model 'res.partner'"
CUSTOMER_19 = (
    "The operation cannot be completed: Missing required value for the field 'Customer' (partner_id).\n"
    "Model: 'Sales Order' (sale.order)\n- create/update: a mandatory field is not set\n"
    "- delete: another model requires the record being deleted, you can archive it instead\n"
)
CUSTOMER_18 = (
    "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n"
    "- Delete: another model requires the record being deleted. If possible, archive it instead.\n\n"
    "Model: Sales Order (sale.order)\nField: Customer (partner_id)\n"
)
TERM_19 = (
    "The operation cannot be completed: Another model is using the record you are trying to delete.\n\n"
    "The troublemaker is: 'Sales Order' (sale.order)\n"
    "Thanks to the following constraint: 'Payment Terms' (payment_term_id)\n"
    "How about archiving the record instead?"
)
TERM_18 = (
    "The operation cannot be completed: another model requires the record being deleted. If possible, archive it instead.\n\n"
    "Model: Sales Order (sale.order)\nConstraint: sale_order_payment_term_id_fkey\n"
)
VALUE, ATTRIBUTE, VALIDATION = "builtins.ValueError", "builtins.AttributeError", "odoo.exceptions.ValidationError"

IN_18 = {
    "The method 'res.partner.nometh' does not exist": (
        ATTRIBUTE,
        "The method 'nometh' does not exist on the model 'res.partner'",
    ),
    "Private methods (such as 'res.partner._compute_display_name') cannot be called remotely.": (
        "odoo.exceptions.AccessError",
        "Private methods (such as _compute_display_name) cannot be called remotely.",
    ),
    "Invalid field 'nofield' in 'res.partner'": (VALUE, NO_FIELD_18),
    "nofield": (VALUE, NO_FIELD_18),
    "Invalid field 'nofield' on 'res.partner'": (VALUE, NO_FIELD_18),
    "Invalid field res.partner.nofield in condition ('nofield', '=', 1)": (
        VALUE,
        "Invalid field res.partner.nofield in leaf ('nofield', '=', 1)",
    ),
    "Invalid operator in condition ('name', 'foo', 'x')": (VALUE, "Invalid leaf ('name', 'foo', 'x')"),
    "Domain() invalid item in domain: ['name', '=']": (VALUE, "not enough values to unpack (expected 3, got 2)"),
    CUSTOMER_19: (VALIDATION, CUSTOMER_18),
    TERM_19: (VALIDATION, TERM_18),
}
"""What 19 says → name and words of the same error in 18, where they differ."""


@pytest.mark.parametrize(
    ("model", "method", "args", "name", "message"),
    [
        ("no.model", "search", [[]], "odoo.exceptions.UserError", "Object no.model doesn't exist"),
        (
            "res.partner",
            "nometh",
            [[]],
            "builtins.AttributeError",
            "The method 'res.partner.nometh' does not exist",
        ),
        (
            "res.partner",
            "_compute_display_name",
            [[1]],
            "odoo.exceptions.AccessError",
            "Private methods (such as 'res.partner._compute_display_name') cannot be called remotely.",
        ),
        (
            "res.partner",
            "create",
            [{"name": "x", "nofield": 1}],
            "builtins.ValueError",
            "Invalid field 'nofield' in 'res.partner'",
        ),
        ("res.partner", "write", [[1], {"nofield": 1}], "builtins.KeyError", "nofield"),
        ("res.partner", "read", [[1], ["nofield"]], "builtins.ValueError", "Invalid field 'nofield' on 'res.partner'"),
        (
            "res.partner",
            "search",
            [[["nofield", "=", 1]]],
            "builtins.ValueError",
            "Invalid field res.partner.nofield in condition ('nofield', '=', 1)",
        ),
        (
            "res.partner",
            "search",
            [[["name", "foo", "x"]]],
            "builtins.ValueError",
            "Invalid operator in condition ('name', 'foo', 'x')",
        ),
        (
            "res.partner",
            "search",
            [[["name", "="]]],
            "builtins.ValueError",
            "Domain() invalid item in domain: ['name', '=']",
        ),
        (
            "res.partner",
            "create",
            [{"email": "a@b.example"}],
            "odoo.exceptions.ValidationError",
            "The operation cannot be completed: Contacts require a name",
        ),
        (
            "sale.order",
            "create",
            [{}],
            "odoo.exceptions.ValidationError",
            CUSTOMER_19,
        ),
        (
            "res.partner",
            "write",
            [[NOWHERE], {"name": "x"}],
            "odoo.exceptions.MissingError",
            "Record does not exist or has been deleted.\n(Record: res.partner(99999999,), User: 2)",
        ),
        (
            "res.partner",
            "unlink",
            [[NOWHERE]],
            "odoo.exceptions.MissingError",
            "Record does not exist or has been deleted.\n(Record: res.partner(99999999,), User: 2)",
        ),
        (
            "sale.order",
            "create",
            [{"partner_id": NOWHERE}],
            "odoo.exceptions.MissingError",
            "Record does not exist or has been deleted.\n(Record: res.partner(99999999,), User: 2)",
        ),
        (
            "sale.order",
            "create",
            [{"partner_id": 1, "payment_term_id": NOWHERE}],
            "odoo.exceptions.ValidationError",
            TERM_19,
        ),
        (
            "sale.order",
            "create",
            [{"partner_id": 1, "order_line": [{"name": "x"}]}],
            "builtins.TypeError",
            "unhashable type: 'dict'",
        ),
        ("res.partner", "write", [[1], {"type": "zz"}], "builtins.ValueError", "Wrong value for res.partner.type: 'zz'"),
        (
            "res.partner",
            "write",
            [[1], {"color": 2**31}],
            "psycopg2.errors.NumericValueOutOfRange",
            "integer out of range\n",
        ),
        ("res.partner", "write", [[1], {"color": "z"}], "builtins.ValueError", "invalid literal for int() with base 10: 'z'"),
        (
            "product.template",
            "create",
            [{"name": "x", "list_price": "abc"}],
            "builtins.ValueError",
            "could not convert string to float: 'abc'",
        ),
        (
            "res.partner",
            "create",
            [{"name": "a\0b"}],
            "builtins.ValueError",
            "A string literal cannot contain NUL (0x00) characters.",
        ),
        (
            "res.partner",
            "load",
            [["id", "nofield"], [["fcb.x", "y"]]],
            "builtins.ValueError",
            "Invalid field name 'nofield'",
        ),
        (
            "sale.order",
            "load",
            [["id", "order_line/nofield"], [["fcb.x", "y"]]],
            "builtins.ValueError",
            "Invalid field name 'nofield'",
        ),
        (
            "res.partner",
            "load",
            [["id", "name", "active"], [["fcb.x", "y", True]]],
            "builtins.AttributeError",
            "'bool' object has no attribute 'lower'",
        ),
        (
            "ir.model.data",
            "check_object_reference",
            ["fcb", "nowhere"],
            "builtins.ValueError",
            "External ID not found in the system: fcb.nowhere",
        ),
        (
            "ir.model.data",
            "create",
            [{"module": "base", "name": "ca", "model": "res.country", "res_id": 1}],
            "odoo.exceptions.ValidationError",
            "The operation cannot be completed: duplicate key value violates unique constraint "
            '"ir_model_data_module_name_uniq_index"\nDETAIL:  Key (module, name)=(base, ca) already exists.\n',
        ),
        (
            "decimal.precision",
            "create",
            [{"name": "Product Unit", "digits": 3}],
            "odoo.exceptions.AccessError",
            "You are not allowed to create 'Decimal Precision' (decimal.precision) records.\n\n"
            "No group currently allows this operation.\n\nContact your administrator to request access if necessary.",
        ),
    ],
)
def test_errors_have_their_names_and_words(
    login: Login, odoo: Odoo, names: Names, *, model: str, method: str, args: list[Any], name: str, message: str
) -> None:
    credentials = (login.database, odoo.user_id(), login.key)
    expected = names.either((name, message), IN_18.get(message, (name, message)))
    assert _error(_ask(login, "object", "execute_kw", *credentials, model, method, args)) == expected


@pytest.mark.parametrize(
    ("method", "args"), [("create", [{"name": "x"}, 1, 2]), ("search", []), ("write", [[1]]), ("has_access", ["read"])]
)
def test_wrong_arguments_are_a_type_error(login: Login, odoo: Odoo, method: str, args: list[Any]) -> None:
    credentials = (login.database, odoo.user_id(), login.key)
    name, _ = _error(_ask(login, "object", "execute_kw", *credentials, "res.partner", method, args))
    assert name == "builtins.TypeError"
