"""`fcb resume`: lets a service go on that was stopped."""

import click

from fcb_pipelines.acts import stop as acts
from fcb_pipelines.cli.session import connected, say, service_option
from fcb_pipelines.cli.signing import as_option, signer
from fcb_pipelines.domain.acceptances import Signature


@click.command()
@click.option("--text", required=True, help="Why it may go on; kept for the auditor.")
@as_option
@service_option
def resume(text: str, name: str | None, service_code: str | None) -> None:
    """Let a service go on that somebody stopped. Nothing starts by this: what was interrupted is run again."""
    with connected() as reached:
        service = reached.settings.service(service_code)
        person = signer(service, name)
        with reached.database().transaction() as conn:
            ended = acts.resume(conn, service, Signature(person=person, at=reached.now, text=text.strip()))
    say(f"{service.code} goes on, says {person}; {ended.person} had stopped it: {ended.text}")
    say(f"what was interrupted:  fcb flip --list --service {service.code}")
