"""Missing in the source, a leak: due, past its lag, and in no invoice. Named, and never explained.

Two records decide. The billing state says until when the source was billed: up to the start of the range or earlier, and it
leaked; to its end or later, and some invoice has it. Where it is silent, an invoice of the customer of which nothing says what
it pays for may have it, and naming a leak would bill a customer twice.
"""

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Month, Scene, View


def _judge(scene: Scene) -> Finding | None:
    (one,) = scene.expected
    if not one.is_due or one.net is None or scene.month.as_of < scene.month.decides_at(one):
        return None
    state = scene.month.billing_states.get(one.external_subscription_id)
    paid_through = state.paid_through if state is not None and one.charge == FLAT else None
    if paid_through is not None and paid_through > one.service_from:
        return None
    if paid_through is None and may_have(one, scene.month):
        return None
    words = "due, past its lag, and in no invoice"
    if paid_through is not None:
        words += f"; the source bills it only until {paid_through.astimezone(scene.month.zone).date().isoformat()}"
    references = () if paid_through is None else (f"billing_state/{one.external_subscription_id}",)
    return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=words, references=references)


def may_have(one: ExpectedLine, month: Month) -> list[ActualLine]:
    """The lines that may pay for an instance, as no record says what they pay for."""
    return [line for line in month.untold.get(one.external_user_id, ()) if _may_be_for(line, one)]


def _may_be_for(line: ActualLine, one: ExpectedLine) -> bool:
    """Whether a line is for its time or, without a range, issued on the day it was due or later."""
    if line.external_subscription_id not in {None, one.external_subscription_id} or line.net.currency != one.currency:
        return False
    if line.service_from is None or line.service_to is None:
        return line.issued_at >= one.due_at
    return line.service_from < one.service_to and one.service_from < line.service_to


CAUSE = JudgingCause(
    name="missing_in_source",
    remedy=Remedy.FIX_SOURCE,
    needs="until when it is billed (billing_state), or what the customer's other invoices pay for (evidence line_reference)",
    view=View.ABSENT,
    judge=_judge,
    explains=False,
    rank=2,
)
