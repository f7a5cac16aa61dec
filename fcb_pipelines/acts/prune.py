"""Pruning: what earlier imports made in Odoo, nobody used, and no record of the source needs any more.

Owns: the acts `prunable` (the list, changes nothing) and `prune`. Does not own: what is needed (domain/imports),
what uses a record in Odoo (odoo/removal). Only records that carry our external id are ever considered.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fcb_pipelines.acts import partners, plans, subscriptions
from fcb_pipelines.acts.imports import Reading, Report, unneeded
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.links import MADE_BY_US
from fcb_pipelines.odoo import linked, removal, rights
from fcb_pipelines.odoo.edition import detect
from fcb_pipelines.odoo.pace import Pace
from fcb_pipelines.odoo.partners import MODEL as PARTNER_MODEL
from fcb_pipelines.odoo.plans import MODEL as PRODUCT_MODEL
from fcb_pipelines.odoo.rights import Act
from fcb_pipelines.odoo.subscriptions import MODEL as ORDER_MODEL
from fcb_pipelines.services import Service
from fcb_pipelines.store import imports as stored
from fcb_pipelines.store import partners as links
from fcb_pipelines.store.database import Connection

NO_LONGER = "it is in use or needed by now: list again"
STILL_NAMED = "an order or an invoice names it: choose that too, or leave both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prunable:
    """One record in Odoo that an import made and that can go, or be archived."""

    external_id: str
    model: str
    odoo_id: int
    name: str
    archived_because: str | None = None
    """Why it is archived rather than removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed or archived, and why the rest was not, by external id."""

    removed: tuple[str, ...]
    archived: tuple[str, ...] = ()
    refused: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class _Done:
    """The same, as it goes on."""

    refused: dict[str, str]
    removed: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What can go, and what is gone from Odoo though our store still knows it."""

    prunable: tuple[Prunable, ...]
    gone: frozenset[str]


def prunable(reading: Reading, *, take_all: bool) -> tuple[Prunable, ...]:
    """What can go, in the order in which it can: draft orders out of scope, products and partners that nothing uses."""
    return _find(reading, take_all=take_all).prunable


def _find(reading: Reading, *, take_all: bool) -> _Found:
    decided = (
        subscriptions.decide(reading, dry_run=True),
        plans.decide(reading, take_all=take_all).decided,
        partners.decide(reading).decided,
    )
    orders, products, people = (unneeded(reading, each) for each in decided)
    drafts = removal.drafts_without_invoice(reading.odoo, orders.values())
    orders = {xid: odoo_id for xid, odoo_id in orders.items() if odoo_id in drafts}
    bought = removal.used_products(reading.odoo, products.values(), ignoring=drafts)
    buyers = removal.used_partners(reading.odoo, people.values(), ignoring=drafts) | _pointed_to(reading, people)
    listed = (
        *_listed(reading, ORDER_MODEL, orders),
        *_listed(reading, PRODUCT_MODEL, {xid: each for xid, each in products.items() if each not in bought}),
        *_partners(reading, {xid: each for xid, each in people.items() if each not in buyers}),
    )
    return _Found(prunable=listed, gone=frozenset(xid for each in decided for shelf in each.shelves for xid in shelf.forgotten))


def _pointed_to(reading: Reading, people: Mapping[str, int]) -> frozenset[int]:
    """Partners that fcb.toml declares, or that a user of any service is linked to other than the one they were made for."""
    with reading.db.transaction() as conn:
        pointing = links.pointing(conn)
    others = (link.odoo_id for link in pointing if not _is_own(reading, link, people))
    named = linked.targets(reading.odoo, people.values())
    return frozenset(named.union(others, reading.service.account_links.values()))


def _is_own(reading: Reading, link: links.Pointing, people: Mapping[str, int]) -> bool:
    is_made = link.service == reading.service.code and link.reason == MADE_BY_US
    return is_made and people.get(reading.xid(Entity.USER, link.external_user_id)) == link.odoo_id


def prune(reading: Reading, *, ids: Collection[str], take_all: bool, report: Report) -> Pruned:
    """Remove or archive those of the external ids that can still go; what Odoo refuses, or would refuse, is told and stays.

    What is removed is forgotten. What is archived is still ours, and found again should the source bring it back.

    Forgets too what is gone from Odoo already, as after an earlier prune that ended in the middle.

    Raises `RuleViolation` if an import of the service is running.
    """
    with stored.exclusive_import(reading.db, reading.service.code):
        found = _find(reading, take_all=take_all)
        chosen = [one for one in found.prunable if one.external_id in ids]
        refused = dict.fromkeys(sorted(set(ids) - {one.external_id for one in chosen}), NO_LONGER)
        done = _Done(refused=refused)
        lacking = rights.lacking(reading.odoo, detect(reading.odoo), Act.PRUNE) if chosen else {}
        for model in (ORDER_MODEL, PRODUCT_MODEL, PARTNER_MODEL):
            going = [one for one in chosen if one.model == model]
            if model in lacking:
                done.refused |= {one.external_id: lacking[model] for one in going}
            elif going:
                _take(reading, model, going, done, report)
        with reading.db.transaction() as conn:
            _forget(conn, reading.service, found.gone.union(done.removed))
    return Pruned(removed=tuple(done.removed), archived=tuple(done.archived), refused=done.refused)


def _take(reading: Reading, model: str, going: Sequence[Prunable], done: _Done, report: Report) -> None:
    """Remove or archive records of one model."""
    held = _held(reading, {one.external_id: one.odoo_id for one in going}) if model == PARTNER_MODEL else {}
    free = [one for one in going if one.external_id not in held]
    deleted, hidden = (
        {one.external_id: one.odoo_id for one in free if (one.archived_because is not None) == is_archived}
        for is_archived in (False, True)
    )
    removed = removal.remove(reading.odoo, model, deleted, Pace(reading.lanes.clock))
    archived = removal.archive(reading.odoo, model, hidden, Pace(reading.lanes.clock))
    refused = held | removed.refused | archived.refused
    report(f"{model}: {len(removed.gone)} removed, {len(archived.gone)} archived, {len(refused)} refused")
    done.removed += removed.gone
    done.archived += archived.gone
    done.refused |= refused


def _held(reading: Reading, partners: Mapping[str, int]) -> dict[str, str]:
    """Partners that an order still names, ours that was not chosen or anybody's; 18 would delete a draft along with them."""
    used = removal.used_partners(reading.odoo, partners.values(), ignoring=())
    return {xid: STILL_NAMED for xid, odoo_id in partners.items() if odoo_id in used}


def _forget(conn: Connection, service: Service, xids: Collection[str]) -> None:
    people = stored.records(conn, service.code, Entity.USER)
    links.forget_links(conn, service.code, [one.odoo_id for one in people if one.external_id in xids])
    stored.forget_records(conn, xids)


def _listed(reading: Reading, model: str, found: Mapping[str, int]) -> list[Prunable]:
    names = removal.names(reading.odoo, model, found.values())
    there = (xid for xid in sorted(found) if found[xid] in names)
    return [Prunable(external_id=xid, model=model, odoo_id=found[xid], name=names[found[xid]]) for xid in there]


def _partners(reading: Reading, found: Mapping[str, int]) -> list[Prunable]:
    archiving = removal.archiving(reading.odoo, found.values())
    left = {xid: odoo_id for xid, odoo_id in found.items() if odoo_id not in archiving.done}
    return [replace(one, archived_because=archiving.reasons.get(one.odoo_id)) for one in _listed(reading, PARTNER_MODEL, left)]
