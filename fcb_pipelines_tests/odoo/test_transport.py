"""Which transport is taken: what the setting says, and with `auto` what the server and the key can."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from fcb_pipelines.domain.errors import OutcomeUnknown, Refused, RemoteError, RolledBack
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.odoo.sandbox.edition import COMMUNITY_19
from fcb_pipelines.odoo.transport import Choice, connect, transport_of
from fcb_pipelines_tests.odoo.conftest import DATABASE
from fcb_pipelines_tests.odoo.connected import connected
from fcb_pipelines_tests.odoo.editions import NOW
from fcb_pipelines_tests.odoo.faulty import COMMUNITY_19 as VERSION_19
from fcb_pipelines_tests.odoo.faulty import Answer, error, faulty, result, text
from fcb_pipelines_tests.odoo.server import ADMIN_KEY, serving

VERSION_18 = (18, 0, 0, "final", 0, "")
NO_MODULE = r"Odoo 19\.0 at .* does not answer /jsonrpc: its module `rpc`.* is not installed"
WRONG_KEY = text(json.dumps({"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"}), status=401)


def _search(url: str, transport: Choice, **more: Any) -> tuple[str, Any]:
    odoo = connected(url, transport, **more)
    found = odoo.call("res.partner", "search", [])
    return transport_of(odoo), found


@pytest.mark.parametrize(
    ("transport", "version", "name"),
    [
        ("auto", VERSION_19, "JSON-2 (auto)"),
        ("auto", (20, 0, 0, "final", 0, ""), "JSON-2 (auto)"),
        ("auto", ("saas~19", 2, 0, "final", 0, "e"), "JSON-2 (auto)"),
        ("auto", VERSION_18, "JSON-RPC (auto)"),
        ("auto", ("saas~18", 4, 0, "final", 0, "e"), "JSON-RPC (auto)"),
        ("jsonrpc", VERSION_19, "JSON-RPC"),
        ("json2", VERSION_19, "JSON-2"),
    ],
)
def test_the_transport_follows_setting_and_version(transport: Choice, version: Sequence[Any], name: str) -> None:
    with faulty(result([7]), version=version) as server:
        assert _search(server.url, transport) == (name, [7])
    assert any(path.startswith("/json/2/") for path in server.paths) is name.startswith("JSON-2")
    assert ("/jsonrpc" in server.paths) is name.startswith("JSON-RPC")


@pytest.mark.parametrize(
    "refusal",
    [
        WRONG_KEY,
        text("<html>Not Found</html>", status=404, kind="text/html"),
        text("<html>not through this proxy</html>", status=403, kind="text/html"),
        text("", status=302, Location="/web/login"),
    ],
)
def test_auto_takes_the_older_one_where_json2_is_not_open_to_us(refusal: Answer) -> None:
    with faulty(result([7]), on_login=refusal) as server:
        assert _search(server.url, "auto") == ("JSON-RPC (auto)", [7])
        with pytest.raises(Refused, match=r"FCB_ODOO_TRANSPORT|do not follow|HTTP 403"):
            _search(server.url, "json2")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (text("Too many", status=429), RolledBack),
        (text("<html>Bad gateway</html>", status=502, kind="text/html"), OutcomeUnknown),
        (text("<html>A page of somebody else</html>", kind="text/html"), OutcomeUnknown),
        (error("odoo.exceptions.AccessDenied"), Refused),
    ],
)
def test_auto_decides_nothing_while_the_server_cannot_say(fault: Answer, kind: type[RemoteError]) -> None:
    with faulty(result([7]), on_login=fault) as server:
        odoo = connected(server.url, "auto")
        with pytest.raises(kind):
            odoo.call("res.partner", "search", [])
        assert "/jsonrpc" not in server.paths
        server.on_login = None
        assert odoo.call("res.partner", "search", []) == [7]
        assert odoo.transport() == "JSON-2 (auto)"


def test_the_choice_is_made_once() -> None:
    with faulty(result([7])) as server:
        odoo = connected(server.url, "auto")
        odoo.call("res.partner", "search", [])
        asked = len(server.paths)
        odoo.call("res.partner", "search", [])
        assert server.paths[asked:] == ["/json/2/res.partner/search"]


@pytest.mark.parametrize("password", ["pässword", "two\nlines", " blank"])
def test_a_password_that_no_header_carries_goes_the_older_way(password: str) -> None:
    with faulty(result([7])) as server:
        assert _search(server.url, "auto", key=password) == ("JSON-RPC (auto)", [7])
        assert server.authorizations == {""}
        with pytest.raises(Refused, match=r"API keys only.*FCB_ODOO_TRANSPORT=jsonrpc") as raised:
            _search(server.url, "json2", key=password)
    assert password not in str(raised.value)


def test_json2_asked_of_an_older_server_names_the_variable() -> None:
    with faulty(result([7]), version=VERSION_18) as server:
        with pytest.raises(Refused, match=r"Odoo 18\.0 .* has no JSON-2.* from Odoo 19 on.*FCB_ODOO_TRANSPORT"):
            _search(server.url, "json2")
    assert not any(path.startswith("/json/2/") for path in server.paths)


def test_json2_with_a_password_names_the_variable() -> None:
    with faulty(result([7]), on_login=WRONG_KEY) as server:
        with pytest.raises(Refused, match=r"FCB_ODOO_KEY over JSON-2, which takes API keys only.*FCB_ODOO_TRANSPORT=jsonrpc"):
            _search(server.url, "json2")


@pytest.mark.parametrize("transport", ["auto", "json2"])
def test_the_key_of_somebody_else_is_refused(transport: Choice) -> None:
    with faulty(result([7])) as server:
        with pytest.raises(Refused, match="FCB_ODOO_KEY is a key of the user 'user', but FCB_ODOO_USER is 'else'"):
            _search(server.url, transport, user="else")
    assert server.calls == []


def test_a_server_without_its_rpc_module_says_what_to_do(fresh_database: str) -> None:
    bare = replace(COMMUNITY_19, modules=tuple(name for name in COMMUNITY_19.modules if name != "rpc"))
    database = fresh_database.rpartition("/")[2].partition("?")[0]
    with serving(create_app(fresh_database, {"admin": ADMIN_KEY}, clock=lambda: NOW, edition=bare)) as url:
        expected: dict[Choice, str] = {"auto": NO_MODULE, "jsonrpc": NO_MODULE, "json2": "its module `rpc` installed"}
        for transport, said in expected.items():
            with pytest.raises(Refused, match=said):
                connect(url, database, "admin", ADMIN_KEY, transport=transport).user_id()


def test_the_version_is_asked_at_its_later_address_too(sandbox_url: str) -> None:
    with faulty(result([7]), later_version=True) as server:
        assert connected(server.url, "auto").version().major == 19
    assert server.paths == ["/web/webclient/version_info", "/web/version"]
    assert connect(sandbox_url, DATABASE, "admin", ADMIN_KEY).version().text == "19.0"
