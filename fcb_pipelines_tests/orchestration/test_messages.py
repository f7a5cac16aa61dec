"""Messages in Dagster: what is due starts a run, which sends it; what is off, sent or being sent starts none."""

from dataclasses import replace

import dagster as dg

from fcb_pipelines.acts import endpoints as acts
from fcb_pipelines.acts.outbox import put
from fcb_pipelines.acts.senders import sealing
from fcb_pipelines.domain.messages import MessageType, News
from fcb_pipelines.store import deliveries
from fcb_pipelines.webhook_settings import WebhookSettings
from fcb_pipelines.webhooks.sealing import new_key
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.orchestration.conftest import Operator
from fcb_pipelines_tests.webhooks.listening import Receivers

BY = acts.By(service="small", actor="ada", now=NOW)


def switched(operator: Operator, *, is_on: bool) -> Operator:
    """The same, whose messages are sent, or not."""
    webhooks = WebhookSettings.model_validate({"is_on": is_on, "keys": new_key(), "allows_http_local": True})
    return replace(operator, settings=operator.settings.model_copy(update={"webhooks": webhooks}))


def tell(operator: Operator) -> str:
    news = News(type=MessageType.TERMINATED, external_subscription_id="s1", occurred_at=NOW, data={})
    with operator.db.transaction() as conn:
        (message,) = put(conn, "small", [news], NOW)
    return message.message_id


def add(operator: Operator, url: str) -> None:
    with operator.db.transaction() as conn:
        acts.add(conn, BY, sealing(operator.connections.settings.webhooks), url=url, description="", types=())


def tick(operator: Operator) -> tuple[int, str]:
    """How many runs the sensor asks for now, and why none."""
    definitions = operator.definitions()
    with dg.build_sensor_context(
        instance=operator.instance,
        repository_def=definitions.get_repository_def(),
        resources={"connections": operator.connections},
    ) as context:
        found = definitions.resolve_sensor_def("small_messages_due").evaluate_tick(context)
    return len(found.run_requests or []), found.skip_message or ""


def test_what_is_due_is_sent_by_a_run_and_starts_no_other(operator: Operator, receivers: Receivers) -> None:
    operator = switched(operator, is_on=True)
    add(operator, f"{receivers.url}/hooks")
    assert tick(operator) == (0, "no message is due")
    message = tell(operator)
    assert tick(operator) == (1, "")
    result = operator.job("small_deliver")
    assert result.success
    assert receivers.ids("/hooks") == [message]
    (output,) = [one for one in result.all_events if one.is_successful_output]
    said = output.step_output_data.metadata
    assert (said["delivered"].value, said["attempts"].value, said["told"].value) == (1, 1, 0)
    assert tick(operator) == (0, "no message is due")


def test_while_it_is_off_nothing_is_sent_and_nothing_is_lost(operator: Operator, receivers: Receivers) -> None:
    operator = switched(operator, is_on=False)
    add(operator, f"{receivers.url}/hooks")
    tell(operator)
    requests, why = tick(operator)
    assert (requests, "FCB_WEBHOOKS" in why) == (0, True)
    assert operator.job("small_deliver").success, "an operator is told all the same"
    assert receivers.heard == []
    with operator.db.transaction() as conn:
        assert deliveries.due(conn, "small") == 1


def test_a_message_that_fails_is_not_due_before_its_time(operator: Operator, receivers: Receivers) -> None:
    operator = switched(operator, is_on=True)
    add(operator, f"{receivers.url}/hooks")
    receivers.statuses["/hooks"] = 500
    tell(operator)
    assert operator.job("small_deliver").success
    assert tick(operator) == (0, "no message is due")
