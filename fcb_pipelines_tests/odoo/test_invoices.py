"""Drafts in Odoo: in by one load with their lines, read back, and their totals as the domain foretells them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random

import pytest

from fcb_pipelines.domain.changes import Fields
from fcb_pipelines.domain.drafts import Draft, DraftLine, Totals, totals_in_odoo
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.external_ids import Entity, part_id
from fcb_pipelines.domain.read_back_drafts import DraftSeen
from fcb_pipelines.domain.tax import TaxComponent, TaxRounding
from fcb_pipelines.odoo import invoices
from fcb_pipelines.odoo.batches import Applied
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.pace import Pace
from fcb_pipelines.odoo.read_back import ROUNDINGS
from fcb_pipelines.odoo.records import create
from fcb_pipelines.odoo.taxes import taxes
from fcb_pipelines_tests.domain.draft_lines import a_draft, a_draft_line
from fcb_pipelines_tests.domain.test_drafts import SECTION_6, SIX_DIGITS
from fcb_pipelines_tests.odoo.made import Made
from fcb_pipelines_tests.odoo.switched import prices_in_full

COMPONENTS = {"5": "GST", "9.975": "QST", "13": "HST"}


@dataclass(frozen=True, kw_only=True)
class Invoices:
    """Drafts of one run for one partner."""

    odoo: Odoo
    run: str
    partner: int

    @property
    def ledger(self) -> invoices.Ledger:
        return invoices.ledger(self.odoo)

    def xid(self, draft: Draft) -> str:
        return f"fcb.{self.run}_invoice_{draft.key.replace('/', '=2f')}"

    def fields(self, draft: Draft) -> dict[str, Fields]:
        known = taxes(self.odoo, {})
        return {
            part_id(self.xid(draft), line.key): {
                **invoices.line(line, None, known.of(line.place, named(line))),
                **invoices.UNDISCOUNTED,
            }
            for line in draft.lines
        }

    def load(self, drafts: Sequence[Draft], odoo: Odoo | None = None, entity: Entity = Entity.INVOICE) -> Applied:
        """Put drafts in; external ids are those of the run."""
        kind, port = self.ledger.kind(entity), odoo or self.odoo
        headers = {self.xid(one): invoices.header(one, self.partner) for one in drafts}
        lines = {self.xid(one): self.fields(one) for one in drafts}
        return create(port, invoices.loading(kind, headers, lines), Pace(lambda: 0.0), lambda _: None)

    def seen(self, draft: Draft, entity: Entity = Entity.INVOICE) -> DraftSeen:
        (found,) = self.all_seen([draft], entity).values()
        return found

    def all_seen(self, drafts: Sequence[Draft], entity: Entity = Entity.INVOICE) -> dict[str, DraftSeen]:
        names = [self.xid(one).partition(".")[2] for one in drafts]
        rows = self.odoo.search_read("ir.model.data", [("module", "=", "fcb"), ("name", "in", names)], ["name", "res_id"])
        ids = {f"fcb.{row['name']}": row["res_id"] for row in rows}
        return dict(invoices.invoices_seen(self.odoo, self.ledger.kind(entity), ids).seen)

    @contextmanager
    def rounding(self, way: str) -> Iterator[None]:
        """Let the company round taxes so for a while."""
        (user,) = self.odoo.search_read("res.users", [("id", "=", self.odoo.user_id())], ["company_id"])
        company, name = user["company_id"][0], "tax_calculation_rounding_method"
        (before,) = self.odoo.search_read("res.company", [("id", "=", company)], [name])
        self.odoo.write("res.company", [company], {name: way})
        try:
            yield
        finally:
            self.odoo.write("res.company", [company], {name: before[name]})


def named(line: DraftLine) -> tuple[TaxComponent, ...]:
    """The taxes of a line as they are called in Canada."""
    return tuple(
        TaxComponent(component=COMPONENTS[str(one.percent)], percent=one.percent, amount=one.amount) for one in line.taxes
    )


def lines(*each: Sequence[str]) -> tuple[DraftLine, ...]:
    return tuple(a_draft_line(*one, key=str(number), description=f"line {number}") for number, one in enumerate(each))


@pytest.fixture
def books(odoo: Odoo, run: str, made: Made) -> Iterator[Invoices]:
    """A partner's drafts, which are removed afterwards."""
    found = Invoices(odoo=odoo, run=run, partner=made.partner(**made.place("CA", "ON")))
    yield found
    rows = odoo.search_read("account.move", [("partner_id", "=", found.partner)], ["id"])
    odoo.unlink("account.move", [row["id"] for row in rows])


def test_a_draft_goes_in_with_its_lines_and_is_read_back(books: Invoices) -> None:
    draft = a_draft(*lines(("1", "19.99", "13"), ("2.5", "0.0075", "5", "9.975"), ("3", "0.01")))
    with prices_in_full(books.odoo):
        done = books.load([draft])
        seen = books.seen(draft)
    assert list(done.ids) == [books.xid(draft)]
    assert (seen.state, seen.strangers, dict(seen.header)) == ("draft", {}, dict(invoices.header(draft, books.partner)))
    assert seen.lines == books.fields(draft)
    assert seen.lines[part_id(books.xid(draft), "2")]["taxes"] is None, "none at all is not the product's or the company's"
    assert seen.totals is not None
    assert str(seen.totals.net) == "20.04 CAD"


