"""The host's client over TLS, with `FCB_HOST_CA_FILE`: our own server behind certificates made here, and who is not trusted."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fcb_host.__main__ import main
from fcb_host.client import UsageClient
from fcb_host.settings import Key, Settings
from fcb_pipelines.acts.access import create_key
from fcb_pipelines.api.app import create_app
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.settings import load
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.host.made import AT, event
from fcb_pipelines_tests.projects import write_project

DAY = timedelta(days=1)
NAME = "localhost"
"""The only name in the server's certificate: by its address it is another."""
NOT_TRUSTED = re.compile(
    r"the certificate of https://(localhost|127\.0\.0\.1):\d+ is not trusted: ([A-Z ]+).*\(FCB_HOST_URL, FCB_HOST_CA_FILE\)",
    re.I,
)
Send = Callable[[str, Path | None], tuple[int, dict[str, object]]]


class Authority:
    """One that signs certificates, its own first."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._signed(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0)))

    def certificate(self, names: list[x509.GeneralName]) -> Path:
        """A certificate for these names with its key, in one file."""
        key, path = ec.generate_private_key(ec.SECP256R1()), self._folder / "server.pem"
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "billing")])
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(private + self._signed(subject, key, x509.SubjectAlternativeName(names)))
        return path

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType) -> bytes:
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder(issuer_name=self._name, subject_name=subject, public_key=key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
        )
        for extension in extensions:
            built = built.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return built.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@contextmanager
def secure(app: object, certificate: Path) -> Iterator[int]:
    """The port of an application behind a certificate, served until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_level="critical", ssl_certfile=certificate)  # type: ignore[arg-type]
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


@pytest.fixture
def store(store_database: str) -> Database:
    db = Database(store_database)
    with db.transaction() as conn:
        snapshots.add_rows(conn, snapshots.open_snapshot(conn, "nexacloud", AT), "subscriptions", [("s-1", {})])
    return db


@pytest.fixture
def key(store: Database) -> str:
    scopes = frozenset({Scope.USAGE_WRITE})
    return create_key(store, service="nexacloud", name="host", scopes=scopes, expires_at=None, actor="ada", now=AT)[1].text


@pytest.fixture
def port(store: Database, authority: Authority, tmp_path: Path) -> Iterator[int]:
    settings = load({}, folder=write_project(tmp_path, "nexacloud"))
    certificate = authority.certificate([x509.DNSName(NAME)])
    with secure(create_app(settings, store, lambda: AT), certificate) as port:
        yield port


@pytest.fixture
def spool(key: str, tmp_path: Path) -> Path:
    """A spool in which one event waits."""
    path = tmp_path / "usage.spool"
    client = UsageClient(Settings(is_enabled=True, url=f"https://{NAME}", key=Key(key), spool=path, sends_in_background=False))
    client.record(event("a", "2.5"))
    client.close()
    return path


@pytest.fixture
def send(port: int, key: str, spool: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Send:
    """Sends what waits as a host's own command does; answers its exit code and the status that it prints."""

    def send(host: str, ca_file: Path | None) -> tuple[int, dict[str, object]]:
        given = {"ENABLED": "on", "URL": f"https://{host}:{port}", "KEY": key, "SPOOL": str(spool)}
        for name, value in (given | {"CA_FILE": "" if ca_file is None else str(ca_file)}).items():
            monkeypatch.setenv(f"FCB_HOST_{name}", value)
        code = main(["send", "--now", "--timeout", "0.3"])
        printed = capsys.readouterr()
        assert key not in printed.out + printed.err
        assert key.encode() not in spool.read_bytes()
        return code, json.loads(printed.out)

    return send


def seen(store: Database) -> list[tuple[object, ...]]:
    """The calls that the server saw, and the events that it stored."""
    with store.transaction() as conn:
        return conn.execute("SELECT (SELECT count(*) FROM access_log), (SELECT count(*) FROM usage_event)").fetchall()


def test_with_the_file_of_its_authority_the_server_is_trusted(send: Send, authority: Authority, store: Database) -> None:
    code, status = send(NAME, authority.file)
    assert (code, status["queued"], status["last_error"]) == (0, 0, None)
    assert seen(store) == [(1, 1)]


def test_without_it_nothing_is_sent_and_the_event_waits(
    send: Send, key: str, authority: Authority, store: Database, caplog: pytest.LogCaptureFixture
) -> None:
    for ca_file in (None, Authority(authority.file.parent, "stranger").file):
        code, status = send(NAME, ca_file)
        said = NOT_TRUSTED.fullmatch(str(status["last_error"]))
        assert said is not None
        assert (code, status["queued"], said[2].strip()) == (1, 1, "unable to get local issuer certificate")
        assert f"nothing was sent ({said[0]})" in caplog.text
    assert key not in caplog.text
    assert seen(store) == [(0, 0)], "the key travels to nobody who is not trusted"
    assert send(NAME, authority.file)[0] == 0
    assert seen(store) == [(1, 1)]


def test_another_name_than_the_certificates_is_not_trusted(send: Send, authority: Authority, store: Database) -> None:
    code, status = send("127.0.0.1", authority.file)
    assert (code, status["queued"]) == (1, 1)
    said = NOT_TRUSTED.fullmatch(str(status["last_error"]))
    assert said is not None
    assert said[2].startswith("IP address mismatch")
    assert seen(store) == [(0, 0)]


@pytest.mark.parametrize(
    ("content", "error"), [(None, "No such file or directory"), ("no certificate", "it holds no certificate")]
)
def test_a_file_that_is_none_is_told_and_keeps_the_event(
    send: Send, tmp_path: Path, content: str | None, error: str, store: Database
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    code, status = send(NAME, file)
    assert (code, status["queued"]) == (1, 1)
    assert status["last_error"] == f"FCB_HOST_CA_FILE: {file} cannot be used ({error})"
    assert seen(store) == [(0, 0)]
