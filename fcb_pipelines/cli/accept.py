"""`fcb accept`: signs that what is undecided in some rows is accepted."""

from datetime import date, datetime

import click

from fcb_pipelines.acts.acceptances import Accepted, Wanted
from fcb_pipelines.acts.acceptances import accept as act
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.cli.signing import WIDTH, as_option, signer, table_of
from fcb_pipelines.cli.signing import as_json as published
from fcb_pipelines.domain.acceptances import BEARERS, REASONS, Bearer, Kind, Reason, State
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.services import Service
from fcb_pipelines.settings import Settings

_WORDS = "\n".join(
    [
        "\b\nReasons:",
        *(f"  {reason.value:<22} {said}" for reason, said in REASONS.items()),
        "\n\b\nWho bears it:",
        *(f"  {bearer.value:<22} {said}" for bearer, said in BEARERS.items()),
    ]
)


@click.command(epilog=_WORDS)
@click.argument("rows", nargs=-1, required=True, metavar="ROW...")
@click.option(
    "--reason",
    required=True,
    type=click.Choice([one.value for one in Reason]),
    metavar="CODE",
    help="Why; the codes are below.",
)
@click.option("--text", required=True, help="Why, in your own words; kept for the auditor.")
@click.option(
    "--bears", required=True, type=click.Choice([one.value for one in Bearer]), metavar="WHO", help="Who bears it; below too."
)
@click.option("--expires", required=True, metavar="YYYY-MM-DD", help="The first day on which it no longer holds.")
@click.option("--standing", is_flag=True, help="In later months too, where the same is left to the cent under the same terms.")
@click.option("--revision", type=int, metavar="N", help="The revision that you looked at; refused where there is a newer one.")
@as_option
@service_option
@json_option
def accept(
    *,
    rows: tuple[str, ...],
    reason: str,
    text: str,
    bears: str,
    expires: str,
    revision: int | None,
    name: str | None,
    service_code: str | None,
    standing: bool,
    as_json: bool,
) -> None:
    """Sign that what is undecided in these rows is accepted: in all of them, or in none.

    ROW is a row_id, as  fcb rows --json  shows it. What you sign is bound to the rows as they are now: their amounts, ranges
    and evidence, and the version of the rules. As soon as a cent of that is another, it is void. It counts once the period is
    run again.

    Above the limit of fcb.toml (the sum of what you accepted of one customer within 30 days) a second person approves it. Your
    login name is signed, and it is in the audit log.
    """
    with connected() as reached:
        service = service_of(reached.settings, service_code, rows)
        wanted = Wanted(
            row_ids=rows,
            kind=Kind.STANDING if standing else Kind.ROW,
            reason=Reason(reason),
            text=text,
            bearer=Bearer(bears),
            expires_on=day(expires),
            author=signer(service, name),
            revision=revision,
        )
        with reached.database().transaction() as conn:
            done = act(conn, service, wanted, reached.now)
    if as_json:
        answer(_published(done, service))
    else:
        _print(done, service)


def service_of(settings: Settings, code: str | None, rows: tuple[str, ...]) -> Service:
    """The service asked for, or else the one whose rows they are."""
    named = rows[0].partition("/")[0]
    return settings.service(named if code is None and named in settings.services else code)


def day(text: str) -> date:
    """A day as `--expires` takes it; raises `InvalidInput`."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day of the billing timezone
    except ValueError:
        raise InvalidInput(f"--expires {text!r} is not a day: write it as 2026-12-31") from None


def _approve_with(done: Accepted, service: Service) -> str | None:
    if not done.over:
        return None
    name = " --as NAME" if service.is_demo else ""
    return f"fcb acceptances approve {done.decision.decision_id} --service {service.code}{name}"


def _state(done: Accepted) -> State:
    return State.AWAITING_APPROVAL if done.over else State.IN_FORCE


def _published(done: Accepted, service: Service) -> dict[str, object]:
    return {
        "decision": done.decision.decision_id,
        "state": _state(done).value,
        "over_limit": [str(one) for one in done.over],
        "approve_with": _approve_with(done, service),
        "acceptances": [published(one, _state(done), service) for one in done.acceptances],
    }


def _print(done: Accepted, service: Service) -> None:
    decision = done.decision
    console_of(WIDTH).print(table_of([(one, _state(done)) for one in done.acceptances], f"Decision {decision.decision_id}"))
    if done.over:
        said = "; ".join(map(str, done.over))
        say(f"{decision.decision_id} decides nothing yet: {said}. Somebody other than {decision.author} approves it with")
        say(f"  {_approve_with(done, service)}")
        return
    for period in sorted({one.period for one in done.acceptances}):
        say(f"it counts once the period is run again:  fcb run --service {service.code} --period {period}")
