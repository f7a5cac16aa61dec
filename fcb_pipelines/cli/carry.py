"""`fcb carry`: says who bills a line outside the model after the flip."""

from datetime import date

import click

from fcb_pipelines.acts.carrying_on import Said
from fcb_pipelines.acts.carrying_on import carry as act
from fcb_pipelines.cli.accept import service_of
from fcb_pipelines.cli.session import answer, connected, json_option, say, service_option
from fcb_pipelines.cli.signing import as_option, signer
from fcb_pipelines.domain.carried import Heir, Successor
from fcb_pipelines.domain.errors import InvalidInput


@click.command()
@click.argument("rows", nargs=-1, required=True, metavar="ROW...")
@click.option("--odoo", is_flag=True, help="A recurring line in Odoo bills it.")
@click.option("--source", "owner", metavar="OWNER", help="The source keeps billing it; OWNER answers for that.")
@click.option("--ended", metavar="YYYY-MM-DD", help="It ended: the first day on which nothing of it is due.")
@click.option("--text", required=True, help="Why, in your own words; kept for the auditor.")
@as_option
@service_option
@json_option
def carry(
    *,
    rows: tuple[str, ...],
    odoo: bool,
    owner: str | None,
    ended: str | None,
    text: str,
    name: str | None,
    service_code: str | None,
    as_json: bool,
) -> None:
    """Say who bills what is carried in these rows after the flip: exactly one of --odoo, --source and --ended.

    It holds for the same item of the same customer in every month, so that what recurs is said once. A line for a time after
    the day on which it was to end is open again. It counts once the period is run again, and is in the audit log.
    """
    if sum(each is not None and each is not False for each in (odoo, owner, ended)) != 1:
        raise InvalidInput("give exactly one of --odoo, --source OWNER and --ended YYYY-MM-DD")
    heir = Heir.ODOO if odoo else Heir.SOURCE if owner is not None else Heir.ENDED
    with connected() as reached:
        service = service_of(reached.settings, service_code, rows)
        said = Said(heir=heir, owner=owner, ended_on=_day(ended), text=text, author=signer(service, name), at=reached.now)
        with reached.database().transaction() as conn:
            made = act(conn, service, rows, said)
    if as_json:
        answer([_as_json(one) for one in made])
    for one in made if not as_json else ():
        click.echo(f"{one.item} of partner {one.external_user_id}: {one}")
    say(f"kept; it counts with the next  fcb run --service {service.code} --period {rows[0].split('/')[1]}")


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"--ended {text!r} is not a day: write it as 2026-05-31") from None


def _as_json(one: Successor) -> dict[str, str | None]:
    return {
        "partner": one.external_user_id,
        "item": one.item,
        "heir": one.heir.value,
        "owner": one.owner,
        "ended_on": None if one.ended_on is None else one.ended_on.isoformat(),
        "text": one.text,
        "author": one.author,
    }
