"""`fcb arm`: a named person arms a part of a flip, and a second one stands behind it."""

from collections.abc import Mapping
from decimal import Decimal

import click

from fcb_pipelines.acts import arming as acts
from fcb_pipelines.acts.arming import Typed
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.unflip import show
from fcb_pipelines.cli.flip_going import acting
from fcb_pipelines.cli.session import answer, connected, json_option, say, service_option
from fcb_pipelines.cli.signing import as_option, signer
from fcb_pipelines.domain.arming import Arming, Stake
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.money import decimal
from fcb_pipelines.services import Service

ARMED = (Part.FLIP, Part.CHARGE, Part.UNFLIP)
_GO = {Part.FLIP: "fcb flip --go", Part.CHARGE: "fcb flip --charge", Part.UNFLIP: "fcb unflip --go"}


@click.command()
@click.argument("flip_id", metavar="F-…")
@click.option("--count", type=int, metavar="N", help="How many subscriptions, as the plan has them.")
@click.option("--amount", "amounts", multiple=True, metavar="CAD=123.45", help="The plan's sum; once for each currency.")
@click.option(
    "--act", "part", type=click.Choice([one.value for one in ARMED]), default=Part.FLIP.value, show_default=True, help="What."
)
@click.option("--approve", is_flag=True, help="Stand behind what somebody else armed: type the same.")
@as_option
@service_option
@json_option
def arm(
    *,
    flip_id: str,
    count: int | None,
    amounts: tuple[str, ...],
    part: str,
    approve: bool,
    name: str | None,
    service_code: str | None,
    as_json: bool,
) -> None:
    """Arm a flip, its charging or its unflip: type how many subscriptions it is about, and how much money.

    Count and amounts are those of the plan: of a flip and of charging what Odoo bills first, net; of an unflip its credit
    notes, gross, as  fcb unflip --plan  shows them. It holds for the hours of fcb.toml. Above the limit there a second person
    approves it, who is not the one who armed it and types the same. What stands against it is asked when it is done.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        person = signer(service, name)
        typed = Typed(flip_id=flip_id, part=Part(part), person=person, count=_count(count), amounts=_amounts(amounts))
        done, over = _approved(reached, service, typed) if approve else _armed(reached, service, typed)
    _tell(done, over, service, as_json=as_json)


def _armed(reached: Connections, service: Service, typed: Typed) -> tuple[Arming, tuple[str, ...]]:
    planned = None
    if typed.part is Part.UNFLIP:
        planned = show(acting(reached, service, typed.person if service.is_demo else None), typed.flip_id).stake
    with reached.database().transaction() as conn:
        done = acts.arm(conn, service, typed, reached.now, planned=planned)
    return done.arming, done.over


def _approved(reached: Connections, service: Service, typed: Typed) -> tuple[Arming, tuple[str, ...]]:
    with reached.database().transaction() as conn:
        return acts.approve(conn, service, typed, reached.now), ()


def _count(count: int | None) -> int:
    if count is None:
        raise InvalidInput("type how many subscriptions it is about, as the plan shows them: --count N")
    return count


def _amounts(texts: tuple[str, ...]) -> Mapping[str, Decimal]:
    found: dict[str, Decimal] = {}
    for text in texts:
        code, sign, amount = text.partition("=")
        if not sign or code in found:
            raise InvalidInput(f"--amount {text!r}: write each currency once, as in --amount CAD=123.45")
        found[code] = decimal(amount)
    return found


def _tell(done: Arming, over: tuple[str, ...], service: Service, *, as_json: bool) -> None:
    is_waiting = not done.is_approved
    name = " --as NAME" if service.is_demo else ""
    approve = f"{done.approve_with} --service {service.code}{name}"
    then = f"{_GO[done.part]} {done.flip_id} --service {service.code}"
    if as_json:
        answer(_as_json(done, over, approve if is_waiting else None, then, service))
        return
    until = f"{done.expires_at.astimezone(service.zone):%Y-%m-%d %H:%M}"
    say(f"the {done.part} of {done.flip_id} is armed by {done.person}: {done.stake}, until {until}")
    if is_waiting:
        say(f"nothing is done yet ({'; '.join(over)}). Somebody other than {done.person} approves it with\n  {approve}")
    else:
        say(f"next:  {then}")


def _as_json(done: Arming, over: tuple[str, ...], approve: str | None, then: str, service: Service) -> dict[str, object]:
    stake: Stake = done.stake
    return {
        "flip_id": done.flip_id,
        "act": done.part.value,
        "armed_by": done.person,
        "count": stake.count,
        "amounts": {code: str(amount) for code, amount in stake.amounts.items()},
        "expires_at": done.expires_at.astimezone(service.zone).isoformat(),
        "needs_approval": done.needs_approval,
        "approved_by": done.approval.person if done.approval else None,
        "over_limit": list(over),
        "approve_with": approve,
        "next": then,
    }
