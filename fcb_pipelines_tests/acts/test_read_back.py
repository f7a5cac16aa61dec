"""Read-back against each Odoo: what was imported is there and comes to what it must, and everything otherwise is named."""

from decimal import Decimal

import pytest

from fcb_pipelines.acts.read_back import forget, objections, require_read_back
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.domain.errors import OutcomeUnknown, RuleViolation
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.domain.read_back import Difference, Part
from fcb_pipelines.odoo.read_back import taxes_field
from fcb_pipelines.store import read_back as stored
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.source_records import a_plan, a_subscription, a_user, records
from fcb_pipelines_tests.acts.test_interrupted import broken
from fcb_pipelines_tests.conftest import NOW

PARTS = (Part.PARTNERS, Part.PLANS, Part.SUBSCRIPTIONS)


def differences(chain: Chain, part: Part = Part.SUBSCRIPTIONS) -> dict[tuple[str, str], Difference]:
    """What the last read-back found, by the end of the external id and the field."""
    with chain.db.transaction() as conn:
        found = stored.differences(conn, chain.service.code, part)
    return {(one.external_id.removeprefix(chain.xid("")), one.field): one for one in found}


def imported(chain: Chain, source: SourceRecords) -> dict[tuple[str, str], Difference]:
    chain.all(source)
    return differences(chain)


def of_place(country: str | None, state: str | None) -> SourceRecords:
    return records(users=(a_user(country=country, state=state),))


def test_an_import_that_odoo_keeps_as_it_was_sent_is_clean(chain: Chain) -> None:
    chain.all(records())
    assert [differences(chain, part) for part in PARTS] == [{}, {}, {}]
    with chain.db.transaction() as conn:
        seen = {one.part: (one.records, one.read_at, count) for one, count in stored.overview(conn, chain.service.code)}
        require_read_back(conn, chain.service.code, [(part, "") for part in PARTS])
    assert seen == {Part.PARTNERS: (1, NOW, 0), Part.PLANS: (2, NOW, 0), Part.SUBSCRIPTIONS: (1, NOW, 0)}


def test_an_import_again_reads_back_what_it_did_not_touch(chain: Chain) -> None:
    chain.all(records())
    line = chain.ids("sale.order.line")[chain.xid("subscription_s1_line")]
    chain.odoo.write("sale.order.line", [line], {"discount": 10})
    found = imported(chain, records())
    assert {(name, one.sent, one.stored) for (_, name), one in found.items()} == {
        ("subtotal", "19.99", "17.99"),
        ("untaxed", "19.99", "17.99"),
        ("tax", "2.60", "2.34"),
        ("total", "22.59", "20.33"),
    }
    assert "discount of 10 %" in found["subscription_s1_line", "subtotal"].why
    chain.odoo.write("sale.order.line", [line], {"discount": 0})
    assert imported(chain, records()) == {}


def test_a_missing_province_makes_no_tax_and_is_named(chain: Chain) -> None:
    found = imported(chain, of_place("CA", None))
    (taxes,) = found.values()
    assert (taxes.external_id, taxes.field, taxes.sent) == (chain.xid("subscription_s1_line"), "taxes", None)
    assert "0%" in str(taxes.stored)
    assert "the customer has no country or province" in taxes.why
    assert "fiscal position" in taxes.why


def test_both_taxes_of_a_group_are_those_that_are_due(chain: Chain) -> None:
    assert imported(chain, of_place("CA", "QC")) == {}
    assert Decimal(str(chain.line()["price_total"])) == Decimal("22.98")


def test_a_customer_who_moved_has_an_order_of_the_place_before(chain: Chain) -> None:
    chain.all(of_place("CA", "ON"))
    found = imported(chain, of_place("CA", "QC"))
    taxes = found["subscription_s1_line", "taxes"]
    assert (taxes.sent, taxes.stored) == ("GST (5 %), QST (9.975 %)", "13% HST (13 %)")
    assert "if the customer has moved since, delete this draft in Odoo and import again" in taxes.why
    order = chain.ids("sale.order")[chain.xid("subscription_s1")]
    chain.odoo.unlink("sale.order.line", [chain.ids("sale.order.line")[chain.xid("subscription_s1_line")]])
    chain.odoo.unlink("sale.order", [order])
    assert imported(chain, of_place("CA", "QC")) == {}, "what it says to do mends it"


def test_a_partner_that_was_there_before_and_lives_elsewhere_is_named(chain: Chain) -> None:
    (canada,) = chain.odoo.search_read("res.country", [("code", "=", "CA")], ["id"])
    (quebec,) = chain.odoo.search_read("res.country.state", [("country_id", "=", canada["id"]), ("code", "=", "QC")], ["id"])
    chain.odoo.call(
        "res.partner",
        "create",
        {"name": "Before", "email": chain.email("u1"), "country_id": canada["id"], "state_id": quebec["id"]},
    )
    found = imported(chain, records(users=(a_user(email=chain.email("u1")),)))
    assert "address is in CA-QC, while it is taxed in CA-ON" in found["subscription_s1_line", "taxes"].why
    assert {name for _, name in found} == {"taxes", "tax", "total"}


