"""`fcb live`: bills for real what falls due of live subscriptions."""

import sys

import click

from fcb_pipelines.acts.live_invoices import LiveDone, Switches, live_invoices
from fcb_pipelines.cli.session import answer, connected, json_option, say, service_option
from fcb_pipelines.domain.drafted import COUNTS


@click.command()
@click.option("--period", required=True, metavar="YYYY-MM", help="The month of the invoices.")
@click.option("--dry-run", is_flag=True, help="Show what would be claimed and written, and what objects; change nothing.")
@service_option
@json_option
def live(period: str, service_code: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Claim, draft, read back and post what falls due in a month of subscriptions that are live.

    Flat prices in advance of the month, usage in arrears of the month before, from the boundary of each charge on. Where Odoo
    has subscriptions it invoices by itself: then the usage of the closed month is put onto the orders before its run. It needs
    FCB_ODOO_DRAFT_INVOICES=true; nothing is posted unless FCB_ODOO_POST_INVOICES=true and nothing objects. Run again it goes
    on from what is there. The exit code is 1 where anything is left for a person: an objection but that posting is off,
    something that could not be drafted or posted, or that Odoo has otherwise.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        settings = reached.settings
        done = live_invoices(
            reached.period(service, period),
            reached.odoo(),
            Switches(may_draft=settings.odoo_draft_invoices, may_post=settings.odoo_post_invoices),
            dry_run=dry_run,
            report=say,
            lanes=reached.lanes(),
        )
    if as_json:
        answer({"service": service.code, "period": period, "dry_run": dry_run, **done.as_json()})
    else:
        _print(done, period, dry_run=dry_run)
    if not done.is_clean and not dry_run:
        sys.exit(1)


def _print(done: LiveDone, period: str, *, dry_run: bool) -> None:
    form = done.drafted.as_json() | {"handed_back": done.as_json()["handed_back"]}
    counts = ", ".join(f"{name} {form[name]}" for name in COUNTS)
    totals = ", ".join(f"{amounts['gross']} {code}" for code, amounts in form["totals"].items()) or "nothing"
    click.echo(f"{period}{' would be' if dry_run else ''}: {counts}; {totals} gross in Odoo")
    click.echo(f"posted {len(done.posted)}")
    for each in form["handed_back"]:
        click.echo(f"handed back to the source: {each['quantity']} {each['charge']} of {each['subscription']}, used late")
    for one in done.objections:
        say(f"objects ({one.id}): {one.words}. To do: {one.what_to_do}")
    for key, why in done.drafted.failed.items():
        say(f"failed {key}: {why}")
    for each in form["differences"]:
        say(f"differs {each['external_id']} {each['field']}: {each['stored']} and not {each['sent']}: {each['why']}")
    for xid, why in done.refused.items():
        say(f"not posted {xid}: {why}")
