"""Account credit: it is taken off what is to be paid, after tax, and never lowers a net. Named, and never explained."""

from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View

KIND = "account_credit"


def _judge(scene: Scene) -> Finding | None:
    (line,) = scene.lines
    for record in scene.month.records.of(KIND, "user", line.external_user_id):
        amount = record.number("amount")
        if record.data.get("invoice") == line.external_invoice_id and amount is not None and -amount == line.net.amount:
            words = f"an account credit of {amount} is taken off what is to be paid, after tax: it does not lower the net"
            return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=words, references=(record.reference,))
    return None


CAUSE = JudgingCause(
    name="account_credit",
    remedy=Remedy.NONE,
    needs="the movement that names the invoice (evidence account_credit)",
    view=View.LEFT,
    judge=_judge,
    explains=False,
    rank=4,
)
