"""Traps: arithmetic fits, and what is on record says otherwise. Each of them must stay unexplained, or agree."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.domain.case import OtherUsage
from fcb_pipelines.domain.history import BillingState
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.invoices import InvoiceLine, LineKind
from fcb_pipelines.domain.plans import CPU_SECONDS, Interval, Plan
from fcb_pipelines.domain.rows import Remedy, Verdict
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines_tests.seeded.host import Host, overage
from fcb_pipelines_tests.seeded.pricing import cents
from fcb_pipelines_tests.seeded.usage_plants import used


def _price(host: Host, one: Subscription) -> Decimal:
    return host.plans[one.external_plan_id].flat_price(one.interval)


def _trap(host: Host, one: Subscription, net: Decimal, name: str) -> None:
    host.bill(one, net)
    if net != _price(host, one):
        host.told(one.external_subscription_id, FLAT, name, Verdict.UNEXPLAINED)


def _part(host: Host, one: Subscription, days: int) -> Decimal:
    return cents(Fraction(_price(host, one)) * days / host.period.days)


def active_all_month(host: Host, plan: Plan) -> None:
    """W: 109.68 is 200 × 17/31, and the subscription was active all month."""
    one = host.subscribe(plan)
    _trap(host, one, _part(host, one, 17), "active_all_month")


def coupon_expired(host: Host, plan: Plan) -> None:
    """20 % by a coupon that ended before the month."""
    one = host.subscribe(plan)
    host.record("discount", one.external_subscription_id, percent="20", coupon="OLD", until=host.first - timedelta(days=1))
    _trap(host, one, cents(_price(host, one) * 4 / 5), "coupon_expired")


def coupon_not_yet(host: Host, plan: Plan) -> None:
    """20 % by a coupon that began the day after it was due."""
    one = host.subscribe(plan)
    host.record("discount", one.external_subscription_id, percent="20", coupon="NEW", since=host.first + timedelta(days=1))
    _trap(host, one, cents(_price(host, one) * 4 / 5), "coupon_not_yet")


def coupon_used_up(host: Host, plan: Plan) -> None:
    """A coupon for one, taken by two: the second has no claim on it."""
    first, second = host.subscribe(plan), host.subscribe(plan)
    coupon = f"ONE-{first.external_subscription_id}"
    start = host.first - timedelta(days=30)
    for one, since in ((first, start), (second, start + timedelta(days=1))):
        host.record("discount", one.external_subscription_id, percent="20", coupon=coupon, max_uses=1, since=since)
    host.bill(first, cents(_price(host, first) * 4 / 5))
    host.told(first.external_subscription_id, FLAT, "coupon for one", Verdict.EXPLAINED, "discount", remedy=Remedy.FIX_MODEL)
    _trap(host, second, cents(_price(host, second) * 4 / 5), "coupon_used_up")


def rate_of_another_day(host: Host, _: Plan) -> None:
    """An exchange rate that ended with the month before."""
    plan = host.plan("35")
    host.record("exchange_rate", plan.external_plan_id, "plan", rate="1.3725", until=host.first)
    _trap(host, host.subscribe(plan), cents(Fraction("48.0375")), "rate_of_another_day")


def coupon_of_other_plan(host: Host, plan: Plan) -> None:
    """A coupon for another plan."""
    one = host.subscribe(plan)
    host.record("discount", one.external_subscription_id, percent="20", coupon="X", plans=["another"])
    _trap(host, one, cents(_price(host, one) * 4 / 5), "coupon_of_other_plan")


def trial_over(host: Host, plan: Plan) -> None:
    """A trial that ended with the month before, and ten days free."""
    one = host.subscribe(plan)
    host.record("trial", one.external_subscription_id, since=host.first - timedelta(days=14), until=host.first)
    _trap(host, one, _part(host, one, host.period.days - 10), "trial_over")


def contract_not_yet(host: Host, plan: Plan) -> None:
    """A contract that begins in the middle of the month, billed from its first day."""
    one, price = host.subscribe(plan), Decimal(host.rng.randint(1000, 2400)) / 100
    host.record("contract_price", one.external_subscription_id, price=str(price), since=host.day())
    _trap(host, one, price, "contract_not_yet")


def contract_of_another(host: Host, plan: Plan) -> None:
    """The contract price of somebody else."""
    one, other = host.subscribe(plan), host.subscribe(plan)
    price = Decimal(host.rng.randint(1000, 2400)) / 100
    host.record("contract_price", other.external_subscription_id, price=str(price))
    host.bill(other, price)
    host.told(other.external_subscription_id, FLAT, "contract", Verdict.EXPLAINED, "price_override", remedy=Remedy.FIX_MODEL)
    _trap(host, one, price, "contract_of_another")


def contract_and_random(host: Host, plan: Plan) -> None:
    """A contract is on record, and something else was billed."""
    one = host.subscribe(plan)
    host.record("contract_price", one.external_subscription_id, price="21.17")
    _trap(host, one, Decimal(host.rng.randint(2200, 2900)) / 100, "contract_and_random")


def contract_not_followed(host: Host, plan: Plan) -> None:
    """A contract is on record, and the list price was billed: no difference."""
    one = host.subscribe(plan)
    host.record("contract_price", one.external_subscription_id, price="21.17")
    host.bill(one, _price(host, one))


def quantity_not_billed(host: Host, plan: Plan) -> None:
    """Two units by the history, and one billed."""
    one = host.subscribe(plan)
    host.became(one, "quantity", 2, host.first - timedelta(days=3))
    host.bill(one, _price(host, one))
    host.told(one.external_subscription_id, FLAT, "quantity_not_billed", Verdict.UNEXPLAINED)


def credit_of_another(host: Host, plan: Plan) -> None:
    """A credit that fits here and is linked to another invoice: neither of both agrees then."""
    one, other, too_much = host.subscribe(plan), host.subscribe(plan), Decimal(host.rng.randint(100, 900)) / 100
    host.bill(one, _price(host, one) + too_much)
    original = host.bill(other, _price(host, other))
    line = InvoiceLine(ordinal=1, kind=LineKind.CREDIT, description="Credit", amount=-too_much)
    note = host.invoice(other.external_user_id, [line], issued_at=host.at(host.day(5)))
    host.record(
        "credit_note",
        note.external_invoice_id,
        "invoice",
        original_invoice=original.external_invoice_id,
        subscription=other.external_subscription_id,
    )
    for each in (one, other):
        host.told(each.external_subscription_id, FLAT, "credit_of_another", Verdict.UNEXPLAINED)


def before_it_was_due(host: Host, plan: Plan) -> None:
    """A header of the customer, right to the cent, and issued before the subscription began."""
    user, day = host.customer(), host.day(10)
    one = host.subscribe(plan, user, started_at=host.at(day))
    net = host.bill_of(one).without(host.first, day).exact(host.declared)
    invoice = host.invoice(user.external_user_id, [], subtotal=cents(net), issued_at=host.at(day - timedelta(days=5)))
    host.states.append(_paid_until(one, host))
    host.told(f"{invoice.external_invoice_id}/0", "", "before_it_was_due", Verdict.UNEXPLAINED)
    host.told(
        one.external_subscription_id,
        FLAT,
        "before_it_was_due",
        Verdict.UNEXPLAINED,
        "missing_in_source",
        remedy=Remedy.FIX_SOURCE,
    )


def _paid_until(one: Subscription, host: Host) -> BillingState:
    return BillingState(
        external_subscription_id=one.external_subscription_id,
        biller="provider",
        auto_renew=True,
        paid_through=host.at(host.first),
        cancel_at=None,
        provider_id=None,
    )


def another_partner(host: Host, plan: Plan) -> None:
    """Billed to a customer who does not have it."""
    one, other = host.subscribe(plan), host.customer()
    host.states.append(_paid_until(one, host))
    invoice = host.bill(one, _price(host, one))
    host.invoices[invoice.external_invoice_id] = replace(invoice, external_user_id=other.external_user_id)
    host.told(f"{invoice.external_invoice_id}/1", "", "another_partner", Verdict.UNEXPLAINED)
    host.told(
        one.external_subscription_id,
        FLAT,
        "another_partner",
        Verdict.UNEXPLAINED,
        "missing_in_source",
        remedy=Remedy.FIX_SOURCE,
    )


def a_total_off_by_a_cent(host: Host, plan: Plan) -> None:
    """A header for all that a customer owes, and a cent."""
    user = host.customer()
    several = [host.subscribe(plan, user) for _ in range(2)]
    amount = sum((_price(host, one) for one in several), Decimal("0.01"))
    invoice = host.invoice(user.external_user_id, [], subtotal=amount, issued_at=host.at(host.first + timedelta(days=2)))
    host.told(f"{invoice.external_invoice_id}/0", "", "a_total_off_by_a_cent", Verdict.UNEXPLAINED)
    for one in several:
        host.told(one.external_subscription_id, FLAT, "a_total_off_by_a_cent", Verdict.UNEXPLAINED)


def sums_that_cancel(host: Host, plan: Plan) -> None:
    """A header that is the list prices of three, and as well what the contracts of two of them come to."""
    user, price = host.customer(), plan.flat_price(Interval.MONTHLY)
    several = [host.subscribe(plan, user) for _ in range(3)]
    for one, less in zip(several, (Decimal(3), Decimal(-3)), strict=False):
        host.record("contract_price", one.external_subscription_id, price=str(price - less))
    invoice = host.invoice(user.external_user_id, [], subtotal=price * 3, issued_at=host.at(host.first))
    keys = [one.external_subscription_id for one in several]
    host.record("line_reference", invoice.external_invoice_id, "invoice", line=0, subscriptions=keys)
    for key in keys:
        host.told(key, FLAT, "sums_that_cancel", Verdict.UNEXPLAINED)
    host.told(f"{invoice.external_invoice_id}/0", "", "sums_that_cancel", Verdict.UNEXPLAINED)


def a_test_account_that_paid(host: Host, _: Plan) -> None:
    """An account of the service itself, which has a card on file."""
    user = host.customer(is_internal=True)
    host.record("payment_method", user.external_user_id, "user")
    line = InvoiceLine(ordinal=1, kind=LineKind.UNKNOWN, description="test", amount=Decimal(10))
    invoice = host.invoice(user.external_user_id, [line], issued_at=host.at(host.day()))
    host.told(f"{invoice.external_invoice_id}/1", "", "a_test_account_that_paid", Verdict.UNEXPLAINED)


def an_own_account_with_a_contract(host: Host, plan: Plan) -> None:
    """The same on a subscription, and a contract says what was billed: nothing is due of an account of our own."""
    one = host.subscribe(plan, host.customer(is_internal=True))
    host.record("payment_method", one.external_user_id, "user")
    host.record("contract_price", one.external_subscription_id, price="21.17")
    invoice = host.bill(one, Decimal("21.17"))
    place = f"{invoice.external_invoice_id}/1"
    host.told(place, "", "own account", Verdict.UNEXPLAINED, "missing_in_expected", remedy=Remedy.FIX_SOURCE)


def without_a_record(host: Host, plan: Plan) -> None:
    """Some amount, and nothing on record."""
    one = host.subscribe(plan)
    _trap(host, one, Decimal(host.rng.randint(100, 9900)) / 100, "without_a_record")


def bounds_that_contradict(host: Host, plan: Plan) -> None:
    """A minimum above a maximum: whichever was billed, the other record speaks against it."""
    one, _ = used(host, plan)
    host.record("minimum", one.external_subscription_id, amount="900")
    host.record("maximum", one.external_subscription_id, amount="800")
    host.bill(one, Decimal(host.rng.choice((800, 900))), LineKind.OVERAGE)
    host.told(one.external_subscription_id, CPU_SECONDS, "bounds_that_contradict", Verdict.UNEXPLAINED)


def usage_random(host: Host, plan: Plan) -> None:
    """Events that came late are on record, and something else was billed."""
    one, units = used(host, plan)
    told = OtherUsage(cause="usage_late", quantity=Fraction(units + 7200), words="late", references=("usage/late",))
    host.other_usage[one.external_subscription_id] = (told,)
    host.bill(one, cents(overage(units)) + Decimal("0.37"), LineKind.OVERAGE)
    host.told(one.external_subscription_id, CPU_SECONDS, "usage_random", Verdict.UNEXPLAINED)


TRAPS = (
    active_all_month,
    coupon_expired,
    coupon_not_yet,
    coupon_used_up,
    coupon_of_other_plan,
    rate_of_another_day,
    trial_over,
    contract_not_yet,
    contract_of_another,
    contract_and_random,
    contract_not_followed,
    quantity_not_billed,
    credit_of_another,
    before_it_was_due,
    another_partner,
    a_total_off_by_a_cent,
    sums_that_cancel,
    a_test_account_that_paid,
    an_own_account_with_a_contract,
    without_a_record,
    bounds_that_contradict,
    usage_random,
)
