"""Invoices that bill rightly what a line alone does not say, and those that bill wrongly and are named."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.history import BillingState
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.invoices import InvoiceLine, InvoiceStatus, LineKind
from fcb_pipelines.domain.period import add_months
from fcb_pipelines.domain.plans import Interval, Plan
from fcb_pipelines.domain.rows import Remedy, Verdict
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines_tests.seeded.flat_plants import made, percent, price_override, told
from fcb_pipelines_tests.seeded.host import Host

Several = tuple[Subscription, ...]


def _several(host: Host, plan: Plan) -> tuple[Several, Decimal]:
    user = host.customer()
    found = tuple(host.subscribe(plan, user) for _ in range(host.rng.randint(2, 4)))
    return found, sum((plan.flat_price(one.interval) for one in found), Decimal(0))


def _consolidated(host: Host, several: Several, plant: str) -> None:
    for one in several:
        host.told(one.external_subscription_id, FLAT, plant, Verdict.EXPLAINED, "consolidated_invoice")


def by_reference(host: Host, plan: Plan) -> None:
    """A header for several subscriptions that a record names."""
    several, amount = _several(host, plan)
    invoice = host.invoice(several[0].external_user_id, [], subtotal=amount, issued_at=host.at(host.first))
    host.record(
        "line_reference",
        invoice.external_invoice_id,
        "invoice",
        line=0,
        subscriptions=[one.external_subscription_id for one in several],
    )
    _consolidated(host, several, "by_reference")


def by_reference_with_terms(host: Host, plan: Plan) -> None:
    """The same, two of them with a contract or a coupon."""
    user = host.customer()
    drafts = [made(host, plan, *features) for features in ((price_override,), (percent,), ())]
    for draft in drafts:
        draft.become(external_user_id=user.external_user_id)
    invoice = host.invoice(
        user.external_user_id, [], subtotal=sum((each.net for each in drafts), Decimal(0)), issued_at=host.at(host.first)
    )
    host.record("line_reference", invoice.external_invoice_id, "invoice", line=0, subscriptions=[each.key for each in drafts])
    # Now and then the sum is the list's as well, and then nobody can tell.
    if is_told := sum(each.net for each in drafts) != sum(each.ours for each in drafts):
        for each in drafts:
            told(each, "by_reference_with_terms", "consolidated_invoice")
    for place, charge in () if is_told else ((f"{invoice.external_invoice_id}/0", ""), *((one.key, FLAT) for one in drafts)):
        host.told(place, charge, "by_reference_with_terms", Verdict.UNEXPLAINED)


def by_product(host: Host, plan: Plan) -> None:
    """One line for as many subscriptions on a plan as its quantity says."""
    several, amount = _several(host, plan)
    line = replace(
        host.line(several[0], amount), quantity=Decimal(len(several)), product=plan.external_plan_id, description="hosting"
    )
    host.invoice(several[0].external_user_id, [line], issued_at=host.at(host.first))
    _consolidated(host, several, "by_product")


def by_total(host: Host, plan: Plan) -> None:
    """A header without items for all that a customer owes."""
    several, amount = _several(host, plan)
    host.invoice(several[0].external_user_id, [], subtotal=amount, issued_at=host.at(host.first + timedelta(days=3)))
    _consolidated(host, several, "by_total")


def header_of_one(host: Host, plan: Plan) -> None:
    """A header without items that names its subscription."""
    one = host.subscribe(plan)
    host.invoice(
        one.external_user_id,
        [],
        subtotal=plan.flat_price(one.interval),
        issued_at=host.at(host.first),
        external_subscription_id=one.external_subscription_id,
    )
    _consolidated(host, (one,), "header_of_one")


def credited(host: Host, plan: Plan) -> None:
    """Too much was billed, and a credit gives it back."""
    one, too_much = host.subscribe(plan), Decimal(host.rng.randint(100, 900)) / 100
    original = host.bill(one, plan.flat_price(one.interval) + too_much)
    credit = InvoiceLine(ordinal=1, kind=LineKind.CREDIT, description="Credit", amount=-too_much)
    note = host.invoice(
        one.external_user_id, [credit], issued_at=host.at(host.day(5)), external_subscription_id=one.external_subscription_id
    )
    host.record(
        "credit_note",
        note.external_invoice_id,
        "invoice",
        original_invoice=original.external_invoice_id,
        subscription=one.external_subscription_id,
    )
    host.told(one.external_subscription_id, FLAT, "credited", Verdict.EXPLAINED, "credit_note")


def copied(host: Host, plan: Plan) -> None:
    """The provider's invoice came twice."""
    one = host.subscribe(plan)
    values: dict[str, Any] = {"provider_id": f"in_{one.external_subscription_id}"}
    host.bill(one, plan.flat_price(one.interval), **values)
    copy = host.bill(one, plan.flat_price(one.interval), **values, issued_at=host.at(host.day(1, 4)))
    host.told(f"{copy.external_invoice_id}/1", "", "copied", Verdict.EXPLAINED, "copied_twice", remedy=Remedy.FIX_SOURCE)


