"""Receivers on real sockets that do as a test says, names that resolve as it says, and certificates made here."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fcb_pipelines.webhooks.answers import Limits
from fcb_pipelines.webhooks.egress import Egress
from fcb_pipelines.webhooks.names import Resolved, Unresolved

NAME = "hooks.example"
LOOPBACK = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
QUICK = Limits(look_up_seconds=0.3, connect_seconds=0.3, total_seconds=0.6)
"""For what must end by its limit."""
PATIENT = Limits()
"""For what must not, however busy the machine is."""
LOCAL = Egress(allows_http_local=True)
Does = Callable[["Visit"], Awaitable[None]]


@dataclass(kw_only=True)
class Visit:
    """One connection, as the receiver sees it."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seen: list[bytes]

    async def request(self) -> bytes:
        """The next request, whole; raises IncompleteReadError at the end of the connection."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        request = head + await self.reader.readexactly(length)
        self.seen.append(request)
        return request

    async def say(self, text: bytes) -> None:
        self.writer.write(text)
        await self.writer.drain()

    async def drip(self, text: bytes, *, every: float = 0.05) -> None:
        for index in range(len(text)):
            await self.say(text[index : index + 1])
            await asyncio.sleep(every)


@dataclass(kw_only=True)
class Receiver:
    """Where it listens and what it saw."""

    port: int
    seen: list[bytes] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    most_open: int = 0

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/hook"

    @property
    def secure_url(self) -> str:
        return f"https://{NAME}:{self.port}/hook"


@asynccontextmanager
async def receiving(
    does: Does, *, tls: ssl.SSLContext | None = None, hosts: Sequence[str] = (LOOPBACK,)
) -> AsyncIterator[Receiver]:
    """A receiver for the length of the block; every connection of it gets its own `does`."""
    receiver = Receiver(port=0)
    tasks: set[asyncio.Task[None]] = set()

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        receiver.connections += 1
        receiver.open_now += 1
        receiver.most_open = max(receiver.most_open, receiver.open_now)
        visit = Visit(number=receiver.connections, reader=reader, writer=writer, seen=receiver.seen)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await does(visit)
        finally:
            receiver.open_now -= 1
            tasks.discard(task)
            writer.transport.abort()

    servers = []
    for host in hosts:
        servers.append(await asyncio.start_server(visited, host, receiver.port, ssl=tls))
        receiver.port = receiver.port or servers[0].sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        for server in servers:
            server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.sleep(0.01)


def answering(text: bytes, *, closes: bool = False) -> Does:
    """Reads each request and says this; closes after the first, or goes on."""

    async def does(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.say(text)
            if closes:
                return

    return does


async def silent(visit: Visit) -> None:
    """Reads and says nothing."""
    await visit.request()
    await asyncio.sleep(60)


class Names:
    """A resolver that answers from a script: one entry an attempt, the last one for ever."""

    def __init__(self, *answers: Sequence[str] | Unresolved) -> None:
        self._answers = list(answers) or [(LOOPBACK,)]
        self.asked: list[str] = []

    async def addresses(self, host: str) -> Resolved:
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer if isinstance(answer, Unresolved) else tuple(answer)


def inside(port: int) -> Egress:
    """A policy for receivers of this machine over https, as an operator's own network would be."""
    return Egress(ports=frozenset({port}), networks=(ip_network("127.0.0.0/8"),))


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A certificate of our own for one name, and who trusts it."""

    file: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.file)


def authority(folder: Path, *names: str) -> Authority:
    """A self-signed certificate for names and addresses."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    # Of a name of its own: authorities of one name are taken for each other.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"in {folder.name}"[:64])])
    certificate = (
        x509.CertificateBuilder(issuer_name=subject, subject_name=subject, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{names[0]}.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(file=file)


def _general(name: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
