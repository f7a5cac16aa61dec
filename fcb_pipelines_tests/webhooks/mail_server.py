"""A mail server of the tests over a real socket: it keeps what it is given, and can do everything wrong that a server may."""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import BinaryIO, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fcb_pipelines.domain.notices import MailServer

USER, PASSWORD = "billing", "hunter2/x"


def write_certificate(path: Path) -> Path:
    """A certificate of 127.0.0.1 and localhost that signed itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fcb tests")]), datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    built = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What the server does wrong."""

    offers_starttls: bool = True
    refuses_starttls: bool = False
    breaks_tls: bool = False
    """Says yes to STARTTLS and goes on in the clear."""
    refuses_mail: str = ""
    refuses_recipient: bool = False
    hangs_up_at: str = ""
    """The command at which it closes the connection."""
    silent_at: str = ""
    """The command to which it never answers; `greeting` is before any."""
    drips_at: str = ""
    """The command that it answers one byte after the other, for ever."""


@dataclass
class Mailbox:
    """A server that runs, and what it was given."""

    port: int
    certificate: Path
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    was_secure: list[bool] = field(default_factory=list)
    """Of each password that it was shown, whether nobody else could see it."""

    def server(self, *, password: str = PASSWORD, is_tls_at_once: bool = False) -> MailServer:
        """Its address, as settings give it."""
        return MailServer(host="127.0.0.1", port=self.port, is_tls_at_once=is_tls_at_once, user=USER, password=password)

    @property
    def trusting(self) -> ssl.SSLContext:
        """Who trusts its certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))


@contextmanager
def mail_server(certificate: Path, *, is_tls_at_once: bool = False, faults: Faults | None = None) -> Iterator[Mailbox]:
    """A mail server until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        box = Mailbox(port=listening.getsockname()[1], certificate=certificate)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        is_over = threading.Event()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                talk = _Talk(box, connection, tls, faults or Faults(), is_over)
                with contextlib.suppress(OSError):
                    talk.run(is_tls_at_once=is_tls_at_once)
                talk.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            is_over.set()
            listening.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=10)
    assert not thread.is_alive()


class _Ended(OSError):
    """The talk is over."""


class _Talk:
    def __init__(
        self, box: Mailbox, connection: socket.socket, tls: ssl.SSLContext, faults: Faults, is_over: threading.Event
    ) -> None:
        self._box, self._tls, self._faults, self._is_over = box, tls, faults, is_over
        self._take(connection)
        self._is_secure = False

    def run(self, *, is_tls_at_once: bool) -> None:
        if is_tls_at_once:
            self._secure()
        self._answer("greeting", "220 ready")
        while line := self._file.readline(4096).decode().strip():
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                return self._answer("quit", "221 bye")
            self._command(verb.lower(), rest)
        return None

    def close(self) -> None:
        self._file.close()
        self._connection.close()

    def _command(self, verb: str, rest: str) -> None:
        if verb == "ehlo":
            starttls = "250-STARTTLS\r\n" if self._faults.offers_starttls and not self._is_secure else ""
            self._answer(verb, f"250-tests\r\n{starttls}250 AUTH PLAIN")
        elif verb == "starttls":
            self._starttls()
        elif verb == "auth":
            self._box.was_secure.append(self._is_secure)
            given = b64decode(rest.partition(" ")[2]).decode().split("\0")
            self._answer(verb, "235 welcome" if given == ["", USER, PASSWORD] else f"535 no {given[-1]} here")
        elif verb == "mail":
            self._answer(verb, self._faults.refuses_mail or "250 ok")
        elif verb == "rcpt":
            self._box.recipients.append(rest)
            self._answer(verb, "550 nobody" if self._faults.refuses_recipient else "250 ok")
        elif verb == "data":
            self._answer(verb, "354 go on")
            self._data()
        else:
            self._answer(verb, "250 ok")

    def _starttls(self) -> None:
        if self._faults.refuses_starttls:
            return self._answer("starttls", "454 not now")
        self._answer("starttls", "220 go on")
        if self._faults.breaks_tls:
            self._connection.sendall(b"220 what?\r\n" * 20)
            raise _Ended
        return self._secure()

    def _data(self) -> None:
        lines = []
        while (line := self._file.readline(65_536)) != b".\r\n":
            if not line:
                raise _Ended
            lines.append(line[1:] if line.startswith(b"..") else line)
        self._box.mails.append(message_from_bytes(b"".join(lines), policy=default))
        self._answer("taken", "250 taken")

    def _answer(self, at: str, words: str) -> None:
        if self._faults.hangs_up_at == at:
            raise _Ended
        if self._faults.silent_at == at:
            self._is_over.wait(30)
            raise _Ended
        content = words.encode() + b"\r\n"
        if self._faults.drips_at == at:
            while not self._is_over.is_set():
                self._connection.sendall(content[:1])
                time.sleep(0.02)
            raise _Ended
        self._connection.sendall(content)

    def _secure(self) -> None:
        self._file.close()
        self._take(self._tls.wrap_socket(self._connection, server_side=True))
        self._is_secure = True

    def _take(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = cast(BinaryIO, connection.makefile("rb"))
