"""`fcb unflip`: shows what taking a cohort back would do, and does it."""

import csv
import sys
from pathlib import Path

import click
from rich.table import Table

from fcb_pipelines.acts import unflip as acts
from fcb_pipelines.acts.hand_back import as_row
from fcb_pipelines.acts.unflip import HandedBack
from fcb_pipelines.cli.flip_going import WIDTH, acting, failed, print_stands, say_next, stands_json
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.cli.signing import as_option
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.records_json import as_json as published
from fcb_pipelines.domain.unflips import Undoing, Unflip
from fcb_pipelines.services import Service


@click.command()
@click.argument("flip_id", metavar="F-…")
@click.option("--plan", "is_plan", is_flag=True, help="Show what it would do; so does nothing else given.")
@click.option("--go", is_flag=True, help="Do it, once it is armed:  fcb arm F-… --act unflip")
@click.option("--although-stopped", is_flag=True, help="Although the service is stopped; every other act stays still.")
@click.option("--usage", "csv_file", type=click.Path(dir_okay=False, path_type=Path), help="Write what was handed back as CSV.")
@as_option
@service_option
@json_option
def unflip(
    *,
    flip_id: str,
    is_plan: bool,
    go: bool,
    although_stopped: bool,
    csv_file: Path | None,
    name: str | None,
    service_code: str | None,
    as_json: bool,
) -> None:
    """Take a cohort back: orders become quotations again, posted invoices are credited, the source bills again.

    Nothing that was posted is deleted. Each subscription goes back by itself; it waits until the source bills it again (its
    billing state in a new snapshot, or  fcb attest source_resumed), hands back what was used up to that moment, and ends once
    everything in Odoo is as it was but for what must remain. Run it again to go on where it stopped. A flip that was armed and
    of which no step was begun is given up.
    """
    if go and is_plan:
        raise InvalidInput("either --plan shows what would be done, or --go does it")
    with connected() as reached:
        service = reached.settings.service(service_code)
        given = acting(reached, service, name)
        if go:
            done = acts.unflip(given, flip_id, although_stopped=although_stopped)
            plan, stands = done.plan, done.stands
        else:
            plan, stands = acts.show(given, flip_id), None
        back = acts.handed_back(given, flip_id)
    if csv_file is not None:
        _write(back, csv_file)
    if as_json:
        form = {"plan": published(plan), "stake": published(plan.stake), "stands": stands_json(stands) if stands else None}
        answer(form | {"handed_back": [published(one) for one in back.rows]})
    elif stands is None:
        _print(plan, service)
    else:
        print_stands(stands)
        say_next(stands, Part.UNFLIP, service)
    if stands is not None and failed(stands, Part.UNFLIP):
        sys.exit(1)


def _print(plan: Unflip, service: Service) -> None:
    table = Table(title=f"Taking {plan.flip_id} back")
    for name in (
        "subscription",
        "customer",
        "order",
        "token",
        "credited",
        "removed",
        "the source bills from",
        "usage",
    ):
        table.add_column(name, overflow="fold")
    for one in plan.undone:
        table.add_row(one.external_subscription_id, one.customer, *_cells(one, service))
    console_of(WIDTH).print(table)
    if not plan.undone:
        say(f"no step of {plan.flip_id} was begun: nothing is taken back;  fcb unflip {plan.flip_id} --go  gives it up")
        return
    amounts = " ".join(f"--amount {code}={amount}" for code, amount in sorted(plan.stake.amounts.items()))
    say(f"next:  fcb arm {plan.flip_id} --act unflip --count {plan.stake.count} {amounts}".rstrip())


def _cells(one: Undoing, service: Service) -> tuple[str, ...]:
    credits_ = "\n".join(f"{each.name}: {each.gross}{_paid(each.paid)}" for each in one.credits)
    resumes = "\n".join(f"{charge} {at.astimezone(service.zone).date()}" for charge, at in one.resumes.items())
    used = "\n".join(f"{each.charge} {each.quantity}" for each in one.used)
    token = "–" if one.token_id is None else f"{one.token_id} is detached"
    return f"{one.order_name}, {one.order_state}", token, credits_, "\n".join(one.drafts.values()), resumes, used


def _paid(paid: object) -> str:
    return f" (paid {paid}: give it back)" if paid else ""


def _write(back: HandedBack, path: Path) -> None:
    """What is on record, in the words of the journal; it says where more is to come."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, ["subscription", "charge", "from", "to", "quantity"])
        rows.writeheader()
        for one in back.rows:
            rows.writerow({"subscription": one.external_subscription_id, **as_row(one)})
    if back.missing:
        say(f"{path} is not whole: the source was not seen to bill {', '.join(back.missing)} again. Write it anew after that")
