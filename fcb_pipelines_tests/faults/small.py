"""A small service that tells much: what its source says before, after and at the end.

Among its users one was in Odoo before us, and one has an external id that stands for something else there, so that Odoo
refuses it and the good ones beside it must still come in. Every name holds the service's code: a double is found by it.
"""

from decimal import Decimal

from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.plans import Interval, Plan
from fcb_pipelines_tests.acts.source_records import a_plan, a_subscription, a_user, records

OLD, BAD, NEW = "old", "bad", "new"
USERS = ("u1", "u2", "u3", "u4", "u5", "u6")
CROWD = tuple(f"c{number:02}" for number in range(24))
"""Users who only make them too many for one batch, so that two lanes are at work."""
GONE, MOVED, UNLINED = "u6", "s2", "s3"
"""A partner and an order's line that somebody deletes in Odoo, and the subscription that changes its plan."""


def source(code: str, step: str) -> SourceRecords:
    """What the source says at a step."""
    return {"import": at_first, "change": changed, "prune": over}[step](code)


def at_first(code: str) -> SourceRecords:
    users = (*(user(code, each) for each in (*USERS, *CROWD)), user(code, OLD), user(code, BAD))
    plans = (plan(code, "p1", "19.99"), plan(code, "p2", "0.0125"), plan(code, "p3", "1234.5"))
    subscriptions = (
        a_subscription("s1", "u1", "p1"),
        a_subscription(MOVED, "u2", "p2"),
        a_subscription(UNLINED, "u3", "p3"),
        a_subscription("s4", "u4", "p1", interval=Interval.YEARLY),
        a_subscription("s5", "u5", "p2"),
        a_subscription("s6", OLD, "p3"),
        a_subscription("s7", OLD, "p1"),
        a_subscription("s8", BAD, "p1"),
    )
    return records(users=users, plans=plans, subscriptions=subscriptions)


def changed(code: str) -> SourceRecords:
    """Two users moved, one changed its name and one is new; a plan has another price and a subscription another plan."""
    before = at_first(code)
    users = (
        user(code, "u1", country="CA", state="QC"),
        user(code, "u2", country="CA", state="QC"),
        user(code, "u3", name=f"{code} renamed u3"),
        *(user(code, each) for each in (*USERS[3:], *CROWD, OLD, BAD, NEW)),
    )
    plans = (plan(code, "p1", "21.5"), *before.plans[1:], plan(code, "p4", "7"))
    kept = [one for one in before.subscriptions if one.external_subscription_id not in {MOVED, "s5"}]
    subscriptions = (*kept, a_subscription(MOVED, "u2", "p4"), a_subscription("s9", NEW, "p4"))
    return records(users=users, plans=plans, subscriptions=subscriptions)


def over(code: str) -> SourceRecords:
    """Nothing is left but the customer who was in Odoo before us."""
    return records(users=(user(code, OLD),), plans=(), subscriptions=())


def user(code: str, user_id: str, **values: str) -> User:
    return a_user(user_id, **{"name": f"{code} customer {user_id}", "email": email(code, user_id), **values})


def email(code: str, user_id: str) -> str:
    return f"{user_id}@{code}.example"


def plan(code: str, plan_id: str, price: str) -> Plan:
    prices = {Interval.MONTHLY: Decimal(price), Interval.YEARLY: Decimal(price) * 10}
    return a_plan(plan_id, prices, name=f"{code} plan {plan_id}")
