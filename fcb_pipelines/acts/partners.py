"""Partners: every customer of the source as a partner in Odoo.

Owns: the act `import_partners` and the decision it rests on, which the import of subscriptions asks too. Does not own: the
rules (domain/partners, domain/links), the fields (odoo/partners).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from fcb_pipelines.acts.imports import Decided, Reading, Report, Shelf, apply, keep
from fcb_pipelines.acts.read_back import forget, read_back
from fcb_pipelines.domain.errors import InvalidInput, Refused
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.imports import Imported, failed, skipped, users_in_scope
from fcb_pipelines.domain.links import MADE_BY_US, LinkFacts, account_link, made_link, merged
from fcb_pipelines.domain.partners import AccountLink, LinkState, User, address, normalized_email, shared_emails
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.odoo import linked, partners
from fcb_pipelines.odoo.linked import Name
from fcb_pipelines.odoo.partners import Places
from fcb_pipelines.odoo.records import Kind, Present
from fcb_pipelines.store import partners as stored
from fcb_pipelines.store.imports import forget_records

OUT_OF_SCOPE = "out of scope: not active, and no subscription or invoice names it"

Address = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnersDecided:
    """Which partner every user in scope is or will be, and why some are none."""

    decided: Decided
    links: Mapping[str, AccountLink]
    """By source user; a user whose partner is still to be made is unlinked."""
    failed: Mapping[str, str]
    """Why a user in scope has no partner, by source user."""
    names: Mapping[str, Name] | None
    """The external ids of linked partners; None where our user may not read them."""
    merged: Mapping[str, int]
    """External ids of partners that we made and that were merged in Odoo → the partner that stayed."""


def import_partners(reading: Reading, *, dry_run: bool, report: Report) -> Imported:
    """Make, change or link a partner for every user in scope; a partner that was in Odoo before us is linked and left alone.

    Raises `RuleViolation` if another import of the service is running, and what the port to Odoo raises.
    """
    with reading.exclusive(dry_run=dry_run):
        plan = decide(reading)
        if dry_run:
            return plan.decided.imported({})
        (shelf,) = plan.decided.shelves
        forget(reading, Part.PARTNERS)
        # Before any is made anew, or one made by an import that then ended in the middle would look like a merge.
        _forget_gone(reading, shelf.forgotten)
        applied = apply(reading, shelf, None, report)
        with reading.db.transaction() as conn:
            new = {shelf.source_ids[xid]: odoo_id for xid, odoo_id in applied.ids.items()}
            stored.put_links(conn, reading.service.code, _links_after(plan, new), reading.now)
            done = keep(conn, reading, plan.decided, [applied])
        _name_linked(reading, plan, report)
        read_back(reading, Part.PARTNERS, plan.decided, [applied])
        return done


def decide(reading: Reading) -> PartnersDecided:
    """Read what decides, then decide; changes nothing anywhere."""
    source = reading.records
    scope = users_in_scope(source.users, source.subscriptions, source.invoices)
    users = tuple(user for user in source.users if user.external_user_id in scope)
    addresses, reasons = _addresses(users, reading.service.place_of_supply)
    places = partners.places(reading.odoo, {country for country, _ in addresses.values() if country})
    there, forgotten = reading.present(partners.kind(places), {reading.xid(Entity.USER, each) for each in scope})
    names = linked.names(reading.odoo, reading.service.code)
    taken = _merged(reading, partners.kind(places), there)
    present = _without(there, taken)
    links = _links(reading, users, present, names or {}, taken)
    reasons = _unplaced(addresses, places) | reasons
    ours = [user for user in users if _is_ours(links[user.external_user_id])]
    good = {reading.xid(Entity.USER, user.external_user_id): user for user in ours if user.external_user_id not in reasons}
    shelf = Shelf(
        kind=partners.kind(places),
        source_ids={xid: user.external_user_id for xid, user in good.items()},
        wanted={xid: partners.wanted(user, *addresses[user.external_user_id]) for xid, user in good.items()},
        present=present,
        forgotten=forgotten,
    )
    refused = _refused(links, reasons)
    decided = _decided(reading, shelf, links, refused)
    return PartnersDecided(decided=decided, links=links, failed=refused, names=names, merged=taken)


def _merged(reading: Reading, kind: Kind, there: Present) -> dict[str, int]:
    """The external ids of ours that a merge in Odoo has moved, with the partners that stayed; these are not ours to write."""
    known = reading.known(kind)
    moved = {known[xid] for xid, odoo_id in there.ids.items() if known.get(xid, odoo_id) != odoo_id}
    return merged(there.ids, known, partners.existing(reading.odoo, moved))


def _without(there: Present, xids: Collection[str]) -> Present:
    return replace(
        there,
        ids={xid: odoo_id for xid, odoo_id in there.ids.items() if xid not in xids},
        fields={xid: fields for xid, fields in there.fields.items() if xid not in xids},
    )


def _decided(reading: Reading, shelf: Shelf, links: Mapping[str, AccountLink], refused: Mapping[str, str]) -> Decided:
    everybody = {user.external_user_id for user in reading.records.users}
    bad = reading.bad("users")
    return Decided(
        entity=Entity.USER,
        shelves=(shelf,),
        issues=(*skipped(dict.fromkeys(everybody - links.keys(), OUT_OF_SCOPE)), *bad, *failed(refused)),
        gone=reading.gone(Entity.USER, shelf.present, everybody, bad),
        linked=tuple(user_id for user_id, link in links.items() if link.state is LinkState.LINKED and not _is_ours(link)),
    )


def _addresses(users: Sequence[User], default_place: str | None) -> tuple[dict[str, Address], dict[str, str]]:
    """The address of each user, and why some have none."""
    found: dict[str, Address] = {}
    reasons: dict[str, str] = {}
    for user in users:
        try:
            found[user.external_user_id] = address(user, default_place)
        except InvalidInput as error:
            reasons[user.external_user_id] = str(error)
    return found, reasons


def _unplaced(addresses: Mapping[str, Address], places: Places) -> dict[str, str]:
    checked = {user_id: places.unknown(*each) for user_id, each in addresses.items()}
    return {user_id: reason for user_id, reason in checked.items() if reason}


def _links(
    reading: Reading, users: Sequence[User], present: Present, names: Mapping[str, Name], taken: Mapping[str, int]
) -> dict[str, AccountLink]:
    """Read what says who is who, and decide for every user."""
    declared = reading.service.account_links
    with reading.db.transaction() as conn:
        previous = stored.links(conn, reading.service.code)
    named = {
        user.external_user_id: names[xid].partner
        for user in users
        if (xid := reading.xid(Entity.LINKED_USER, user.external_user_id)) in names
    }
    before = {*named.values(), *(link.odoo_id for link in previous.values() if link.odoo_id is not None)}
    xids = {user.external_user_id: reading.xid(Entity.USER, user.external_user_id) for user in users}
    made = {user_id: present.ids[xid] for user_id, xid in xids.items() if xid in present.ids}
    emails = {email for user in users if user.external_user_id not in made and (email := normalized_email(user.email))}
    facts = LinkFacts(
        declared=declared,
        shared=shared_emails(user for user in users if user.external_user_id not in declared),
        made=made,
        merged={user_id: taken[xid] for user_id, xid in xids.items() if xid in taken},
        previous=previous,
        named=named,
        existing=frozenset(present.ids.values())
        | partners.existing(reading.odoo, before.union(declared.values()).difference(present.ids.values())),
        sharing=partners.sharing(reading.odoo, emails, ours=set(present.ids.values())),
    )
    return {user.external_user_id: account_link(user, facts) for user in users}


def _is_ours(link: AccountLink) -> bool:
    """Whether the partner is made by us, or will be."""
    return link.state is LinkState.UNLINKED or link.reason == MADE_BY_US


def _refused(links: Mapping[str, AccountLink], unplaced: Mapping[str, str]) -> dict[str, str]:
    """Why users have no partner: the link needs a person, or the partner that is ours to write cannot be placed."""
    ambiguous = {user_id: link.reason for user_id, link in links.items() if link.state is LinkState.AMBIGUOUS}
    return ambiguous | {user_id: reason for user_id, reason in unplaced.items() if _is_ours(links[user_id])}


def _links_after(plan: PartnersDecided, new: Mapping[str, int]) -> list[AccountLink]:
    """The links once partners were made; `new` is by source user."""
    return [made_link(user_id, new[user_id]) if user_id in new else link for user_id, link in plan.links.items()]


def _name_linked(reading: Reading, plan: PartnersDecided, report: Report) -> None:
    """Give partners that were there before us an external id of ours, where our user may, and take it from those let go.

    The links of users out of scope stay in our store, and so do these.
    """
    for xid, partner in plan.merged.items():
        report(f"{xid}: merged in Odoo into partner {partner}, which is linked and no longer written")
    if plan.names is None:
        return
    others = {user_id: link for user_id, link in plan.links.items() if not _is_ours(link)}
    wanted = {
        reading.xid(Entity.LINKED_USER, user_id): link.odoo_id for user_id, link in others.items() if link.odoo_id is not None
    }
    unwanted = {reading.xid(Entity.LINKED_USER, user_id) for user_id in plan.links} - wanted.keys()
    try:
        there = _renamed(reading, plan, wanted) if plan.merged else plan.names
        linked.name(reading.odoo, there, wanted, unwanted)
    except Refused as error:
        report(f"{Entity.USER}: linked partners carry no external id, their links stand in our store alone: {error}")


def _renamed(reading: Reading, plan: PartnersDecided, wanted: Collection[str]) -> Mapping[str, Name]:
    """Rename the external ids of partners that were merged; one whose link needs a person keeps telling that it was merged."""
    users = {reading.xid(Entity.USER, user_id): reading.xid(Entity.LINKED_USER, user_id) for user_id in plan.links}
    free = [xid for xid in plan.merged if xid not in users or users[xid] in wanted]
    there = linked.rename(reading.odoo, reading.service.code, plan.names or {}, free)
    _forget_gone(reading, free)
    return there


def _forget_gone(reading: Reading, xids: Collection[str]) -> None:
    with reading.db.transaction() as conn:
        forget_records(conn, xids)
