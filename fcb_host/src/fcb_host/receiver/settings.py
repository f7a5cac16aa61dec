"""Settings of the receiver: whether it is on, who may sign, where it stores, and what bounds it.

Owns: the FCB_HOST_WEBHOOK_* variables and what may stand in them. Does not own: opening the storage (opening).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from fcb_host.environment import count, path, switch
from fcb_host.errors import InvalidSettings
from fcb_host.receiver.acting import Terms
from fcb_host.signing import MOST_SIGNATURES, TOLERANCE_SECONDS, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """What a receiver needs to know. Off unless `is_enabled`; then secrets and a storage are needed. Raises InvalidSettings."""

    is_enabled: bool = False
    secrets: tuple[Secret, ...] = ()
    database: str = field(default="", repr=False)
    """A URL of Postgres, with its password."""
    file: Path | None = None
    tolerance_seconds: int = TOLERANCE_SECONDS
    service: str = ""
    """Whose messages count, by the name that the central side has for it. Empty: everybody's."""
    terms: Terms = field(default_factory=Terms)
    actions: str = ""
    """Where the host's `Actions` are for the command line, as `module:name`."""

    def __post_init__(self) -> None:
        if not self.is_enabled:
            return
        if not 1 <= len(self.secrets) <= MOST_SIGNATURES:
            raise InvalidSettings(
                "FCB_HOST_WEBHOOK_SECRETS is missing: the secret that the central side showed when the endpoint was made "
                "(whsec_…; during a rotation two, with a comma between)"
            )
        if bool(self.database) == (self.file is not None):
            raise InvalidSettings(
                "set one of FCB_HOST_WEBHOOK_DATABASE (a URL such as postgresql://host@db.example.com/host) and "
                "FCB_HOST_WEBHOOK_FILE (a file on a local disk)"
            )
        if not 1 <= self.tolerance_seconds <= TOLERANCE_SECONDS:
            raise InvalidSettings(f"FCB_HOST_WEBHOOK_TOLERANCE_SECONDS is 1 to {TOLERANCE_SECONDS}")


def webhooks_from_environment(environment: Mapping[str, str]) -> WebhookSettings:
    """The settings that FCB_HOST_WEBHOOK_* variables make; when off, nothing else is looked at. Raises InvalidSettings."""
    if not switch(environment, "FCB_HOST_WEBHOOK_ENABLED", default=False):
        return WebhookSettings()
    return WebhookSettings(
        is_enabled=True,
        secrets=_secrets(environment.get("FCB_HOST_WEBHOOK_SECRETS", "")),
        database=environment.get("FCB_HOST_WEBHOOK_DATABASE", "").strip(),
        file=path(environment, "FCB_HOST_WEBHOOK_FILE"),
        tolerance_seconds=count(environment, "FCB_HOST_WEBHOOK_TOLERANCE_SECONDS", default=TOLERANCE_SECONDS),
        service=environment.get("FCB_HOST_WEBHOOK_SERVICE", "").strip(),
        terms=_terms(environment),
        actions=environment.get("FCB_HOST_WEBHOOK_ACTIONS", "").strip(),
    )


def _terms(environment: Mapping[str, str]) -> Terms:
    usual = Terms()
    days = count(environment, "FCB_HOST_WEBHOOK_GRACE_DAYS", default=usual.grace.days)
    if not 1 <= days <= 3650:  # noqa: PLR2004 (ten years)
        raise InvalidSettings("FCB_HOST_WEBHOOK_GRACE_DAYS is 1 to 3650")
    return Terms(
        most_suspensions=count(environment, "FCB_HOST_WEBHOOK_MOST_SUSPENSIONS", default=usual.most_suspensions),
        most_deprovisions=count(environment, "FCB_HOST_WEBHOOK_MOST_DEPROVISIONS", default=usual.most_deprovisions),
        grace=timedelta(days=days),
    )


def _secrets(text: str) -> tuple[Secret, ...]:
    written = [each.strip() for each in text.split(",")]
    try:
        return tuple(Secret.parse(each) for each in written if each)
    except InvalidSettings as fault:
        raise InvalidSettings(f"FCB_HOST_WEBHOOK_SECRETS: {fault}") from None
