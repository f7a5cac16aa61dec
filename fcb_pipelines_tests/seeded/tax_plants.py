"""Taxes that do not follow from the table, for reasons on record or without any, and amounts rounded the other way."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.rows import Remedy, Verdict
from fcb_pipelines_tests.seeded.flat_plants import made, percent, price_override, told
from fcb_pipelines_tests.seeded.host import Host
from fcb_pipelines_tests.seeded.pricing import cents, cents_even


def taxed_in_total(host: Host, plan: Plan) -> None:
    """Several subscriptions on one invoice whose tax is rounded once on their sum."""
    user = host.customer(state="ON")
    found = [made(host, plan, price_override) for _ in range(4)]
    for draft in found:
        draft.become(external_user_id=user.external_user_id)
    lines = [host.line(draft.one, draft.net, external_subscription_id=draft.key) for draft in found]
    nets = [draft.net for draft in found]
    once = host.tax(user.external_user_id, [sum(nets, Decimal(0))])
    host.invoice(user.external_user_id, lines, issued_at=host.at(host.first), tax=once)
    is_other = once != host.tax(user.external_user_id, nets)
    for draft in found:
        told(draft, "taxed_in_total", maybe=["tax_rounding"] if is_other else [])


def taxed_by_record(host: Host, plan: Plan) -> None:
    """A customer who is exempt, or taxed at another rate, as its record says."""
    one = host.subscribe(plan)
    net, percents = plan.flat_price(one.interval), host.rng.choice(([], ["15"], ["5", "7"]))
    host.record("tax_rate", one.external_user_id, "user", percents=percents, reason="certificate 17")
    host.bill(one, net, tax=sum((cents(Fraction(net) * Fraction(each) / 100) for each in percents), Decimal(0)))
    host.told(one.external_subscription_id, FLAT, "taxed_by_record", Verdict.EXPLAINED, "tax_rate", remedy=Remedy.FIX_MODEL)


def halves(host: Host, _: Plan) -> None:
    """A plan of a source that rounds halves to the even cent; its contract is paid in two parts."""
    plan = host.plan("10.05")
    host.record("rounding", plan.external_plan_id, "plan", mode="half_even")
    for number in range(2):
        one, price = host.subscribe(plan), Decimal("10.05") + Decimal(host.rng.randint(0, 99)) / 10
        host.record("contract_price", one.external_subscription_id, price=str(price))
        host.record("instalment", one.external_subscription_id, instalments=2)
        half = Fraction(price) / 2
        host.bill(one, cents_even(half))
        causes = {"price_override", "instalment"} - ({"price_override"} if price == Decimal("10.05") else set())
        causes |= {"rounding"} if cents_even(half) != cents(half) else set()
        host.told(one.external_subscription_id, FLAT, f"halves {number}", Verdict.EXPLAINED, *causes, remedy=Remedy.FIX_MODEL)


def taxed_by_an_old_record(host: Host, plan: Plan) -> None:
    """An exemption that ended, and one without a reason: taxed as if they held."""
    for data in ({"reason": "certificate 1", "until": host.first - timedelta(days=1)}, {}):
        one = host.subscribe(plan)
        host.record("tax_rate", one.external_user_id, "user", percents=[], **data)
        host.bill(one, plan.flat_price(one.interval), tax=Decimal(0))
        host.told(one.external_subscription_id, FLAT, "taxed_by_an_old_record", Verdict.UNEXPLAINED)


def taxed_on_another_net(host: Host, plan: Plan) -> None:
    """W: 100 + 13.00 expected and 90 + 13.00 billed: the coupon is right, the tax is that of 100."""
    draft = made(host, plan, percent)
    listed = plan.flat_price(draft.one.interval)
    host.bill(draft.one, draft.net, tax=host.tax(draft.one.external_user_id, [listed]))
    host.told(draft.key, FLAT, "taxed_on_another_net", Verdict.UNEXPLAINED, "discount", remedy=Remedy.FIX_MODEL)


def a_cent_by_no_half(host: Host, _: Plan) -> None:
    """Halves go to the even cent, and this is no half: the cent is nobody's rounding."""
    plan = host.plan("10.07")
    host.record("rounding", plan.external_plan_id, "plan", mode="half_even")
    one = host.subscribe(plan)
    host.bill(one, Decimal("10.06"))
    host.told(one.external_subscription_id, FLAT, "a_cent_by_no_half", Verdict.UNEXPLAINED)


PLANTS = (
    taxed_in_total,
    taxed_by_record,
    halves,
    taxed_by_an_old_record,
    taxed_on_another_net,
    a_cent_by_no_half,
)
