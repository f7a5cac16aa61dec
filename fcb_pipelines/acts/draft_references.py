"""What drafts point to in Odoo: partners, products, taxes and currencies, and how this Odoo keeps a line.

Owns: the reading of them, the fields of a draft that follow, and why a draft cannot be written. Does not own: what is drafted
(domain/drafts), the words of Odoo (odoo/invoices, odoo/taxes).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from fcb_pipelines.acts.imports import Reading
from fcb_pipelines.domain.drafts import Article, Draft, DraftLine
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.external_ids import part_id
from fcb_pipelines.domain.partners import AccountLink, LinkState
from fcb_pipelines.domain.read_back_drafts import DraftSent
from fcb_pipelines.odoo import invoices, partners, plans
from fcb_pipelines.odoo.invoices import Ledger
from fcb_pipelines.odoo.records import Kind
from fcb_pipelines.odoo.taxes import Taxes, taxes
from fcb_pipelines.store import partners as stored


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What drafts point to in Odoo, and how this Odoo keeps them."""

    links: Mapping[str, AccountLink]
    existing: frozenset[int]
    products: Mapping[Article, int]
    taxes: Taxes
    ledger: Ledger

    def sent(self, xid: str, draft: Draft) -> DraftSent:
        """The fields of a draft; raises `InvalidInput` with the reason where it cannot be written."""
        self.ledger.require_currency(draft.currency)
        lines = {part_id(xid, one.key): one for one in draft.lines}
        return DraftSent(
            draft=draft,
            header=invoices.header(draft, self._partner(draft.external_user_id)),
            lines={
                line_id: {**invoices.line(one, *self.of_line(one)), **invoices.UNDISCOUNTED} for line_id, one in lines.items()
            },
            line_of=lines,
        )

    def of_line(self, line: DraftLine) -> tuple[int | None, tuple[int, ...]]:
        """The product and the taxes of a line; raises `InvalidInput` with the reason where one is not there or not sure."""
        return self._product(line.article), self.taxes.of(line.place, line.taxes)

    def _partner(self, user_id: str) -> int:
        link = self.links.get(user_id)
        if link is None or link.state is not LinkState.LINKED or link.odoo_id is None:
            why = link.reason if link is not None and link.reason else "run the import (fcb import)"
            raise InvalidInput(f"customer {user_id or '(none)'} is not linked to a partner in Odoo: {why}")
        if link.odoo_id not in self.existing:
            raise InvalidInput(f"partner {link.odoo_id} of customer {user_id} is gone from Odoo: run the import (fcb import)")
        return link.odoo_id

    def _product(self, article: Article | None) -> int | None:
        if article is None:
            return None
        if article not in self.products:
            raise InvalidInput(f"its {article.entity} {article.external_plan_id} is not in Odoo: run the import (fcb import)")
        return self.products[article]


def references(reading: Reading, drafts: Collection[Draft]) -> References:
    """Read what these drafts point to; raises `InvalidInput` where fcb.toml declares a tax that Odoo does not have."""
    articles = {line.article for draft in drafts for line in draft.lines if line.article is not None}
    with reading.db.transaction() as conn:
        links = stored.links(conn, reading.service.code)
    linked = {link.odoo_id for link in links.values() if link.odoo_id is not None}
    return References(
        links=links,
        existing=partners.existing(reading.odoo, linked),
        products=_products(reading, articles),
        taxes=taxes(reading.odoo, reading.service.odoo_taxes),
        ledger=invoices.ledger(reading.odoo),
    )


def _products(reading: Reading, articles: Iterable[Article]) -> dict[Article, int]:
    """The product that stands on a line, by what it sells."""
    by_xid = {reading.xid(one.entity, one.external_plan_id): one for one in articles}
    found: dict[str, int] = {}
    for entity in {one.entity for one in by_xid.values()}:
        wanted = {xid for xid, one in by_xid.items() if one.entity is entity}
        there, _ = reading.present(Kind(entity=entity, model=plans.MODEL, fields=()), wanted)
        found |= {xid: odoo_id for xid, odoo_id in there.ids.items() if xid in wanted}
    variants = plans.variants(reading.odoo, found.values())
    return {by_xid[xid]: variants[odoo_id] for xid, odoo_id in found.items() if odoo_id in variants}


Draw = Callable[[], Draft | None]
"""Makes one draft, or none where nothing is due; raises `InvalidInput` with the reason where it cannot be made."""


def drawn(by_key: Mapping[str, Draw]) -> tuple[dict[str, Draft], dict[str, str]]:
    """The drafts by key, and why there are none of others."""
    drafts: dict[str, Draft] = {}
    reasons: dict[str, str] = {}
    for key, draw in by_key.items():
        try:
            made = draw()
        except InvalidInput as error:
            reasons[key] = str(error)
            continue
        if made is not None:
            drafts[key] = made
    return drafts, reasons
