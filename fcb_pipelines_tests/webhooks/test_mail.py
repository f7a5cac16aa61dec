"""Handing a mail in to a real server over a real socket: with TLS or not at all, whatever the server does, no password told."""

import asyncio
import socket
import ssl
import time
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.notices import LONGEST_SUBJECT, MailServer, Told, one_line, pause, subject, text
from fcb_pipelines.webhooks.mail import hand_in, mail
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.webhooks.mail_server import PASSWORD, Faults, mail_server, write_certificate

TO = ("ops@example.com", "duty@example.com")


def told(words: str = "ep_x is disabled", service: str = "shop") -> Told:
    return Told(service=service, kind="endpoint_disabled", words=words, raised_at=NOW)


def handed_in(server: MailServer, message: EmailMessage, **limits: Any) -> str | None:
    return asyncio.run(hand_in(server, message, **limits))


MAIL = mail("fcb@example.com", TO, [told()], NOW)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("mail") / "certificate.pem")


@pytest.mark.parametrize("is_tls_at_once", [False, True])
def test_a_mail_arrives_over_tls(certificate: Path, *, is_tls_at_once: bool) -> None:
    with mail_server(certificate, is_tls_at_once=is_tls_at_once) as box:
        assert handed_in(box.server(is_tls_at_once=is_tls_at_once), MAIL, tls=box.trusting) is None
    (found,) = box.mails
    assert (found["From"], found["To"], found["Subject"]) == ("fcb@example.com", ", ".join(TO), "fcb shop: ep_x is disabled")
    assert found["Auto-Submitted"] == "auto-generated"
    assert "2026-06-02 16:00 UTC  shop  ep_x is disabled" in found.get_content()
    assert [one.partition(">")[0] for one in box.recipients] == [f"TO:<{one}" for one in TO]
    assert box.was_secure == [True]


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (Faults(offers_starttls=False), "offers no STARTTLS"),
        (Faults(refuses_starttls=True), "refuses (454): not now"),
        (Faults(breaks_tls=True), "does not speak TLS as it should"),
        (Faults(refuses_mail=f"451 {PASSWORD} come\tback later"), "refuses (451): … come back later"),
        (Faults(refuses_recipient=True), "does not take mail for duty@example.com (550), ops@example.com (550)"),
        (Faults(hangs_up_at="data"), "hung up"),
        (Faults(hangs_up_at="greeting"), "hung up"),
        (Faults(silent_at="mail"), "said nothing for too long"),
        (Faults(silent_at="greeting"), "said nothing for too long"),
    ],
)
def test_what_a_server_does_wrong_is_one_line_without_the_password(certificate: Path, faults: Faults, said: str) -> None:
    with mail_server(certificate, faults=faults) as box:
        problem = handed_in(box.server(), MAIL, tls=box.trusting, step_seconds=0.5)
    assert problem is not None
    assert problem.startswith("the mail server 127.0.0.1 ")
    assert said in problem
    assert PASSWORD not in problem
    assert problem.isprintable()
    assert box.mails == []
    assert all(box.was_secure), "a password that anybody could read"


@pytest.mark.parametrize("faults", [Faults(hangs_up_at="quit"), Faults(silent_at="quit"), Faults(hangs_up_at="taken")])
def test_only_what_was_taken_counts_however_the_server_takes_leave(certificate: Path, faults: Faults) -> None:
    with mail_server(certificate, faults=faults) as box:
        problem = handed_in(box.server(), MAIL, tls=box.trusting, step_seconds=0.3)
    assert len(box.mails) == 1
    assert problem == ("the mail server 127.0.0.1 hung up" if faults.hangs_up_at == "taken" else None)


def test_a_wrong_password_is_told_by_its_variable_and_not_shown(certificate: Path) -> None:
    with mail_server(certificate) as box:
        problem = handed_in(box.server(password="mistyped"), MAIL, tls=box.trusting)
    assert problem == "the mail server 127.0.0.1 refuses user or password (535): check FCB_SMTP_URL"


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    for at_once in (False, True):
        with mail_server(certificate, is_tls_at_once=at_once) as box:
            problem = handed_in(box.server(is_tls_at_once=at_once), MAIL, tls=ssl.create_default_context())
        assert problem is not None
        assert "has a certificate that is not trusted: self-signed certificate" in problem
        assert box.was_secure == []


@pytest.mark.parametrize("at", ["greeting", "ehlo", "data"])
def test_a_server_that_drips_ends_by_the_clock(certificate: Path, at: str) -> None:
    with mail_server(certificate, faults=Faults(drips_at=at)) as box:
        begun = time.monotonic()
        problem = handed_in(box.server(), MAIL, tls=box.trusting, step_seconds=5, most_seconds=0.5)
        assert time.monotonic() - begun < 2
    assert problem == "the mail server 127.0.0.1 was not done within 0.5 s"


def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    problem = handed_in(MailServer(host="127.0.0.1", port=port, is_tls_at_once=False), MAIL)
    assert problem == "the mail server 127.0.0.1 cannot be reached: Connection refused"


@given(words=st.text(max_size=400), service=st.text(max_size=10))
def test_no_words_break_the_subject_or_the_header(words: str, service: str) -> None:
    made = mail("fcb@example.com", TO, [told(words, service)], NOW)
    assert len(made["Subject"]) <= LONGEST_SUBJECT
    assert made["Subject"].isprintable()
    assert made.as_bytes().count(b"\r\nSubject:") + made.as_bytes().startswith(b"Subject:") == 1
    assert set(made.keys()) >= {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"}


@given(words=st.lists(st.text(max_size=60), min_size=2, max_size=5))
def test_several_are_one_mail_with_a_line_each(words: list[str]) -> None:
    several = [told(each) for each in words]
    assert subject(several) == f"fcb shop: {len(words)} notices"
    lines = text(several).split("\n\n")
    assert [one.rstrip() for one in lines[:-1]] == [f"2026-06-02 16:00 UTC  shop  {one_line(each)}".rstrip() for each in words]


def test_the_pause_grows_from_a_minute_to_an_hour() -> None:
    found = [pause(attempts) for attempts in range(8)]
    assert found == [timedelta(minutes=each) for each in (1, 2, 4, 8, 16, 32, 60, 60)]
    assert pause(10_000) == timedelta(hours=1)
