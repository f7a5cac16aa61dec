"""JSON-2 itself, without our port: addresses, statuses, and the table of errors."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from fcb_pipelines_tests.odoo.conftest import Login

NOWHERE = 99_999_999
JSON = {"Content-Type": "application/json"}
HINT = "Did you mean POST /json/2/<model>/<method>?"


def _ask(
    login: Login, path: str, body: bytes | None = b"{}", headers: Mapping[str, str] | None = None, method: str = "POST"
) -> tuple[int, Mapping[str, str], str]:
    given = {"Authorization": f"bearer {login.key}", **JSON, **(headers or {})}
    kept = {name: value for name, value in given.items() if value}
    request = Request(f"{login.url}{path}", body, kept, method=method)  # noqa: S310
    try:
        answer = urlopen(request, timeout=60)  # noqa: S310
    except HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers, answer.read().decode()


def _call(login: Login, model: str, method: str, **given: Any) -> Any:
    status, headers, text = _ask(login, f"/json/2/{model}/{method}", json.dumps(given).encode())
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    return json.loads(text)


def _told(answer: tuple[int, Mapping[str, str], str]) -> tuple[int, str, str]:
    status, headers, text = answer
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    told = json.loads(text)
    assert {"name", "message", "arguments", "context", "debug"} == told.keys()
    return status, told["name"], told["message"]


def test_the_result_is_bare(json2_login: Login) -> None:
    user = _call(json2_login, "res.users", "context_get")["uid"]
    assert isinstance(user, int)
    assert _call(json2_login, "res.users", "read", ids=[user], fields=["login"]) == [{"id": user, "login": json2_login.user}]
    assert _call(json2_login, "res.partner", "search", domain=[("id", "=", 1)]) == [1]
    assert _call(json2_login, "res.partner", "search_count", domain=[("id", "=", 1)]) == 1
    assert _call(json2_login, "res.partner", "check_access_rights", operation="read") is None
    assert _call(json2_login, "res.partner", "has_access", ids=[], operation="read") is True
    assert _call(json2_login, "res.partner", "read") == []


def test_one_new_record_is_a_list_too(json2_login: Login, run: str) -> None:
    (partner,) = _call(json2_login, "res.partner", "create", vals_list={"name": run})
    assert _call(json2_login, "res.partner", "unlink", ids=[partner]) is True


def test_each_key_is_its_users(json2_login: Login) -> None:
    path = "/json/2/res.users/context_get"
    users = [
        json.loads(_ask(json2_login, path, headers={"Authorization": f"Bearer  {key}"})[2])["uid"]
        for key in (json2_login.key, json2_login.least_key)
    ]
    assert users[0] != users[1]


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        ("bearer wrong", "Invalid apikey"),
        ("", "User not authenticated, use an API Key with a Bearer Authorization header."),
        ("basic abc", "User not authenticated, use an API Key with a Bearer Authorization header."),
    ],
)
def test_without_a_key_nobody_comes_in(json2_login: Login, authorization: str, message: str) -> None:
    answer = _ask(json2_login, "/json/2/res.partner/search", headers={"Authorization": authorization})
    assert _told(answer) == (401, "werkzeug.exceptions.Unauthorized", message)
    assert answer[1]["WWW-Authenticate"].strip() == "Bearer"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/json/2/res.partner/search"), ("POST", "/json/2"), ("POST", "/json/2/a")]
)
def test_what_is_no_call_gets_a_hint(json2_login: Login, method: str, path: str) -> None:
    body = b"{}" if method == "POST" else None
    answer = _ask(json2_login, path, body, {"Content-Type": "" if body is None else JSON["Content-Type"]}, method)
    assert _told(answer) == (404, "werkzeug.exceptions.NotFound", HINT)


def test_an_unknown_database_is_a_page(json2_login: Login) -> None:
    status, headers, text = _ask(json2_login, "/json/2/res.users/context_get", headers={"X-Odoo-Database": "nodb"})
    assert (status, headers["Content-Type"].partition(";")[0]) == (404, "text/html")
    assert "404 Not Found" in text
    named = {"X-Odoo-Database": json2_login.database}
    assert _ask(json2_login, "/json/2/res.users/context_get", headers=named)[0] == 200


def test_another_kind_of_body_is_refused_with_a_page(json2_login: Login) -> None:
    status, headers, text = _ask(json2_login, "/json/2/res.users/context_get", b"x", {"Content-Type": "text/plain"})
    assert (status, headers["Content-Type"].partition(";")[0]) == (415, "text/html")
    assert "Unsupported Media Type" in text


def test_a_body_that_is_no_json_is_refused(json2_login: Login) -> None:
    status, name, message = _told(_ask(json2_login, "/json/2/res.partner/search", b"{bad"))
    assert (status, name) == (400, "werkzeug.exceptions.BadRequest")
    assert message.startswith("could not parse the body as json: Expecting property name")


@pytest.mark.parametrize("body", [b"[1]", b"null", b""])
def test_a_body_that_is_no_object_has_no_arguments(json2_login: Login, body: bytes) -> None:
    answer = _told(_ask(json2_login, "/json/2/res.partner/search", body))
    assert answer == (422, "werkzeug.exceptions.UnprocessableEntity", "missing a required argument: 'domain'")


@pytest.mark.parametrize(
    ("model", "method", "given", "status", "name", "message"),
    [
        ("no.model", "search", {}, 404, "werkzeug.exceptions.NotFound", "the model 'no.model' does not exist"),
        ("res.partner", "nometh", {}, 404, "werkzeug.exceptions.NotFound", "The method 'res.partner.nometh' does not exist"),
        (
            "res.partner",
            "_compute_display_name",
            {"ids": [1]},
            403,
            "odoo.exceptions.AccessError",
            "Private methods (such as 'res.partner._compute_display_name') cannot be called remotely.",
        ),
        (
            "res.partner",
            "search",
            {"domain": [], "nope": 1},
            422,
            "werkzeug.exceptions.UnprocessableEntity",
            "got an unexpected keyword argument 'nope'",
        ),
        (
            "res.partner",
            "write",
            {"ids": [1]},
            422,
            "werkzeug.exceptions.UnprocessableEntity",
            "missing a required argument: 'vals'",
        ),
        (
            "res.partner",
            "search",
            {"ids": [1], "domain": []},
            422,
            "werkzeug.exceptions.UnprocessableEntity",
            "cannot call res.partner.search with ids",
        ),
        (
            "res.partner",
            "create",
            {"vals_list": [{"email": "a@b.example"}]},
            422,
            "odoo.exceptions.ValidationError",
            "The operation cannot be completed: Contacts require a name",
        ),
        (
            "res.partner",
            "write",
            {"ids": [NOWHERE], "vals": {"name": "x"}},
            404,
            "odoo.exceptions.MissingError",
            "Record does not exist or has been deleted.\n(Record: res.partner(99999999,), User: 2)",
        ),
        (
            "res.partner",
            "create",
            {"vals_list": {"name": "x", "nofield": 1}},
            500,
            "builtins.ValueError",
            "Invalid field 'nofield' in 'res.partner'",
        ),
        (
            "res.partner",
            "write",
            {"ids": [1], "vals": {"color": 2**31}},
            500,
            "psycopg2.errors.NumericValueOutOfRange",
            "integer out of range\n",
        ),
        (
            "res.partner",
            "load",
            {"fields": ["id", "nofield"], "data": [["fcb.x", "y"]]},
            500,
            "builtins.ValueError",
            "Invalid field name 'nofield'",
        ),
    ],
)
def test_errors_have_their_status_names_and_words(
    json2_login: Login, *, model: str, method: str, given: dict[str, Any], status: int, name: str, message: str
) -> None:
    answer = _ask(json2_login, f"/json/2/{model}/{method}", json.dumps(given).encode())
    assert _told(answer) == (status, name, message)


def test_a_lack_of_rights_is_forbidden(json2_login: Login) -> None:
    key = {"Authorization": f"bearer {json2_login.least_key}"}
    status, name, message = _told(_ask(json2_login, "/json/2/ir.model.data/search", b'{"domain": []}', key))
    assert (status, name) == (403, "odoo.exceptions.AccessError")
    assert message.startswith("You are not allowed to access 'Model Data' (ir.model.data) records.")


def test_a_refused_load_keeps_nothing_although_it_is_answered(json2_login: Login, run: str) -> None:
    rows = [[f"fcb.{run}_1", run], [f"fcb.{run}_2", ""]]
    answer = _call(json2_login, "res.partner", "load", fields=["id", "name"], data=rows)
    assert answer["ids"] is False
    assert answer["messages"][0]["record"] == 1
    assert _call(json2_login, "res.partner", "search_count", domain=[("name", "=", run)]) == 0


def test_the_version_is_told_without_a_key(json2_login: Login) -> None:
    status, _, text = _ask(json2_login, "/web/version", None, {"Authorization": "", "Content-Type": ""}, "GET")
    assert status == 200
    assert json.loads(text) == {"version_info": [19, 0, 0, "final", 0, ""], "version": "19.0"}
