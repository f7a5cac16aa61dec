"""`fcb alarms`: shows what guards found, and clears it."""

import sys

import click

from fcb_pipelines.acts import alarms as acts
from fcb_pipelines.cli.guard import alarm_as_json
from fcb_pipelines.cli.session import answer, connected, json_option, operator, say, service_option
from fcb_pipelines.store import alarms as store


@click.command()
@click.option("--clear", "alarm_id", type=int, metavar="ID", help="Clear one, as you; it needs --text.")
@click.option("--text", default="", help="Why it is cleared; kept in the audit log.")
@click.option("--all", "with_cleared", is_flag=True, help="Show cleared ones too.")
@service_option
@json_option
def alarms(alarm_id: int | None, text: str, service_code: str | None, *, with_cleared: bool, as_json: bool) -> None:
    """Show the alarms that are open, or clear one of them with your login name and why.

    What was cleared is not raised again as long as the same is so. Nothing is looked for anew: that does  fcb guard. The exit
    code is 1 while any is open.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        with reached.database().transaction() as conn:
            if alarm_id is not None:
                done = acts.clear(conn, service.code, alarm_id, person=operator(), text=text, now=reached.now)
                say(f"cleared {done}")
            is_open = bool(store.open_alarms(conn, service.code))
            found = store.alarms(conn, service.code) if with_cleared else store.open_alarms(conn, service.code)
    if as_json:
        answer({"service": service.code, "alarms": [alarm_as_json(one) for one in found]})
    else:
        for one in found:
            ended = (
                "" if one.cleared_at is None else f" (cleared {one.cleared_at.isoformat(timespec='minutes')}: {one.cleared_by})"
            )
            click.echo(f"{one}{ended}")
            click.echo(f"  to do: {one.what_to_do}")
        if not found:
            click.echo(f"{service.code}: no alarm is open")
    if is_open:
        sys.exit(1)
