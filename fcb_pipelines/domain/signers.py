"""Signers: people who sign on the pages of the report, each with a secret of their own.

Owns: the form of a secret, whose secret it is, who may approve what somebody signed with one, and when wrong ones are too many.
Does not own: where signers are kept (store/signers), what they sign (acceptances), reading a form (api/report_signing).

A secret has the form of an API key (access) with a prefix of its own, so that neither is ever taken for the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from fcb_pipelines.domain import access
from fcb_pipelines.domain.acceptances import Decision, person
from fcb_pipelines.domain.access import PlainKey
from fcb_pipelines.domain.errors import InvalidInput

PREFIX = "fcbsign_"
LONGEST_NAME = 100
MOST_WRONG = 5
"""Wrong secrets that one reader (a link or an API key) may send within `WITHIN`; then even a good one has to wait."""
WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """What we keep of somebody who signs for a service."""

    signer_id: str
    """Public and short, such as `s_3f9a61c20b7e`."""
    service: str
    name: str
    """As it is signed."""
    digest: bytes = field(repr=False)
    last_four: str
    added_at: datetime
    added_by: str
    """Who made the secret, and so has seen it."""
    revoked_at: datetime | None = None

    @property
    def is_live(self) -> bool:
        """Whether anything is signed with it; a revoked one never, whatever the time says."""
        return self.revoked_at is None


def new_secret(random: bytes) -> PlainKey:
    """The secret of 32 random bytes."""
    return access.new_key(random, PREFIX)


def read_secret(text: str) -> PlainKey | None:
    """The secret that a text is, blanks around it apart; None where it is mistyped, cut off or something else."""
    return access.parsed(text.strip(), PREFIX)


def checked_name(name: str) -> str:
    """The name of a signer without blanks around it; raises `InvalidInput` for one that people could not read."""
    stripped = name.strip()
    if not person(stripped) or len(stripped) > LONGEST_NAME or not stripped.isprintable():
        raise InvalidInput(f"a signer needs a name of 1 to {LONGEST_NAME} printable characters, such as ada")
    return stripped


def why_not_approve(decision: Decision, approver: str, secret_made_by: str | None = None) -> str | None:
    """Why somebody may not approve a decision; None if they may. `secret_made_by`: who made the secret they approve with.

    Whoever made a secret has seen it. So a decision and its approval are never both of one person, be it under another name:
    not where one of the two made the other's secret.
    """
    author = decision.author, decision.secret_made_by
    return why_not_stand_behind(decision.decision_id, author=author, approver=(approver, secret_made_by))


def why_not_stand_behind(
    what: str, *, author: tuple[str, str | None], approver: tuple[str, str | None], did: str = "wrote"
) -> str | None:
    """Why nobody but another may approve what the author did; each is given with who made their secret, None for a login."""
    (by, made_for_author), (name, made_for_approver) = author, approver
    if person(name) in ("", person(by)):
        return f"{by} {did} {what}, so somebody else must approve it"
    if made_for_author is not None and person(made_for_author) == person(name):
        return f"{name} made the secret that {by} signed {what} with, so somebody else must approve it"
    if made_for_approver is not None and person(made_for_approver) == person(by):
        return f"{by} {did} {what} and made the secret of {name}, so somebody else must approve it"
    return None


def wait_seconds(wrong: Sequence[datetime], now: datetime) -> int:
    """How long a reader who sent wrong secrets at these times has to wait; 0 where they need not."""
    recent = sorted(at for at in wrong if now - at < WITHIN)
    return max(1, ceil((recent[-MOST_WRONG] + WITHIN - now).total_seconds())) if len(recent) >= MOST_WRONG else 0