def test_a_line_without_taxes_is_named(chain: Chain) -> None:
    chain.all(records())
    line = chain.ids("sale.order.line")[chain.xid("subscription_s1_line")]
    chain.odoo.write("sale.order.line", [line], {taxes_field(chain.odoo): [(6, 0, [])]})
    found = imported(chain, records())
    assert (found["subscription_s1_line", "taxes"].sent, found["subscription_s1_line", "taxes"].stored) == ("HST (13 %)", None)
    assert "has no tax at all" in found["subscription_s1_line", "taxes"].why
    assert found["subscription_s1", "total"].stored == "19.99"


def test_a_line_that_somebody_added_is_named_and_no_total_guessed_at(chain: Chain) -> None:
    chain.all(records())
    order = chain.ids("sale.order")[chain.xid("subscription_s1")]
    product = chain.line()["product_id"][0]
    stranger = chain.odoo.call("sale.order.line", "create", {"order_id": order, "product_id": product, "price_unit": 5})
    chain.odoo.call("sale.order.line", "create", {"order_id": order, "display_type": "line_note", "name": "a note"})
    found = imported(chain, records())
    assert {key: (one.sent, one.stored) for key, one in found.items()} == {("subscription_s1", "lines"): ("1", "2")}
    chain.odoo.unlink("sale.order.line", [stranger])
    assert imported(chain, records()) == {}


def test_the_tax_of_a_price_with_many_decimals_depends_on_where_odoo_rounds(chain: Chain) -> None:
    source = records(plans=(a_plan("p1", {Interval.MONTHLY: Decimal("0.038")}),))
    failed = chain.all(source)[1].failed
    (company,) = chain.odoo.search_read("res.company", [], ["tax_calculation_rounding_method"], limit=1)
    found = differences(chain)
    if company["tax_calculation_rounding_method"] == "round_per_line" or failed:
        assert found == {}
        return
    assert {name: (one.sent, one.stored) for (_, name), one in found.items()} == {
        "tax": ("0.01", "0.00"),
        "total": ("0.05", "0.04"),
    }
    assert "Odoo rounds taxes by total and we by line: fcb doctor --fix" in found["subscription_s1", "tax"].why


def test_a_currency_that_nobody_bills_in_is_a_difference_and_stops_nothing(chain: Chain) -> None:
    source = records(
        plans=(a_plan("p1"), a_plan("p2", currency="XXX")), subscriptions=(a_subscription(), a_subscription("s2", plan_id="p2"))
    )
    done = chain.all(source)[2]
    assert (done.created, done.failed) == (1, 1), "there is no price list in it"
    assert differences(chain) == {}


def test_the_user_with_the_least_rights_imports_reads_back_and_has_nothing_left_to_change(least: Chain) -> None:
    source = records(users=(a_user(), a_user("u2", state="QC")), subscriptions=(a_subscription(), a_subscription("s2", "u2")))
    assert [done.failed for done in least.all(source)] == [0, 0, 0]
    assert [differences(least, part) for part in PARTS] == [{}, {}, {}]
    assert [(done.created, done.changed) for done in least.all(source)] == [(0, 0)] * 3
    assert [differences(least, part) for part in PARTS] == [{}, {}, {}]


class TestObjections:
    """Nothing is posted that was not read back, or that differs."""

    def found(self, chain: Chain, part: Part) -> tuple[str, ...]:
        with chain.db.transaction() as conn:
            return objections(conn, chain.service.code, part)

    def test_what_was_never_read_back_blocks(self, chain: Chain) -> None:
        for part in PARTS:
            assert self.found(chain, part) == (f"{part}: never read back from Odoo since they were last written",)

    def test_a_difference_blocks(self, chain: Chain) -> None:
        chain.all(of_place("CA", None))
        assert self.found(chain, Part.PARTNERS) == ()
        (one,) = self.found(chain, Part.SUBSCRIPTIONS)
        assert one.startswith(f"subscriptions: {chain.xid('subscription_s1_line')} has taxes ")
        with chain.db.transaction() as conn:
            with pytest.raises(RuleViolation, match=r"nothing of .* may be posted: subscriptions: .* its tax is undecided"):
                require_read_back(conn, chain.service.code, [(part, "") for part in PARTS])

    @pytest.mark.parametrize(
        ("written", "blocked"),
        [(Part.PARTNERS, {Part.PARTNERS, Part.SUBSCRIPTIONS}), (Part.SUBSCRIPTIONS, {Part.SUBSCRIPTIONS})],
    )
    def test_what_is_about_to_be_written_and_what_follows_from_it_block(
        self, chain: Chain, written: Part, blocked: set[Part]
    ) -> None:
        chain.all(records())
        forget(chain.reading(records()), written)
        assert {part for part in PARTS if self.found(chain, part)} == blocked

    @pytest.mark.parametrize("writes", [1, 2, 3, 4])
    def test_an_import_that_broke_off_after_any_write_is_never_clean(self, chain: Chain, writes: int) -> None:
        source = records(users=(a_user(name="Another name"),), plans=(a_plan(name="Another plan"),))
        chain.all(records())
        with pytest.raises(OutcomeUnknown):
            broken(chain, writes).all(source)
        assert self.found(chain, Part.SUBSCRIPTIONS)
        chain.all(source)
        assert {self.found(chain, part) for part in PARTS} == {()}

    def test_a_dry_run_forgets_nothing(self, chain: Chain) -> None:
        chain.all(records())
        chain.all(of_place("CA", "QC"), dry_run=True)
        assert {self.found(chain, part) for part in PARTS} == {()}
