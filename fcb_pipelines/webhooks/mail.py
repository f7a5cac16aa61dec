"""Handing a mail in: one mail for everything that an operator is told at once, over TLS or not at all.

Owns: SMTP (RFC 5321, 3207, 8314), what each fault of a server is called, the time that it may take. Does not own: what a mail
says (domain/notices), whether it is tried again (acts/notices). No words of a fault hold the password.
"""

import asyncio
import contextlib
import smtplib
import ssl
import threading
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from fcb_pipelines.domain.notices import MailServer, Told, one_line, subject, text

STEP_SECONDS = 10.0
"""How long the server may take to say anything."""
MOST_SECONDS = 30.0
"""How long all of it may take, whatever the server does, looking up its name included."""
_LONGEST_WORDS = 200


def mail(sender: str, to: Sequence[str], told: Sequence[Told], at: datetime) -> EmailMessage:
    """What is handed in."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"] = sender, ", ".join(to)
    made["Subject"], made["Date"] = subject(told), format_datetime(at)
    made["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    # So that no out-of-office reply comes back (RFC 3834).
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text(told))
    return made


async def hand_in(
    server: MailServer,
    message: EmailMessage,
    *,
    tls: ssl.SSLContext | None = None,
    step_seconds: float = STEP_SECONDS,
    most_seconds: float = MOST_SECONDS,
) -> str | None:
    """Hand a mail in; why the server did not take it for everybody, or None. Certificates are checked by `tls`."""
    context = tls or ssl.create_default_context()
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[str | None] = loop.create_future()

    def work() -> None:
        problem = _problem(server, message, context, step_seconds)
        # Whoever gave up may have closed the loop by now.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_pass_on, waiting, problem)

    # A thread that nobody waits for: a server may drip, and a look-up of its name has no limit of its own.
    threading.Thread(target=work, name="fcb-mail", daemon=True).start()
    try:
        async with asyncio.timeout(most_seconds):
            return await waiting
    except TimeoutError:
        return f"the mail server {server.host} was not done within {most_seconds:g} s"


def _pass_on(waiting: asyncio.Future[str | None], problem: str | None) -> None:
    if not waiting.done():
        waiting.set_result(problem)


def _problem(server: MailServer, message: EmailMessage, tls: ssl.SSLContext, step_seconds: float) -> str | None:
    try:
        session = _session(server, tls, step_seconds)
    except (smtplib.SMTPException, OSError) as error:
        return _words(server, error)
    try:
        refused = session.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        return _words(server, error)
    finally:
        # However it takes leave of us, the mail is taken or it is not.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            session.quit()
        session.close()
    return _refused(server, refused) if refused else None


def _session(server: MailServer, tls: ssl.SSLContext, step_seconds: float) -> smtplib.SMTP:
    if server.is_tls_at_once:
        session: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=step_seconds, context=tls)
    else:
        session = smtplib.SMTP(server.host, server.port, timeout=step_seconds)
    try:
        if not server.is_tls_at_once:
            session.starttls(context=tls)
        if server.user is not None and server.password is not None:
            session.login(server.user, server.password)
    except (smtplib.SMTPException, OSError):
        session.close()
        raise
    return session


def _words(server: MailServer, error: smtplib.SMTPException | OSError) -> str:
    """What a fault is; of the server's own words no more than a line, and none where it was told the password."""
    match error:
        case smtplib.SMTPAuthenticationError():
            said = f"refuses user or password ({error.smtp_code}): check FCB_SMTP_URL"
        case smtplib.SMTPNotSupportedError():
            said = "offers no STARTTLS or no way to log in: nothing is sent without"
        case smtplib.SMTPRecipientsRefused():
            return _refused(server, error.recipients)
        case smtplib.SMTPResponseException():
            said = f"refuses ({error.smtp_code}): {_said(server, error.smtp_error)}"
        case smtplib.SMTPException():
            # The library takes a server that says nothing for one that is gone.
            said = "said nothing for too long" if isinstance(error.__context__, TimeoutError) else "hung up"
        case _:
            said = _outage(error)
    return f"the mail server {server.host} {said}"


def _outage(error: OSError) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"has a certificate that is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"does not speak TLS as it should ({error.reason})"
        case TimeoutError():
            return "said nothing for too long"
        case _:
            return f"cannot be reached: {error.strerror or 'the connection ended'}"


def _refused(server: MailServer, refused: dict[str, tuple[int, bytes]]) -> str:
    whom = ", ".join(f"{address} ({code})" for address, (code, _) in sorted(refused.items()))
    return f"the mail server {server.host} does not take mail for {whom}"


def _said(server: MailServer, words: bytes | str) -> str:
    plain = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    hidden = plain.replace(server.password, "…") if server.password else plain
    return one_line(hidden)[:_LONGEST_WORDS]
