"""`fcb webhook`: the two answers about a URL, and signatures by hand, in a folder without settings."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.cli.webhook import SUBCOMMANDS, webhook
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.settings import load
from fcb_pipelines_tests.projects import write_project

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
BODY = b'{"type": "endpoint.test"}'
SIGN = ("sign", "--id", "msg_1", "--timestamp", "1750000000")
VERIFY = ("verify", "--id", "msg_1", "--timestamp", "1750000000", "--now", "1750000300")


def run(*args: str, given: bytes = b"", environ: dict[str, str] | None = None) -> Result:
    """The command in this process; errors of ours stay exceptions here, and become exit code 2 in `main`."""
    return CliRunner().invoke(webhook, args, input=given, env=environ)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("args", "said", "code"),
    [
        (("https://8.8.8.8/hook",), "allow", 0),
        (("https://8.8.8.8:8443",), "allow", 0),
        (("https://127.0.0.1/",), "deny: 127.0.0.1 is loopback (RFC 1122)", 1),
        (("https://[::1]/",), "deny: ::1 is loopback (RFC 4291)", 1),
        (("http://8.8.8.8/",), "deny: it must begin with https://", 1),
        (("https://8.8.8.8:9443/",), "deny: port 9443 is not allowed, only 443, 8443", 1),
        (("https://8.8.8.8:9443/", "--port", "9443"), "allow", 0),
        (("https://10.20.1.1/", "--network", "10.20.0.0/16"), "allow", 0),
        (("https://10.21.1.1/", "--network", "10.20.0.0/16"), "deny: 10.21.1.1 is private use (RFC 1918)", 1),
        (("http://localhost:3000/hook", "--http-local"), "allow", 0),
        (("http://8.8.8.8/", "--http-local"), "deny: 8.8.8.8 is not this machine, and plain http goes nowhere else", 1),
        (("https://nobody.invalid/",), "deny: nobody.invalid cannot be looked up: ", 1),
        (("\udcff",), "deny: it is not a URL such as https://example.com/hook", 1),
        (("https://\udcff.com/",), "deny: the host has characters that no name may have (RFC 5892)", 1),
        (("",), "deny: it is not a URL such as https://example.com/hook", 1),
    ],
)
def test_a_url_is_allowed_or_denied_with_the_reason(args: tuple[str, ...], said: str, code: int) -> None:
    done = run("check-url", *args)
    assert done.stdout.startswith(said)
    assert done.stdout.count("\n") == 1
    assert (done.exit_code, done.stderr) == (code, "")


def test_localhost_is_looked_up_for_real() -> None:
    done = run("check-url", "https://localhost/")
    assert done.stdout.startswith("deny: localhost is at ")
    assert "loopback" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "url"),
    [
        ("FCB_WEBHOOK_ALLOW_HTTP_LOCAL", "true", "http://127.0.0.1:3000/"),
        ("FCB_WEBHOOK_PORTS", "9443,10443", "https://8.8.8.8:10443/"),
        ("FCB_WEBHOOK_NETWORKS", "10.20.0.0/16,fd00::/8", "https://[fd00::1]/"),
    ],
)
def test_the_variables_count_as_for_deliveries(name: str, value: str, url: str, tmp_path: Path) -> None:
    assert run("check-url", url).exit_code == 1
    assert run("check-url", url, environ={name: value}).stdout == "allow\n"
    (tmp_path / ".env").write_text(f"{name}={value}\n")
    assert run("check-url", url).stdout == "allow\n"
    assert load({}, folder=write_project(tmp_path, "nexacloud")), "other commands know the variable too"


@pytest.mark.parametrize(
    ("name", "value"),
    [("FCB_WEBHOOK_ALLOW_HTTP_LOCAL", "perhaps"), ("FCB_WEBHOOK_PORTS", "x"), ("FCB_WEBHOOK_NETWORKS", "0.0.0.0/0")],
)
def test_a_wrong_setting_is_said(name: str, value: str) -> None:
    done = run("check-url", "https://8.8.8.8/", environ={name: value})
    assert isinstance(done.exception, InvalidInput)
    assert done.stdout == ""


LINES = [
    (b"https://8.8.8.8/", "allow"),
    (b"https://8.8.8.8/\r", "allow"),
    (b"https://127.0.0.1/", "deny: 127.0.0.1 is loopback (RFC 1122)"),
    (b"", "deny: it is not a URL such as https://example.com/hook"),
    (b"\xff\xfehttps://8.8.8.8/", "deny: it is not text in UTF-8"),
    (b"https://8.8.8.8/\x00", "deny: it has a space, a line end or another control character"),
    (b"https://8.8.8.8/" + b"a" * 200_000, "deny: it is longer than 2,048 characters"),
    ("https://１２７.0.0.1/".encode(), "deny: the host has characters that no name may have (RFC 5892)"),
]


def test_a_dash_reads_one_url_a_line_and_answers_each() -> None:
    done = run("check-url", "-", given=b"\n".join(line for line, _ in LINES))
    assert done.stdout.splitlines() == [said for _, said in LINES]
    assert (done.exit_code, done.stderr) == (1, "")
    assert run("check-url", "-", given=b"https://8.8.8.8/\nhttps://1.1.1.1/\n").exit_code == 0


def test_nothing_to_read_is_wrong_use() -> None:
    assert run("check-url", "-").exit_code == 2


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), min_size=1, max_size=5))
def test_any_bytes_get_one_line_each(lines: list[bytes]) -> None:
    done = run("check-url", "-", given=b"".join(line + b"\n" for line in lines))
    assert done.exit_code == 1
    assert [line[:6] for line in done.stdout.splitlines()] == ["deny: "] * len(lines)


def test_a_signature_is_made_and_checked() -> None:
    made = run(*SIGN, "--secret", SECRET, given=BODY)
    assert (made.exit_code, made.stderr) == (0, "")
    checked = run(*VERIFY, "--secret", SECRET, "--signature", made.stdout.strip(), given=BODY)
    assert (checked.exit_code, checked.stdout, checked.stderr) == (0, "valid\n", "")


def test_the_variable_holds_secrets_too_and_several_sign_for_a_rotation() -> None:
    made = run(*SIGN, given=BODY, environ={"FCB_WEBHOOK_SECRET": f"{OTHER} {SECRET}"}).stdout
    assert [each[:3] for each in made.split()] == ["v1,", "v1,"]
    assert made == run(*SIGN, "--secret", OTHER, "--secret", SECRET, given=BODY).stdout
    for secret in (OTHER, SECRET):
        assert run(*VERIFY, "--signature", made.strip(), given=BODY, environ={"FCB_WEBHOOK_SECRET": secret}).exit_code == 0


@pytest.mark.parametrize(
    ("change", "body", "reason"),
    [
        ((), BODY + b" ", "no signature is by a secret of ours"),
        (("--secret", OTHER), BODY, "no signature is by a secret of ours"),
        (("--id", "msg_2"), BODY, "no signature is by a secret of ours"),
        (("--id", "msg.1"), BODY, "webhook-id is missing or malformed"),
        (("--id", ""), BODY, "webhook-id is missing or malformed"),
        (("--id", "\udcff"), BODY, "webhook-id is missing or malformed"),
        (("--timestamp", "01750000000"), BODY, "no signature is by a secret of ours"),
        (("--timestamp", "1_750_000_000"), BODY, "webhook-timestamp is missing or malformed"),
        (("--timestamp", "１７５００００００"), BODY, "webhook-timestamp is missing or malformed"),
        (("--signature", ""), BODY, "no signature is by a secret of ours"),
        (("--signature", "v1,\udcff"), BODY, "webhook-signature is missing or malformed"),
        (("--now", "1750000301"), BODY, "signed -301 seconds from now: more than 300 are not accepted"),
        (("--now", "1749999699"), BODY, "signed +301 seconds from now: more than 300 are not accepted"),
    ],
)
def test_what_is_not_valid_ends_with_1_and_the_reason(change: tuple[str, ...], body: bytes, reason: str) -> None:
    signature = run(*SIGN, "--secret", SECRET, given=BODY).stdout.strip()
    secret = () if "--secret" in change else ("--secret", SECRET)
    done = run(*VERIFY, "--signature", signature, *secret, *change, given=body)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"not valid: {reason}\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((*SIGN, "--secret", "nonsense"), "a webhook secret begins with whsec_"),
        ((*SIGN, "--secret", "whsec_AAAA"), "24 to 64 bytes"),
        ((*SIGN, "--secret", "whsec_\udcff"), "what follows whsec_"),
        ((*SIGN, *("--secret", SECRET) * 17), "more than 16 secrets"),
        ((*SIGN, "--secret", SECRET, "--timestamp", "017"), "--timestamp is in seconds since 1970"),
        ((*SIGN, "--secret", SECRET, "--timestamp", "1_7"), "--timestamp is in seconds since 1970"),
        ((*SIGN, "--secret", SECRET, "--id", "a.b"), "a message id is 1 to 255 visible ASCII characters"),
        ((*VERIFY, "--secret", "nonsense", "--signature", "v1,x"), "a webhook secret begins with whsec_"),
        ((*VERIFY, "--secret", SECRET, "--signature", "v1,x", "--now", "soon"), "--now is in seconds since 1970"),
    ],
)
def test_wrong_use_is_said_and_shows_no_secret(args: tuple[str, ...], said: str) -> None:
    done = run(*args, given=BODY)
    assert isinstance(done.exception, InvalidInput)
    assert said in str(done.exception)
    assert SECRET not in str(done.exception)


def test_the_secret_s_variable_is_in_nobody_s_way(tmp_path: Path) -> None:
    assert load({"FCB_WEBHOOK_SECRET": SECRET}, folder=write_project(tmp_path, "nexacloud"))


@pytest.mark.parametrize("name", sorted(SUBCOMMANDS))
def test_every_subcommand_has_help(name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: webhook {name}")
    assert f"  {name} " in run("--help").stdout


def test_the_process_ends_in_words_and_never_with_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fcb_pipelines", "webhook"]
    for args, text, code in (
        (["check-url", "-"], b"\xff\n\x00\n", 1),
        (["check-url", "https://8.8.8.8/"], b"", 0),
        ([*SIGN, "--secret", "nonsense"], BODY, 2),
        ([*VERIFY, "--secret", SECRET, "--signature", "v1,x"], BODY, 1),
    ):
        done = subprocess.run([*command, *args], input=text, capture_output=True, check=False, cwd=tmp_path, env=os.environ)
        assert done.returncode == code
        assert b"Traceback" not in done.stderr
