"""`fcb payments`: follows the payments of live subscriptions' invoices."""

from typing import Any

import click

from fcb_pipelines.acts.order_ends import follow_ends
from fcb_pipelines.acts.payments import follow
from fcb_pipelines.cli.session import answer, connected, json_option, service_option
from fcb_pipelines.cli.terminations import moment
from fcb_pipelines.domain.money import amount_text
from fcb_pipelines.domain.payments import PaymentFact
from fcb_pipelines.store import payments as store


@click.command()
@click.option(
    "--since", metavar="TIME", help="Read Odoo from then on: 2026-07-01T00:00:00Z; without it from the first flip on."
)
@click.option("--all", "with_known", is_flag=True, help="Show every fact and not only those that are new.")
@service_option
@json_option
def payments(since: str | None, service_code: str | None, *, with_known: bool, as_json: bool) -> None:
    """Read what Odoo says of payments of live subscriptions' invoices and of their ends, and keep each fact once.

    Paid, reversed, taken back, overdue, or an attempt to charge that failed; an invoice from before a boundary never is among
    them. Reading again records nothing twice. Each fact becomes a message to the host.
    """
    cursor = None if since is None else moment(since)
    with connected() as reached:
        service = reached.settings.service(service_code)
        done = follow(reached.database(), reached.odoo(), service, cursor, reached.now)
        ended = follow_ends(reached.database(), reached.odoo(), service, reached.now)
        with reached.database().transaction() as conn:
            found = store.facts(conn, service.code) if with_known else done.new
    if as_json:
        at = None if done.cursor is None else done.cursor.isoformat()
        answer(
            {
                "service": service.code,
                "cursor": at,
                "new": len(done.new),
                "ended": list(ended),
                "facts": [_as_json(one) for one in found],
            }
        )
        return
    click.echo(f"{service.code}: {len(done.new)} new facts of {done.read} records read")
    for subscription in ended:
        click.echo(f"ended in Odoo: {subscription}")
    for one in found:
        about = one.external_subscription_id or one.move_xid
        click.echo(f"{one.fact.replace('_', ' ')}: {one.data.get('invoice') or one.move_xid}, {one.amount}, {about}")


def _as_json(one: PaymentFact) -> dict[str, Any]:
    return {
        "fact": one.fact.value,
        "subscription": one.external_subscription_id,
        "customer": one.external_user_id,
        "move": one.move_xid,
        "odoo_id": one.move_id,
        "transaction_id": one.transaction_id,
        "currency": one.amount.currency,
        "amount": amount_text(one.amount.amount, one.amount.currency),
        "data": dict(one.data),
    }
