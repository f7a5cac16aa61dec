"""`fcb acceptances`: shows what was signed, and approves or withdraws it."""

from collections.abc import Sequence

import click

from fcb_pipelines.acts import acceptances as acts
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.cli.signing import WIDTH, as_option, signer, table_of
from fcb_pipelines.cli.signing import as_json as published
from fcb_pipelines.domain.acceptances import STATES, Acceptance, Signature, State
from fcb_pipelines.services import Service


@click.group()
def acceptances() -> None:
    """Show which differences were accepted, approve what needs a second person, and take back what was signed.

    Each act is in the audit log with the login name of who did it.
    """


@acceptances.command("list")
@click.option("--period", metavar="YYYY-MM", help="Only what concerns this month.")
@service_option
@json_option
def list_(period: str | None, service_code: str | None, *, as_json: bool) -> None:
    """Show everything that was signed, and how it stands against the newest revisions.

    A standing acceptance is held against the month given, else against the last one that was reconciled.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        key = None if period is None else reached.period(service, period).period.key
        with reached.database().transaction() as conn:
            found = acts.listed(conn, service, reached.now, key)
    shown = [(one.acceptance, one.state) for one in found]
    if as_json:
        answer([published(one, state, service) for one, state in shown])
    elif shown:
        console_of(WIDTH).print(table_of(shown, "Acceptances"))
        for state in [state for state in State if state in {one.state for one in found}]:
            say(f"{state.value}: {STATES[state]}")
    else:
        say(f"nobody accepted a difference of {service.code}{f' in {key}' if key else ''}")


@acceptances.command()
@click.argument("id_", metavar="ID")
@as_option
@service_option
@json_option
def approve(id_: str, name: str | None, service_code: str | None, *, as_json: bool) -> None:
    """Stand behind somebody else's decision, as a whole. ID is a decision, such as D-5.

    Nobody approves what they wrote. What is no longer as it was signed cannot be approved.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        with reached.database().transaction() as conn:
            done = acts.approve(conn, service, id_, signer(service, name), reached.now)
    _tell(done, State.IN_FORCE, service, "approved", as_json=as_json)


@acceptances.command()
@click.argument("id_", metavar="ID")
@click.option("--text", required=True, help="Why; kept for the auditor.")
@as_option
@service_option
@json_option
def withdraw(id_: str, text: str, name: str | None, service_code: str | None, *, as_json: bool) -> None:
    """Take back an acceptance, such as A-7, or what is left of a decision, such as D-5.

    What it decided is open again once the period is run again.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        signature = Signature(person=signer(service, name), at=reached.now, text=text.strip())
        with reached.database().transaction() as conn:
            done = acts.withdraw(conn, service, id_, signature)
    _tell(done, State.WITHDRAWN, service, "withdrawn", as_json=as_json)


def _tell(done: Sequence[Acceptance], state: State, service: Service, what: str, *, as_json: bool) -> None:
    if as_json:
        answer([published(one, state, service) for one in done])
        return
    say(f"{what}: {', '.join(one.acceptance_id for one in done)} of {service.code}; it is in the audit log")
    for period in sorted({one.period for one in done}):
        say(f"it counts once the period is run again:  fcb run --service {service.code} --period {period}")
