"""`fcb endpoints test`: a message to one endpoint, and what it answers.

Owns: sending it at once and waiting for the answer. Does not own: the message (acts/endpoints), sending (acts/senders).
"""

import asyncio

import click

from fcb_pipelines.acts import endpoints as acts
from fcb_pipelines.acts import messages
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.endpoints import By
from fcb_pipelines.acts.messages import Sent
from fcb_pipelines.acts.senders import Senders, send_until
from fcb_pipelines.cli.message_tables import attempt_as_json, attempt_lines
from fcb_pipelines.cli.session import answer, clock, say
from fcb_pipelines.domain.messages import Message

WAIT_SECONDS = 40.0
"""An answer may take 15 s, and a message may wait behind one other."""


def tested(reached: Connections, by: By, endpoint_id: str, *, as_json: bool) -> bool:
    """Put a message for the endpoint into the outbox, send it where that is switched on, and show how it went; whether well."""
    with reached.database().transaction() as conn:
        message = acts.test(conn, by, endpoint_id)
    if not reached.settings.webhooks.is_on:
        say(f"{message.message_id} is recorded. Webhooks are off: it goes out once FCB_WEBHOOKS=true")
        return True
    senders = Senders(settings=reached.settings.webhooks, db=reached.database(), service=by.service, clock=clock)
    asyncio.run(send_until(senders, lambda: bool(_sent(reached, by, message).attempts), WAIT_SECONDS))
    return _shown(_sent(reached, by, message), message, as_json=as_json)


def _sent(reached: Connections, by: By, message: Message) -> Sent:
    with reached.database().transaction() as conn:
        (found,) = messages.shown(conn, by.service, message.message_id).sent
    return found


def _shown(found: Sent, message: Message, *, as_json: bool) -> bool:
    last = found.attempts[-1] if found.attempts else None
    if as_json:
        answer({"message_id": message.message_id, "attempt": None if last is None else attempt_as_json(last)})
    elif last is None:
        say(f"{message.message_id} was not sent yet, behind others: fcb messages show {message.message_id}")
    else:
        for line in attempt_lines(last):
            click.echo(line)
    return last is not None and last.attempt.is_success
