"""Pruning: what earlier imports made in Odoo, nobody used, and no record of the source needs any more.

Owns: the acts `prunable` (the list, changes nothing) and `prune`. Does not own: what is needed (domain/imports),
what uses a record in Odoo (odoo/removal). Only records that carry our external id are ever considered.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fcb_pipelines.acts import partners, plans, subscriptions
from fcb_pipelines.acts.imports import Reading, Report, unneeded
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.links import MADE_BY_US
from fcb_pipelines.odoo import linked, removal
from fcb_pipelines.odoo.pace import Pace
from fcb_pipelines.odoo.partners import MODEL as PARTNER_MODEL
from fcb_pipelines.odoo.plans import MODEL as PRODUCT_MODEL
from fcb_pipelines.odoo.subscriptions import MODEL as ORDER_MODEL
from fcb_pipelines.services import Service
from fcb_pipelines.store import imports as stored
from fcb_pipelines.store import partners as links
from fcb_pipelines.store.database import Connection

NO_LONGER = "it is in use or needed by now: list again"
STILL_NAMED = "an order or an invoice names it: choose that too, or leave both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prunable:
    """One record in Odoo that an import made and that can go."""

    external_id: str
    model: str
    odoo_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed, and why the rest was not, by external id."""

    removed: tuple[str, ...]
    refused: Mapping[str, str]


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
        *_listed(reading, PARTNER_MODEL, {xid: each for xid, each in people.items() if each not in buyers}),
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
    """Remove those of the external ids that can still go, and forget them; what Odoo refuses is told and stays.

    Forgets too what is gone from Odoo already, as after an earlier prune that ended in the middle.

    Raises `RuleViolation` if an import of the service is running.
    """
    with stored.exclusive_import(reading.db, reading.service.code):
        found = _find(reading, take_all=take_all)
        chosen = [one for one in found.prunable if one.external_id in ids]
        done = removal.Removed(refused=dict.fromkeys(sorted(set(ids) - {one.external_id for one in chosen}), NO_LONGER))
        for model in (ORDER_MODEL, PRODUCT_MODEL, PARTNER_MODEL):
            going = {one.external_id: one.odoo_id for one in chosen if one.model == model}
            held = _held(reading, going) if model == PARTNER_MODEL else {}
            free = {xid: odoo_id for xid, odoo_id in going.items() if xid not in held}
            each = removal.remove(reading.odoo, model, free, Pace(reading.clock))
            each.refused |= held
            report(f"{model}: {len(each.gone)} removed, {len(each.refused)} refused")
            done.gone += each.gone
            done.refused |= each.refused
        with reading.db.transaction() as conn:
            _forget(conn, reading.service, found.gone.union(done.gone))
    return Pruned(removed=tuple(done.gone), refused=done.refused)


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
