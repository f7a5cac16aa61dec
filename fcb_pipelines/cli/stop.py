"""`fcb stop`: stops everything that moves money."""

import click

from fcb_pipelines.acts import stop as acts
from fcb_pipelines.cli.session import connected, say, service_option
from fcb_pipelines.cli.signing import as_option, signer
from fcb_pipelines.domain.acceptances import Signature


@click.command()
@click.option("--text", required=True, help="Why; kept for the auditor.")
@as_option
@service_option
def stop(text: str, name: str | None, service_code: str | None) -> None:
    """Stop everything that moves money: flips, charging, unflips and live invoices do nothing more in Odoo.

    What is under way ends before its next call to Odoo, and goes on where it stopped once  fcb resume  lets it. What Odoo does
    by itself, such as invoicing a subscription that is live there, is not stopped by this:  fcb unflip --although-stopped
    takes a flip back while everything else stays still.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        with reached.database().transaction() as conn:
            acts.stop(conn, service, Signature(person=signer(service, name), at=reached.now, text=text.strip()))
    say(f"{service.code} is stopped: nothing that moves money is done until  fcb resume --service {service.code} --text WHY")