def test_the_same_load_twice_changes_nothing(books: Invoices) -> None:
    draft = a_draft(*lines(("1", "19.99", "13"), ("2", "5", "13")))
    first, second = books.load([draft]), books.load([draft])
    assert first.ids == second.ids
    assert len(books.seen(draft).lines) == 2


def test_a_date_of_issue_and_a_credit_note(books: Invoices) -> None:
    refund = a_draft(*lines(("1", "19.99", "13")), key="r", is_refund=True, issued_on=date(2026, 4, 2))
    books.load([refund], entity=Entity.SOURCE_INVOICE)
    seen = books.seen(refund, Entity.SOURCE_INVOICE)
    assert (seen.header["type"], seen.header["issued_on"]) == ("out_refund", "2026-04-02")
    assert seen.totals == refund.totals


def test_a_bad_draft_is_named_and_stops_no_other(books: Invoices) -> None:
    good = [a_draft(*lines(("1", "1", "13"), ("1", "2", "13")), key=f"good{number}") for number in range(3)]
    bad = a_draft(*lines(("1", "1", "13"), ("1", "2", "13")), key="bad")
    kind = books.ledger.kind(Entity.INVOICE)
    headers = {books.xid(one): invoices.header(one, books.partner) for one in (good[0], bad, *good[1:])}
    headers[books.xid(bad)] = invoices.header(bad, 999_999_999)
    load = invoices.loading(kind, headers, {books.xid(one): books.fields(one) for one in (*good, bad)})
    done = create(books.odoo, load, Pace(lambda: 0.0), lambda _: None)
    assert list(done.failed) == [books.xid(bad)]
    assert set(done.ids) == {books.xid(one) for one in good}
    assert all(len(seen.lines) == 2 for seen in books.all_seen(good).values())


def test_the_user_with_the_least_rights_may_draft(books: Invoices, importer: Odoo) -> None:
    draft = a_draft(*lines(("1", "19.99", "13")))
    assert books.load([draft], importer).failed == {}
    kind = invoices.ledger(importer).kind(Entity.INVOICE)
    ids = books.load([draft], importer).ids
    assert invoices.invoices_seen(importer, kind, ids).seen == {books.xid(draft): books.seen(draft)}


def test_a_line_of_somebody_else_is_a_stranger(books: Invoices) -> None:
    draft = a_draft(*lines(("1", "19.99", "13")))
    ids = books.load([draft]).ids
    row = {"name": "Gift", "quantity": 2, "price_unit": -1.5, "tax_ids": [(6, 0, [])]}
    books.odoo.write("account.move", list(ids.values()), {"invoice_line_ids": [(0, 0, row)]})
    seen = books.seen(draft)
    assert list(seen.strangers.values()) == ["Gift: 2.0 × -1.5"]
    assert len(seen.lines) == 1


def random_lines(seed: int) -> tuple[DraftLine, ...]:
    """Lines with amounts around the half cent, in quantities that Odoo keeps with two decimals."""
    chance = Random(seed)  # noqa: S311
    quantities, prices = ("1", "2", "0.5", "3.25", "16.67", "7.77"), ("19.99", "0.0075", "0.35", "0.004", "1.005", "2.675")
    places = (("13",), ("5", "9.975"), ("5",), ())
    return lines(
        *(
            (
                chance.choice(quantities),
                chance.choice((*prices, str(Decimal(chance.randint(-5000, 50000)) / 1000))),
                *chance.choice(places),
            )
            for _ in range(chance.randint(1, 6))
        )
    )


TABLE = (
    lines(*SECTION_6),
    lines(*SIX_DIGITS[:1]),
    lines(*[("1", "0.35", "13")] * 10),
    lines(*[("1", "0.004", "13")] * 10),
    lines(("1", "1.005", "13"), ("1", "2.675", "13"), ("3", "0.335", "13")),
    lines(*[("1", "16.67", "5", "9.975")] * 12),
)


@pytest.mark.parametrize("way", list(ROUNDINGS))
def test_odoo_makes_the_totals_that_are_foretold(books: Invoices, way: str) -> None:
    drafts = [
        a_draft(*each, key=f"d{number}", is_refund=number % 5 == 0)
        for number, each in enumerate((*TABLE, *map(random_lines, range(25))))
    ]
    with books.rounding(way), prices_in_full(books.odoo):
        assert taxes(books.odoo, {}).rounding is ROUNDINGS[way]
        books.load(drafts)
        found = {xid: seen.totals for xid, seen in books.all_seen(drafts).items()}
    wanted: dict[str, Totals | None] = {books.xid(one): totals_in_odoo(one.lines, "CAD", ROUNDINGS[way]) for one in drafts}
    assert found == wanted


def test_both_ways_are_known(books: Invoices) -> None:
    assert set(ROUNDINGS.values()) == set(TaxRounding)


def test_a_currency_must_be_active_and_round_as_we_do(books: Invoices) -> None:
    books.ledger.require_currency("CAD")
    inactive = books.odoo.search_read("res.currency", [("active", "=", False), ("name", "in", ["CHF", "JPY", "AUD"])], ["name"])
    with pytest.raises(InvalidInput, match="no active currency"):
        books.ledger.require_currency(inactive[0]["name"])
