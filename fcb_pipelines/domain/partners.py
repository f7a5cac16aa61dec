"""Partners: who is billed, and the proof that a source user is a given partner in Odoo.

Owns: the user of the source, the account link, the normalized e-mail. Does not own: how Odoo stores a partner.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.tax import place_of_supply


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One customer account of the source; becomes one partner."""

    external_user_id: str
    name: str
    email: str | None
    company: str | None
    country: str | None
    """ISO 3166-1 alpha-2 code."""
    state: str | None
    """ISO 3166-2 subdivision without the country, such as `ON`."""
    stripe_customer_id: str | None
    is_active: bool
    is_internal: bool

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InvalidInput(f"user {self.external_user_id} has no name, and Odoo requires one")


def address(user: User, default_place: str | None) -> tuple[str | None, str | None]:
    """Country and place (`CA`, `CA-ON`) of a user; those of `default_place` where the source has neither.

    Raises `InvalidInput` for a state without a country, which could be anywhere.
    """
    if user.state and not user.country:
        raise InvalidInput(f"user {user.external_user_id} has state {user.state} but no country: say it in the source")
    if user.country or not default_place:
        return user.country, f"{user.country}-{user.state}" if user.state else None
    return default_place.partition("-")[0], default_place if "-" in default_place else None


def supply_place(user: User | None, default_place: str | None) -> tuple[str | None, bool]:
    """Where a customer is taxed, such as `CA-ON`, and whether that is only attested because the source says nothing of it."""
    if user is None:
        return None, False
    if not (user.country or user.state) and default_place is not None:
        return default_place, True
    return place_of_supply(user.country, user.state), False


class LinkState(StrEnum):
    """Whether we know which partner in Odoo a user is."""

    LINKED = "linked"
    AMBIGUOUS = "ambiguous"
    UNLINKED = "unlinked"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLink:
    """Proof that a source user is this partner in Odoo, or why it cannot be told."""

    external_user_id: str
    state: LinkState
    odoo_id: int | None = None
    candidates: tuple[int, ...] = ()
    """Odoo ids that share the e-mail, sorted; more than one makes the link ambiguous."""
    reason: str


def normalized_email(email: str | None) -> str | None:
    """The form in which two addresses are the same customer: trimmed and lower case, as Odoo's `email_normalized`."""
    text = (email or "").strip().lower()
    return text if "@" in text else None


def shared_emails(users: Iterable[User]) -> Mapping[str, tuple[str, ...]]:
    """Normalized e-mails that more than one user of the source claims, with those users' ids in order."""
    claims: dict[str, list[str]] = {}
    for user in users:
        if email := normalized_email(user.email):
            claims.setdefault(email, []).append(user.external_user_id)
    return {email: tuple(sorted(ids)) for email, ids in sorted(claims.items()) if len(ids) > 1}


def link(user: User, candidates: Sequence[int], declared: int | None = None) -> AccountLink:
    """Decide which existing partner a user is, from the Odoo partners that share its e-mail.

    A link declared in `fcb.toml` wins; one candidate links, none leaves the user to be created, two are never guessed at.
    """
    found = tuple(sorted(set(candidates)))
    if declared is not None:
        return _account_link(user, LinkState.LINKED, declared, found, "declared in fcb.toml")
    if len(found) == 1:
        return _account_link(user, LinkState.LINKED, found[0], found, f"the only partner in Odoo with e-mail {user.email}")
    if found:
        ids = ", ".join(map(str, found))
        reason = f"partners {ids} in Odoo share e-mail {user.email}: merge them, or declare one under account_links in fcb.toml"
        return _account_link(user, LinkState.AMBIGUOUS, None, found, reason)
    return _account_link(user, LinkState.UNLINKED, None, (), "no partner in Odoo has this e-mail")


def _account_link(user: User, state: LinkState, odoo_id: int | None, candidates: tuple[int, ...], reason: str) -> AccountLink:
    return AccountLink(
        external_user_id=user.external_user_id, state=state, odoo_id=odoo_id, candidates=candidates, reason=reason
    )
