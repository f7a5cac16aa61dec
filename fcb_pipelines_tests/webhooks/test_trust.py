"""Whose certificates count: authorities of the operator's own beside the public ones, and never anybody's."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from fcb_pipelines.acts.senders import Senders, sending
from fcb_pipelines.domain.errors import InvalidSettings
from fcb_pipelines.store.database import Database
from fcb_pipelines.webhook_settings import WebhookSettings, new_key
from fcb_pipelines.webhooks.answers import Kind
from fcb_pipelines.webhooks.trust import certificates, trusting
from fcb_pipelines_tests.webhooks.receivers import NAME, OK, Authority, answering, authority
from fcb_pipelines_tests.webhooks.test_posting_tls import posted


def made(folder: Path, name: str, certified: str = NAME) -> Authority:
    """An authority in a folder of its own."""
    (folder / name).mkdir()
    return authority(folder / name, certified)


def test_a_file_of_ones_own_counts_beside_the_public_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    public, own, strange = (made(tmp_path, name) for name in ("public", "own", "strange"))
    monkeypatch.setenv("SSL_CERT_FILE", str(public.file))
    for served, is_taken in ((public, True), (own, True), (strange, False)):
        (found,), _ = posted(answering(OK), server=served.server(), trusted=trusting(own.file))
        assert found.is_taken is is_taken
    (found,), _ = posted(answering(OK), server=own.server(), trusted=trusting(None))
    assert found.failure is not None
    assert (found.failure.kind, "is not trusted" in found.failure.reason) == (Kind.TLS, True)


def test_a_certificate_of_ones_own_authority_is_checked_too(tmp_path: Path) -> None:
    other = made(tmp_path, "own", certified="elsewhere.example.com")
    context = trusting(other.file)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    (found,), _ = posted(answering(OK), server=other.server(), trusted=context)
    assert found.failure is not None
    assert found.failure.kind is Kind.TLS


def test_all_certificates_of_a_file_count(tmp_path: Path) -> None:
    first, second = made(tmp_path, "first"), made(tmp_path, "second")
    both = tmp_path / "both.pem"
    both.write_bytes(first.file.read_bytes() + second.file.read_bytes())
    assert certificates(both) == 2
    for served in (first, second):
        (found,), _ = posted(answering(OK), server=served.server(), trusted=trusting(both))
        assert found.is_taken


KEY_ALONE = (
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n"
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        ("", "is not a file of certificates in PEM form"),
        ("a text", "is not a file of certificates in PEM form"),
        (KEY_ALONE, "is not a file of certificates in PEM form"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is not a file of certificates in PEM form"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_in_one_line_before_anything_is_sent(
    tmp_path: Path, content: str | None, says: str
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    settings = WebhookSettings(is_on=True, keys=SecretStr(new_key()), ca_file=file)
    senders = Senders(settings=settings, db=Database("unused"), service=None, clock=lambda: datetime.now(UTC))

    async def begin() -> None:
        async with sending(senders):
            pass

    with pytest.raises(InvalidSettings, match=says) as refused:
        asyncio.run(begin())
    assert str(refused.value).startswith(f"FCB_WEBHOOK_CA_FILE: {file} ")
    assert "\n" not in str(refused.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="FCB_WEBHOOK_CA_FILE"):
        certificates(tmp_path)
