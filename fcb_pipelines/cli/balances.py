"""`fcb balances`: compares opening balances of the source with Odoo's."""

import sys
from collections import Counter
from typing import Any

import click

from fcb_pipelines.acts.balances import opening_balances
from fcb_pipelines.cli.session import answer, connected, json_option, service_option
from fcb_pipelines.domain.balances import Balance, Comparison
from fcb_pipelines.domain.money import Money, amount_text


@click.command()
@click.option("--customer", "customers", multiple=True, metavar="ID", help="Only this customer; may be given again.")
@service_option
@json_option
def balances(customers: tuple[str, ...], service_code: str | None, *, as_json: bool) -> None:
    """Compare what customers have with the source beside their invoices with what is open in Odoo, by customer and currency.

    Credits, deposits and payments that no invoice took, as the source's records say (evidence balance, account_credit, deposit,
    unapplied_payment). What cannot be told is not known, and never passes for equal: a person attests it. The exit code is 1
    where anything differs or is not known.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        found = opening_balances(reached.database(), reached.odoo(), service, reached.now, customers or None)
    counts = Counter(one.comparison for one in found)
    if as_json:
        told = {each.value: counts[each] for each in Comparison}
        answer({"service": service.code, "counts": told, "balances": [_as_json(one) for one in found]})
    else:
        click.echo(", ".join(f"{counts[each]} {each.replace('_', ' ')}" for each in Comparison))
        for one in found:
            if one.comparison is not Comparison.EQUAL:
                sides = f"source {_shown(one.source)}, Odoo {_shown(one.odoo)}"
                click.echo(f"customer {one.external_user_id} {one.currency}: {sides}{f' ({one.why})' if one.why else ''}")
    if counts[Comparison.EQUAL] < len(found):
        sys.exit(1)


def _as_json(one: Balance) -> dict[str, Any]:
    return {
        "customer": one.external_user_id,
        "currency": one.currency,
        "source": _text(one.source),
        "odoo": _text(one.odoo),
        "comparison": one.comparison.value,
        "references": list(one.references),
        "why": one.why,
    }


def _text(amount: Money | None) -> str | None:
    return None if amount is None else amount_text(amount.amount, amount.currency)


def _shown(amount: Money | None) -> str:
    return "not known" if amount is None else str(amount)
