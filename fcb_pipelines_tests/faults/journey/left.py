"""Looks at what all parties have at the end of a round.

Owns: where to look. Does not own: what is right (judged).
"""

from fcb_host.receiver import deployments, inbox
from fcb_host.receiver.inbox import Standing
from fcb_host.receiver.storage import Transaction
from fcb_pipelines_tests.faults.journey import facts
from fcb_pipelines_tests.faults.journey.bench import Round
from fcb_pipelines_tests.faults.journey.judged import Effect, Left
from fcb_pipelines_tests.receiver import dying

MESSAGES = "SELECT message_id FROM message WHERE service = %s"
EFFECTS = "SELECT what, deployment, message FROM effect"
NOTED = "SELECT what, deployment, message_id FROM fcb_receiver_act ORDER BY number"
BEGIN = "begin "


def left(one: Round) -> Left:
    """What is there now."""
    with one.db.transaction() as conn:
        messages = [message_id for (message_id,) in conn.execute(MESSAGES, [one.service])]
    with one.storage.transaction() as tx:
        return Left(
            facts=facts.committed(one.db, one.service),
            messages=messages,
            undelivered=[str(message_id) for message_id, state, *_ in one.books() if state != "delivered"],
            inbox={each.message_id: each.standing.value for each in inbox.listed(tx, list(Standing))},
            states={each.deployment_id: each.state.value for each in deployments.listed(tx)},
            effects=_acts(tx, EFFECTS),
            noted=_asked(_acts(tx, NOTED)),
            outside=[_act(line) for line in dying.noted(one.folder / dying.OUTSIDE)],
        )


def _acts(tx: Transaction, query: str) -> list[Effect]:
    return [(what, deployment, message) for what, deployment, message in tx.rows(query)]


def _asked(noted: list[Effect]) -> list[Effect]:
    """What was done, with the key that the host was given: the message that began it, whichever brought it to its end."""
    begun = dict[tuple[str, str], str]()
    found = []
    for what, deployment, message in noted:
        if what.startswith(BEGIN):
            begun[what.removeprefix(BEGIN), deployment] = message
        else:
            found.append((what, deployment, begun[what, deployment]))
    return found


def _act(line: str) -> Effect:
    what, deployment, message = line.split(" ")
    return what, deployment, message
