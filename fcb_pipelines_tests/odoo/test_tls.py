"""Certificates: verified against the system's store, or the file that `SSL_CERT_FILE` names."""

import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fcb_pipelines.domain.errors import Refused, RemoteError
from fcb_pipelines.odoo.transport import Choice, connect
from fcb_pipelines_tests.odoo.faulty import faulty, result

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that signed itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fcb tests")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure_url(certificate: Path) -> Iterator[str]:
    """A server behind that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with faulty(result([7]), tls=context) as server:
        yield server.url


@pytest.fixture(params=["jsonrpc", "json2"])
def transport(request: pytest.FixtureRequest) -> Choice:
    """Each transport in turn."""
    chosen: Choice = request.param
    return chosen


def test_a_certificate_nobody_vouches_for_is_refused(secure_url: str, transport: Choice) -> None:
    assert secure_url.startswith("https://")
    with pytest.raises(Refused, match=r"certificate of https://.* is not trusted .*SSL_CERT_FILE"):
        connect(secure_url, "db", "user", "key", transport=transport).version()


def test_a_private_authority_is_trusted_by_its_file(
    secure_url: str, certificate: Path, transport: Choice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    odoo = connect(secure_url, "db", "user", "key", transport=transport)
    assert odoo.version().major == 19
    assert odoo.call("res.partner", "search", []) == [7]


def test_plain_http_where_tls_is_expected_is_told(transport: Choice) -> None:
    with faulty(result([7])) as plain, pytest.raises(RemoteError, match="FCB_ODOO_URL"):
        connect(plain.url.replace("http:", "https:"), "db", "user", "key", transport=transport, pauses_seconds=()).version()
