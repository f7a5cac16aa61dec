"""What a host is told of a payment that failed: as much of the provider's words as any receiver takes."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from fcb_host.receiver.receiving import MOST_BYTES
from fcb_pipelines.domain.messages import ID_BYTES, id_of, message
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.payment_news import LONGEST_WORDS, Dunning, payment_news
from fcb_pipelines.domain.payments import Fact, PaymentFact

NOW = datetime(2026, 6, 2, 16, tzinfo=UTC)
DUNNING = Dunning(grace=timedelta(days=7), final_attempts=4, retry=None)


def body(words: str | None) -> str:
    fact = PaymentFact(
        fact=Fact.PAYMENT_FAILED,
        move_id=77,
        move_xid="",
        transaction_id=1,
        happened=NOW.isoformat(),
        external_user_id="5",
        external_subscription_id="sub-1",
        amount=money("49.00 CAD"),
        data={"partner_id": 7, "payment_state": "not_paid", "message": words},
    )
    news = payment_news(fact, deployment_id="dep-1", attempt=1, dunning=DUNNING, today=date(2026, 6, 2), now=NOW)
    return message("nexacloud", news, message_id=id_of(bytes(ID_BYTES)), sequence=1, recorded_at=NOW).body


@pytest.mark.parametrize("words", [None, "", "card declined", "x" * LONGEST_WORDS])
def test_what_the_provider_said_is_told(words: str | None) -> None:
    assert json.loads(body(words))["data"]["message"] == words


@pytest.mark.parametrize("letter", ["x", "\U0001f600", "\x01"])
def test_a_provider_that_says_a_whole_page_makes_no_message_that_a_receiver_refuses(letter: str) -> None:
    told = body(letter * 100_000)
    assert json.loads(told)["data"]["message"] == letter * (LONGEST_WORDS - 1) + "…"
    assert len(told.encode()) < MOST_BYTES
