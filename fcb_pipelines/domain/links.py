"""Linking: which partner in Odoo a source user is, once everything that can say so was read.

Owns: the order in which what is known decides. Does not own: the link itself and the comparison of e-mails (`partners`).
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from fcb_pipelines.domain.partners import AccountLink, LinkState, User, link, normalized_email

MADE_BY_US = "made by the import"
MERGED = "merged in Odoo"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFacts:
    """What was read before users are linked; partners are Odoo ids, users are ids of the source."""

    declared: Mapping[str, int] = field(default_factory=dict)
    """User → partner, as fcb.toml has it."""
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Normalized e-mail → the undeclared users that claim it, where there are several."""
    made: Mapping[str, int] = field(default_factory=dict)
    """User → the partner that we made for it and that is in Odoo."""
    merged: Mapping[str, int] = field(default_factory=dict)
    """User → the partner that the one we made was merged into, in Odoo."""
    previous: Mapping[str, AccountLink] = field(default_factory=dict)
    """User → the link that was decided before."""
    named: Mapping[str, int] = field(default_factory=dict)
    """User → the partner that carries our external id of a link."""
    existing: frozenset[int] = frozenset()
    """Which of the declared, previously linked and named partners are in Odoo."""
    sharing: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Normalized e-mail → partners in Odoo that have it and that we did not make."""


def account_link(user: User, facts: LinkFacts) -> AccountLink:
    """Decide by the first that speaks: fcb.toml, users with one e-mail, the partner that we made, the link before, the e-mail.

    Where our store has no link before that still holds, as after it was lost or after partners were merged in Odoo, the partner
    that carries our external id of the link is the one linked before. A partner that we made stays ours where fcb.toml declares
    it too; one that was merged in Odoo is ours no more.

    An ambiguous link needs a person; an unlinked user has no partner yet and may be given one.
    """
    declared = facts.declared.get(user.external_user_id)
    if declared is not None and declared not in facts.existing:
        return _ambiguous(user, f"fcb.toml declares partner {declared} under account_links, which does not exist in Odoo")
    if declared is not None:
        is_made = facts.made.get(user.external_user_id) == declared
        return made_link(user.external_user_id, declared) if is_made else link(user, (), declared)
    email = normalized_email(user.email)
    claimed_by = facts.shared.get(email or "", ())
    if claimed_by:
        return _ambiguous(user, shared_reason(claimed_by, email or ""))
    known = _made(user, facts) or _merged(user, facts) or _previous(user, facts) or _named(user, facts)
    return known or link(user, facts.sharing.get(email or "", ()))


def merged(present: Mapping[str, int], stored: Mapping[str, int], existing: Collection[int]) -> dict[str, int]:
    """External ids of ours that stand for a partner other than the one we made, or for one that several of them stand for.

    Whoever merges partners in Odoo moves the external ids to the one that stays, and deletes the others.

    Args:
        present: External id → the partner that it stands for now.
        stored: The same, as our store has it.
        existing: Which of the partners in our store are in Odoo.
    """
    claims = Counter(present.values())
    moved = {xid for xid, odoo_id in present.items() if stored.get(xid, odoo_id) not in {odoo_id, *existing}}
    return {xid: odoo_id for xid, odoo_id in present.items() if xid in moved or claims[odoo_id] > 1}


def shared_reason(users: tuple[str, ...], email: str) -> str:
    """Why users with one e-mail are not imported, and what to do."""
    named = ", ".join(users)
    return f"users {named} share e-mail {email}: merge them in the source, or declare one under account_links in fcb.toml"


def _made(user: User, facts: LinkFacts) -> AccountLink | None:
    odoo_id = facts.made.get(user.external_user_id)
    return None if odoo_id is None else made_link(user.external_user_id, odoo_id)


def made_link(external_user_id: str, odoo_id: int) -> AccountLink:
    """The link to a partner that we made."""
    return AccountLink(external_user_id=external_user_id, state=LinkState.LINKED, odoo_id=odoo_id, reason=MADE_BY_US)


def _merged(user: User, facts: LinkFacts) -> AccountLink | None:
    odoo_id = facts.merged.get(user.external_user_id)
    if odoo_id is None:
        return None
    return AccountLink(external_user_id=user.external_user_id, state=LinkState.LINKED, odoo_id=odoo_id, reason=MERGED)


def _previous(user: User, facts: LinkFacts) -> AccountLink | None:
    """The link from before, so that a changed e-mail does not make a second partner; not one whose partner is gone."""
    before = facts.previous.get(user.external_user_id)
    return before if before is not None and before.odoo_id in facts.existing else None


def _named(user: User, facts: LinkFacts) -> AccountLink | None:
    odoo_id = facts.named.get(user.external_user_id)
    if odoo_id is None or odoo_id not in facts.existing:
        return None
    return AccountLink(
        external_user_id=user.external_user_id, state=LinkState.LINKED, odoo_id=odoo_id, reason="it carries our external id"
    )


def _ambiguous(user: User, reason: str) -> AccountLink:
    return AccountLink(external_user_id=user.external_user_id, state=LinkState.AMBIGUOUS, reason=reason)
