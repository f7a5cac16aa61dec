"""`fcb attest` as an operator types it."""

import json
import os
import pwd
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import pytest

from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.acts import planted_source as source
from fcb_pipelines_tests.cli.conftest import Fcb

ME = pwd.getpwuid(os.getuid()).pw_name
EXPIRES = (datetime.now(UTC) + timedelta(days=90)).date().isoformat()
WHY = ("--text", "I looked", "--expires", EXPIRES)


@pytest.fixture
def shop(fcb: Fcb, store_database: str) -> Fcb:
    """A shop with one subscription."""
    with Database(store_database).transaction() as conn:
        source.keep(conn, "shop")
    return fcb


def test_an_attestation_lives_from_signing_to_withdrawal(shop: Fcb) -> None:
    assert "nothing was attested of shop yet" in shop("attest", "--list").stderr
    made = shop("attest", "preview", "s-1/flat", "--value", "50 CAD", *WHY)
    assert made.returncode == 0, made.stderr
    assert "50.00 CAD" in made.stdout
    (one,) = json.loads(shop("attest", "--list", "--json").stdout)
    assert {name: one[name] for name in one if name not in ("made_at", "id")} == {
        "statement": "preview",
        "subject": "s-1/flat",
        "value": "50.00 CAD",
        "text": "I looked",
        "author": ME,
        "expires_on": EXPIRES,
        "state": "holds",
    }
    rehearsed = shop("attest", "rehearsed", "--value", version("fcb_pipelines"), *WHY, "--json")
    assert json.loads(rehearsed.stdout)[0]["state"] == "holds"
    back = shop("attest", "--withdraw", one["id"], "--text", "another price")
    assert (back.returncode, "taken back" in back.stdout) == (0, True)
    assert [each["state"] for each in json.loads(shop("attest", "--list", "--json").stdout)] == ["taken back", "holds"]


WRONG: tuple[tuple[tuple[str, ...], str], ...] = (
    ((), "give a STATEMENT, or --from FILE, or --list, or --withdraw T-1"),
    (("--list", "--withdraw", "T-1"), "give a STATEMENT, or --from FILE, or --list, or --withdraw T-1"),
    (("source_stopped", "s-1", "--text", "x"), "say with --expires until when it holds"),
    (("source_stopped", "s-1", "--expires", EXPIRES), "say why with --text"),
    (("source_stopped", "s-1", "--text", "x", "--expires", "July"), "--expires 'July' is not a day"),
    (("source_stopped", "s-9", *WHY), "'s-9' is not among the subscriptions"),
    (("preview", "s-1/flat", "--value", "much", *WHY), "--value 'much' is no amount"),
    (("paid_through", "s-1/flat", "--value", "soon", *WHY), "--value 'soon' is no day"),
    (("rehearsed", "--value", "0", *WHY), "is not this version"),
    (("--withdraw", "T-1", "--text", "x"), "shop has no attestation 'T-1'"),
)


def test_wrong_use_is_one_line(shop: Fcb) -> None:
    for args, said in WRONG:
        done = shop("attest", *args)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert done.stderr.startswith("fcb: ")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_statement_that_nobody_can_make_is_refused_with_those_that_one_can(shop: Fcb) -> None:
    done = shop("attest", "all_is_well", *WHY)
    assert done.returncode == 2
    assert "'source_stopped'" in done.stderr
