"""What a host is told of payments: of each fact one message, with all that it needs to suspend or restore.

Owns: which type a fact is told as, and what stands in `data`; docs/messages has the schemas. Does not own: which facts there
are (payments), the numbers of `Dunning` (dunning_rules).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from fcb_pipelines.domain.messages import MessageType, News
from fcb_pipelines.domain.money import amount_text
from fcb_pipelines.domain.payments import CANCELLED, OPEN_STATES, Fact, PaymentFact


@dataclass(frozen=True, slots=True, kw_only=True)
class Dunning:
    """When an unpaid invoice is one for good."""

    grace: timedelta
    """After its due date."""
    final_attempts: int
    retry: timedelta | None
    """After how long Odoo tries to charge again by itself; None where it does not."""

    def overdue_before(self, today: date) -> date:
        """Open invoices that were due before this day are overdue."""
        return today - self.grace


LONGEST_WORDS = 1000
"""Of a payment provider, in characters: a whole page of its errors would make a message that no receiver takes."""
_REASONS = {
    Fact.PAYMENT_FAILED: "charge_failed",
    Fact.PAYMENT_TAKEN_BACK: "payment_taken_back",
    Fact.INVOICE_OVERDUE: "overdue",
}
_SETTLED_BY = {Fact.INVOICE_PAID: "payment", Fact.INVOICE_REVERSED: "credit_note"}


def payment_news(
    fact: PaymentFact, *, deployment_id: str | None, attempt: int, dunning: Dunning, today: date, now: datetime
) -> News:
    """What a host is told of a fact; `today` is the service's day.

    `attempt` is how often charging the invoice failed so far, since nothing was owed of it the last time.
    """
    about = _about(fact, deployment_id)
    if fact.fact in _SETTLED_BY:
        type_, at = MessageType.PAYMENT_SUCCEEDED, now
        about["settled_by"] = "cancellation" if fact.data.get("state") == CANCELLED else _SETTLED_BY[fact.fact]
    else:
        type_, at = MessageType.PAYMENT_FAILED, _failed_at(fact) or now
        about |= _failure(fact, attempt, dunning, today, at)
    return News(type=type_, external_subscription_id=fact.external_subscription_id, occurred_at=at, data=about)


def _about(fact: PaymentFact, deployment_id: str | None) -> dict[str, Any]:
    data = fact.data
    invoice = {
        "id": fact.move_id,
        "external_id": fact.move_xid or None,
        "number": data.get("invoice"),
        "state": data.get("state", "posted"),
        **{name: data.get(name) for name in ("payment_state", "currency", "total", "residual", "issued_on", "due_on")},
    }
    return {
        "deployment_id": deployment_id,
        "external_user_id": fact.external_user_id,
        "partner": {"id": data["partner_id"]},
        # Odoo deletes a draft that it could not charge: then only the order is left.
        "invoice": invoice if fact.order_id is None else None,
        "amount": amount_text(fact.amount.amount, fact.amount.currency),
        "currency": fact.amount.currency,
    }


def _failure(fact: PaymentFact, attempt: int, dunning: Dunning, today: date, failed_at: datetime) -> Mapping[str, Any]:
    due_on = fact.data.get("due_on")
    grace_ends_on = None if due_on is None else date.fromisoformat(due_on) + dunning.grace
    is_past_grace = grace_ends_on is not None and grace_ends_on < today
    # Nobody is to be suspended for a failure that was paid by the time it was seen.
    is_open = fact.order_id is not None or fact.data["payment_state"] in OPEN_STATES
    is_final = is_open and (is_past_grace or attempt >= dunning.final_attempts)
    retry = dunning.retry if fact.fact is Fact.PAYMENT_FAILED and is_open and not is_final else None
    return {
        "reason": _REASONS[fact.fact],
        "attempt": attempt,
        "final": is_final,
        "next_retry": None if retry is None else failed_at + retry,
        "grace_ends_on": None if grace_ends_on is None else grace_ends_on.isoformat(),
        "message": _shortened(fact.data.get("message")),
    }


def _failed_at(fact: PaymentFact) -> datetime | None:
    return datetime.fromisoformat(fact.happened) if fact.fact is Fact.PAYMENT_FAILED else None


def _shortened(words: str | None) -> str | None:
    return words if words is None or len(words) <= LONGEST_WORDS else f"{words[: LONGEST_WORDS - 1]}…"
