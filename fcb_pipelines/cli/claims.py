"""`fcb claims`: shows who bills which time of which charge, and lets the source's bills claim theirs."""

from typing import Any

import click
from rich.table import Table

from fcb_pipelines.acts.claims import load_source
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.domain.claims import Claim
from fcb_pipelines.services import Service
from fcb_pipelines.store.claims import StoredClaim, held
from fcb_pipelines.store.source_claims import Loaded

WIDTH = 120
"""Columns that its table needs."""


@click.command()
@click.option("--subscription", "subscriptions", multiple=True, metavar="ID", help="Of this one alone; may be given again.")
@click.option("--load", is_flag=True, help="First let what the source billed claim, by the newest revision of every month.")
@click.option("--all", "with_released", is_flag=True, help="Those too that were released.")
@service_option
@json_option
def claims(*, subscriptions: tuple[str, ...], load: bool, with_released: bool, service_code: str | None, as_json: bool) -> None:
    """Show who bills which time of which charge: there is one biller for each.

    A bill of the source that has no service range claims nothing; one for a time that is claimed already bills it twice.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        with reached.database().transaction() as conn:
            loaded = load_source(conn, service, reached.now) if load else None
            found = held(conn, service.code, subscriptions or None, with_released=with_released)
    if as_json:
        answer({"loaded": _loaded(loaded, service), "claims": [_as_json(one, service) for one in found]})
        return
    for line in () if loaded is None else _told(loaded, service):
        say(line)
    if found:
        console_of(WIDTH).print(_table(found, service))
    else:
        say(f"nothing is claimed; let what the source billed claim:  fcb claims --load --service {service.code}")


def _told(loaded: Loaded, service: Service) -> list[str]:
    """What loading did, a line each."""
    lines = [f"{loaded.added} new claims of the source, {loaded.kept} held before"]
    lines += [f"released: {_words(one, service)}: its bill is void, given back or otherwise now" for one in loaded.released]
    lines += [
        f"billed twice: {_words(one.wanted, service)} meets {_words(one.in_the_way, service)}" for one in loaded.double_billed
    ]
    return [*lines, *(f"line {key} has no service range and claims nothing" for key in loaded.without_range)]


def _words(one: Claim, service: Service) -> str:
    first, end = (moment.astimezone(service.zone).date() for moment in (one.service_from, one.service_to))
    return f"{one.external_subscription_id}/{one.charge} from {first} to {end} by {one.biller} ({one.reference})"


def _table(found: tuple[StoredClaim, ...], service: Service) -> Table:
    table = Table(title=f"Claims of {service.code}")
    for name in ("subscription", "charge", "from", "to", "biller", "because of", "released"):
        table.add_column(name, overflow="fold")
    for one in found:
        first, end = (moment.astimezone(service.zone).date().isoformat() for moment in (one.service_from, one.service_to))
        place = one.external_subscription_id, one.charge
        table.add_row(*place, first, end, one.biller, one.reference, one.released_by or "")
    return table


def _as_json(one: StoredClaim, service: Service) -> dict[str, Any]:
    return {
        **_claim(one.claim, service),
        "claimed_at": one.claimed_at.astimezone(service.zone).isoformat(),
        "released_at": None if one.released_at is None else one.released_at.astimezone(service.zone).isoformat(),
        "released_by": one.released_by,
    }


def _loaded(loaded: Loaded | None, service: Service) -> dict[str, Any] | None:
    if loaded is None:
        return None
    double = [
        {"wanted": _claim(one.wanted, service), "in_the_way": _claim(one.in_the_way, service)} for one in loaded.double_billed
    ]
    released = [_claim(one, service) for one in loaded.released]
    counts = {"added": loaded.added, "kept": loaded.kept}
    return {**counts, "released": released, "double_billed": double, "without_range": list(loaded.without_range)}


def _claim(one: Claim, service: Service) -> dict[str, str]:
    return {
        "subscription": one.external_subscription_id,
        "charge": one.charge,
        "service_from": one.service_from.astimezone(service.zone).isoformat(),
        "service_to": one.service_to.astimezone(service.zone).isoformat(),
        "biller": one.biller.value,
        "reference": one.reference,
    }
