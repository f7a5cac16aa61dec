"""`fcb keys` and `fcb audit` as an operator types them; every address is given, so nothing is started."""

import json
import os
import pwd
import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from fcb_pipelines.cli.keys import duration, moment
from fcb_pipelines.domain.access import parsed
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.conftest import NOW


def test_a_key_lives_from_making_to_revoking(fcb: Fcb, store_database: str) -> None:
    made = fcb("keys", "create", "--name", "client", "--scope", "usage:write", "--scope", "usage:read", "--expires", "90d")
    assert made.returncode == 0, made.stderr
    plain = parsed(made.stdout.removesuffix("\n"))
    assert plain is not None
    said = re.match(r"(k_[0-9a-f]{12}) of shop, client: usage:read, usage:write; expires at ", made.stderr)
    assert said is not None, made.stderr

    rotated = fcb("keys", "rotate", said[1], "--overlap", "2h")
    assert rotated.returncode == 0, rotated.stderr
    assert parsed(rotated.stdout.strip()) not in (None, plain)

    old, new = json.loads(fcb("keys", "list", "--service", "shop", "--json").stdout)["keys"]
    assert (old["key_id"], old["state"], old["last_four"], new["rotated_from"]) == (said[1], "live", plain.last_four, said[1])
    assert new["scopes"] == ["usage:read", "usage:write"]
    left = datetime.fromisoformat(old["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=50) < left <= timedelta(hours=2)

    revoked = fcb("keys", "revoke", new["key_id"])
    assert (revoked.returncode, revoked.stdout) == (0, "")
    table = fcb("keys", "list").stdout
    assert new["key_id"] in table
    assert "revoked" in table

    everything = "".join(each.stderr for each in (made, rotated, revoked)) + table
    assert not any(secret.strip()[4:30] in everything for secret in (made.stdout, rotated.stdout))
    with psycopg.connect(store_database) as conn:
        acts = conn.execute("SELECT actor, act, subject FROM audit_log ORDER BY position").fetchall()
    me = pwd.getpwuid(os.getuid()).pw_name
    assert acts == [(me, "key_created", said[1]), (me, "key_rotated", said[1]), (me, "key_revoked", new["key_id"])]


def test_wrong_use_is_one_line(fcb: Fcb) -> None:
    key_id = fcb("keys", "create", "--name", "n").stderr.split()[0]
    assert fcb("keys", "revoke", key_id).returncode == 0
    for args, code, said in (
        (("revoke", key_id), 1, f"{key_id} was revoked at "),
        (("rotate", key_id), 1, f"{key_id} is revoked"),
        (("revoke", "k_nobody"), 2, "there is no key 'k_nobody'"),
        (("rotate", key_id, "--overlap", "soon"), 2, "'soon' is not a duration"),
        (("create", "--name", "n", "--expires", "1d", "--expires", "2d"), 2, "--expires is given twice"),
        (("create", "--name", "n", "--expires", "2020-01-01"), 2, "within ten years"),
        (("create", "--name", "n", "--service", "nobody"), 2, "no service 'nobody'"),
        (("list", "--service", "nobody"), 2, "no service 'nobody'"),
    ):
        done = fcb("keys", *args)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert done.stderr.startswith(f"fcb: {said}") or said in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
    unknown = fcb("keys", "create", "--name", "n", "--scope", "everything")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "usage:write" in unknown.stderr


def test_the_logs_are_proved_whole_or_the_row_is_told(fcb: Fcb, store_database: str) -> None:
    fcb("keys", "create", "--name", "n")
    whole = fcb("audit", "verify")
    assert (whole.returncode, whole.stderr) == (0, "")
    access, audit = whole.stdout.splitlines()
    assert re.fullmatch(r"access_log:0:[0-9a-f]{64}", access)
    assert re.fullmatch(r"audit_log:1:[0-9a-f]{64}", audit)
    assert fcb("audit", "verify", "--known", access, "--known", audit).returncode == 0

    forged = fcb("audit", "verify", "--known", audit[:-8] + "0" * 8)
    assert (forged.returncode, forged.stdout.splitlines()) == (1, [access])
    assert forged.stderr == "audit_log is broken at row 1 (rewritten): the rows up to here are not those whose head was kept\n"
    wrong = fcb("audit", "verify", "--known", "yesterday")
    assert (wrong.returncode, wrong.stderr.partition(" is not a head")[0]) == (2, "fcb: 'yesterday'")

    with psycopg.connect(store_database) as conn:
        conn.execute("ALTER TABLE audit_log DISABLE TRIGGER ALL; UPDATE audit_log SET actor = 'nobody'")
    broken = fcb("audit", "verify", "--json")
    found = json.loads(broken.stdout)
    assert (broken.returncode, found["access_log"]["broken"], found["audit_log"]["broken"]["wrong"]) == (1, None, "changed")
    assert "audit_log is broken at row 1 (changed)" in broken.stderr


@pytest.mark.parametrize(
    ("text", "length"),
    [("30m", timedelta(minutes=30)), ("24h", timedelta(days=1)), ("90d", timedelta(days=90)), (" 4w ", timedelta(weeks=4)),
     ("0h", timedelta(0)), ("99999w", timedelta(weeks=99999))],
)  # fmt: skip
def test_a_duration_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert duration(text) == length
    assert moment(text, NOW) == NOW + length


@pytest.mark.parametrize("text", ["", "d", "24", "24 h", "-1h", "1.5h", "1y", "100000d", "٣d", "24H", "1h30m"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a duration"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2027-03-31", datetime(2027, 3, 31, tzinfo=UTC)),
        ("2027-03-31T12:00:00Z", datetime(2027, 3, 31, 12, tzinfo=UTC)),
        ("2027-03-31T12:00:00-04:00", datetime(2027, 3, 31, 16, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_date_or_a_time_with_zone(text: str, at: datetime) -> None:
    assert moment(text, NOW) == at


@pytest.mark.parametrize("text", ["", "tomorrow", "2027-02-30", "2027-03-31T12:00:00", "31.03.2027"])
def test_anything_else_is_no_end(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"is no time to expire at|needs a zone"):
        moment(text, NOW)