def billed_twice(host: Host, plan: Plan) -> None:
    """Two invoices of the provider on one month."""
    one = host.subscribe(plan)
    first = host.bill(one, plan.flat_price(one.interval), provider_id=f"in_{one.external_subscription_id}")
    other = host.bill(
        one, plan.flat_price(one.interval), provider_id=f"{first.provider_id}_b", issued_at=host.at(host.day(1, 4))
    )
    place = f"{other.external_invoice_id}/1"
    host.told(place, "", "billed_twice", Verdict.UNEXPLAINED, "double_billed", remedy=Remedy.FIX_SOURCE)


def leak(host: Host, plan: Plan) -> None:
    """Due, closed, and never billed."""
    one = host.subscribe(plan)
    state = BillingState(
        external_subscription_id=one.external_subscription_id,
        biller="provider",
        auto_renew=True,
        paid_through=host.at(host.first),
        cancel_at=None,
        provider_id=None,
    )
    host.states.append(state)
    host.told(one.external_subscription_id, FLAT, "leak", Verdict.UNEXPLAINED, "missing_in_source", remedy=Remedy.FIX_SOURCE)


def of_its_own(host: Host, _: Plan) -> None:
    """Billed to an account of the service itself that never paid, on no subscription."""
    user = host.customer(is_internal=True)
    line = InvoiceLine(ordinal=1, kind=LineKind.BALANCING, description="test", amount=Decimal(10))
    invoice = host.invoice(user.external_user_id, [line], issued_at=host.at(host.day()))
    host.told(f"{invoice.external_invoice_id}/1", "", "of_its_own", Verdict.EXPLAINED, "test_account")


def own_subscription(host: Host, plan: Plan) -> None:
    """A subscription of the service itself, billed and never paid."""
    one = host.subscribe(plan, host.customer(is_internal=True))
    invoice = host.bill(one, plan.flat_price(one.interval))
    host.told(f"{invoice.external_invoice_id}/1", "", "own_subscription", Verdict.EXPLAINED, "test_account")


def taken_off(host: Host, plan: Plan) -> None:
    """An account credit or a deposit that stands as a line on an invoice: it lowers no net."""
    kind, one, amount = host.rng.choice(("account_credit", "deposit")), host.subscribe(plan), Decimal(host.rng.randint(1, 9))
    host.bill(one, plan.flat_price(one.interval))
    line = InvoiceLine(ordinal=1, kind=LineKind.UNKNOWN, description="taken off", amount=-amount)
    invoice = host.invoice(one.external_user_id, [line], issued_at=host.at(host.day()))
    host.record(kind, one.external_user_id, "user", amount=str(amount), invoice=invoice.external_invoice_id)
    host.told(f"{invoice.external_invoice_id}/1", "", kind, Verdict.UNEXPLAINED, kind)


def void_and_anew(host: Host, plan: Plan) -> None:
    """A void, and the invoice that was issued in its place, which says so."""
    one = host.subscribe(plan)
    void = host.bill(one, plan.flat_price(one.interval) * 2, status=InvoiceStatus.VOID)
    anew = host.bill(one, plan.flat_price(one.interval), issued_at=host.at(host.day(1, 4)))
    if host.rng.random() < 0.5:
        bare = tuple(replace(line, service_from=None, service_to=None) for line in anew.lines)
        host.invoices[anew.external_invoice_id] = replace(anew, lines=bare, external_subscription_id=None)
    host.record("reissue", anew.external_invoice_id, "invoice", original_invoice=void.external_invoice_id)
    host.told(one.external_subscription_id, FLAT, "void_and_anew", Verdict.MATCH, "reissue")


def late(host: Host, plan: Plan) -> None:
    """The right amount, after the month closed."""
    one = host.subscribe(plan)
    host.bill(one, plan.flat_price(one.interval), issued_at=host.at(host.last + timedelta(days=2)))
    host.told(one.external_subscription_id, FLAT, "late", Verdict.MATCH, "issued_late")


def not_expected(host: Host, plan: Plan) -> None:
    """A year that was paid before, and a month of it billed again."""
    one = host.subscribe(plan, interval=Interval.YEARLY, started_at=host.at(add_months(host.first, -5)))
    line = replace(
        host.line(one, plan.flat_price(Interval.MONTHLY)), service_from=host.at(host.first), service_to=host.at(host.last)
    )
    invoice = host.invoice(one.external_user_id, [line], external_subscription_id=one.external_subscription_id)
    place = f"{invoice.external_invoice_id}/1"
    host.told(place, "", "not_expected", Verdict.UNEXPLAINED, "missing_in_expected", remedy=Remedy.FIX_SOURCE)


PLANTS = (
    by_reference,
    by_reference_with_terms,
    by_product,
    by_total,
    header_of_one,
    credited,
    copied,
    billed_twice,
    leak,
    of_its_own,
    own_subscription,
    taken_off,
    void_and_anew,
    late,
    not_expected,
)
