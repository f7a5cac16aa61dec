"""What sending messages asks for, as variables say it: the switch, the keys, where we may connect, how an operator is told.

Owns: these variables, their bounds, and what is said of wrong ones, without a secret. Does not own: the policy that follows
(webhooks/egress), sealing (webhooks/sealing), what is sent.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from fcb_host.errors import InvalidSettings as InvalidSecret
from fcb_host.signing import Secret
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.notices import MailServer, mail_server
from fcb_pipelines.webhooks.egress import Denied, Egress, policy_of, target_of

KEY_BYTES = 32
EXAMPLE = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
VARIABLES = {
    "FCB_WEBHOOKS": "is_on",
    "FCB_WEBHOOK_KEYS": "keys",
    "FCB_WEBHOOK_ALLOW_HTTP_LOCAL": "allows_http_local",
    "FCB_WEBHOOK_PORTS": "ports",
    "FCB_WEBHOOK_NETWORKS": "networks",
    "FCB_WEBHOOK_CA_FILE": "ca_file",
    "FCB_OPERATOR_EMAIL": "operator_email",
    "FCB_OPERATOR_WEBHOOK_URL": "operator_url",
    "FCB_OPERATOR_WEBHOOK_SECRET": "operator_secret",
    "FCB_SMTP_URL": "smtp_url",
    "FCB_SMTP_FROM": "smtp_from",
}
_ADDRESS = re.compile(r"[^\s@<>,\"]{1,64}@[^\s@<>,\"]{1,253}", re.ASCII)


def _listed(value: object) -> object:
    return [each.strip() for each in value.split(",") if each.strip()] if isinstance(value, str) else value


Listed = BeforeValidator(_listed)


class WebhookSettings(BaseModel):
    """How messages are sent and how an operator is told what became of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    is_on: bool = False
    """Whether messages are sent; they are recorded all the same."""
    keys: SecretStr | None = None
    """Fernet keys under which secrets of endpoints are sealed, the one in use first."""
    allows_http_local: bool = False
    """Whether plain http to this machine is allowed: for development."""
    ports: str = ""
    """More ports than 443 and 8443, separated by commas."""
    networks: str = ""
    """Private networks in which receivers stand, likewise."""
    ca_file: Path | None = None
    """Certificates of authorities of the operator's own, beside the public ones; read when something is sent."""
    operator_email: Annotated[tuple[str, ...], Listed] = ()
    operator_url: SecretStr | None = None
    """Where notices are posted; such addresses often are the secret."""
    operator_secret: SecretStr | None = None
    smtp_url: SecretStr | None = None
    smtp_from: str | None = Field(default=None)

    @field_validator("keys")
    @classmethod
    def _are_keys(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and not all(map(_is_key, _split(given))):
            raise ValueError(f"it holds what is no key; one is made by  {EXAMPLE}")
        return given

    @field_validator("ports")
    @classmethod
    def _may_be_ports(cls, given: str) -> str:
        with _as_value_error():
            policy_of(more_ports=given)
        return given

    @field_validator("networks")
    @classmethod
    def _may_be_networks(cls, given: str) -> str:
        with _as_value_error():
            policy_of(networks=given)
        return given

    @field_validator("operator_email")
    @classmethod
    def _are_addresses(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            _require_address(one)
        return given

    @field_validator("smtp_from")
    @classmethod
    def _is_address(cls, given: str | None) -> str | None:
        if given is not None:
            _require_address(given)
        return given

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            with _as_value_error():
                mail_server(given.get_secret_value())
        return given

    @field_validator("operator_secret")
    @classmethod
    def _is_secret(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            with _as_value_error():
                Secret.parse(given.get_secret_value())
        return given

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.operator_email) != (self.smtp_url is not None):
            raise ValueError("mail to an operator needs both FCB_OPERATOR_EMAIL and FCB_SMTP_URL: set the other one too")
        if self.smtp_from is not None and self.smtp_url is None:
            raise ValueError("FCB_SMTP_FROM is for mail: set FCB_OPERATOR_EMAIL and FCB_SMTP_URL too")
        if self.operator_secret is not None and self.operator_url is None:
            raise ValueError("FCB_OPERATOR_WEBHOOK_SECRET signs what is posted: set FCB_OPERATOR_WEBHOOK_URL too")
        if self.operator_url is not None:
            target = target_of(self.operator_url.get_secret_value(), self.policy)
            if isinstance(target, Denied):
                raise ValueError(f"FCB_OPERATOR_WEBHOOK_URL is refused: {target.reason}")
        return self

    @property
    def policy(self) -> Egress:
        """Where we may connect."""
        return policy_of(allows_http_local=self.allows_http_local, more_ports=self.ports, networks=self.networks)

    @property
    def tells_operator(self) -> bool:
        """Whether there is any way to tell an operator."""
        return bool(self.operator_email) or self.operator_url is not None

    @property
    def mail_server(self) -> MailServer | None:
        """Where mail is handed in; None where an operator gets none."""
        return None if self.smtp_url is None else mail_server(self.smtp_url.get_secret_value())

    @property
    def sender(self) -> str:
        """Who mail is from: the operator themselves unless it is said."""
        return self.smtp_from or self.operator_email[0]


def values(given: Mapping[str, str], embedded: Mapping[str, str]) -> dict[str, Any]:
    """The fields that variables give, those of the embedded stack where nothing is given."""
    return {field: value for name, field in VARIABLES.items() if (value := given.get(name, embedded.get(name)))}


def new_key() -> str:
    """A key to seal under, as Fernet has it; made here so that whoever only starts a database need not load a cipher."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _split(keys: SecretStr) -> Iterable[str]:
    return [each.strip() for each in keys.get_secret_value().split(",")]


def _is_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _require_address(text: str) -> None:
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"{text!r} is no e-mail address such as billing@example.com, without a name around it")


@contextmanager
def _as_value_error() -> Iterator[None]:
    """What our own parsers refuse, as pydantic gathers it; none of them shows what it read."""
    try:
        yield
    except (InvalidInput, InvalidSecret) as error:
        raise ValueError(str(error)) from None
