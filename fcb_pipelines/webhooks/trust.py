"""Whose certificates count where webhooks go: those of the public authorities, and those of an operator's own.

Owns: the context that every connection is checked under, what is said of a file that cannot be used. Does not own: the variable
(webhook_settings), connections (wire). A certificate is checked always, its name included: nothing here can be told not to.
"""

import ssl
from pathlib import Path

from fcb_pipelines.domain.errors import InvalidSettings

VARIABLE = "FCB_WEBHOOK_CA_FILE"


def trusting(file: Path | None) -> ssl.SSLContext:
    """What certificates are checked under: the system's authorities (or those of `SSL_CERT_FILE`), and those in the file.

    Raises InvalidSettings for a file that cannot be read or holds none.
    """
    context = ssl.create_default_context()
    if file is not None:
        certificates(file)
        context.load_verify_locations(cafile=file)
    return context


def certificates(file: Path) -> int:
    """How many certificates a file in PEM form holds; raises InvalidSettings where it cannot be read or holds none."""
    alone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        alone.load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise InvalidSettings(f"{VARIABLE}: {file} is not a file of certificates in PEM form") from None
    except OSError as fault:
        raise InvalidSettings(
            f"{VARIABLE}: {file} cannot be read ({fault.strerror}): name a file of certificates, or leave it out"
        ) from None
    if not (count := alone.cert_store_stats()["x509"]):
        raise InvalidSettings(f"{VARIABLE}: {file} holds no certificate")
    return count
