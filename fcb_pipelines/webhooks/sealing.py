"""Sealing: secrets of endpoints are kept encrypted, under keys that are not in the database.

Owns: how a secret is sealed and opened. Does not own: the keys (settings), where sealed secrets are kept (store/endpoints).
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from fcb_host.errors import InvalidSettings as InvalidSecret
from fcb_host.signing import Secret
from fcb_pipelines.domain.errors import InvalidSettings, Refused

EXAMPLE = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


class Sealing:
    """Seals under the first key and opens what any of them sealed, so that keys can be replaced one after the other."""

    def __init__(self, keys: str) -> None:
        """`keys`: Fernet keys, separated by commas, the one in use first; raises `InvalidSettings`."""
        try:
            self._keys = MultiFernet([Fernet(one.strip()) for one in keys.split(",") if one.strip()])
        except ValueError:
            raise InvalidSettings(f"FCB_WEBHOOK_KEYS holds what is no key; one is made by  {EXAMPLE}") from None

    def seal(self, secret: Secret) -> bytes:
        """The secret as it is kept."""
        return self._keys.encrypt(secret.revealed().encode())

    def open(self, sealed: bytes) -> Secret:
        """The secret; raises `Refused` where none of the keys sealed it."""
        try:
            return Secret.parse(self._keys.decrypt(sealed).decode())
        except (InvalidToken, InvalidSecret):
            raise Refused("a webhook secret was sealed under a key that FCB_WEBHOOK_KEYS does not have: add it there") from None


def new_key() -> str:
    """A key to seal under."""
    return Fernet.generate_key().decode()
