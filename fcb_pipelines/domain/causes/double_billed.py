"""Double billed: a second invoice on an instance that is billed already, be it by Odoo. Named, and never explained."""

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.claimed import claims_against
from fcb_pipelines.domain.matching import DOUBLE_BILLED
from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View


def _judge(scene: Scene) -> Finding | None:
    (line,) = scene.lines
    if scene.left is None or DOUBLE_BILLED not in scene.left.notes:
        return None
    first = scene.left.claimed_by
    if first is None:
        return _against_odoo(scene, line)
    words = f"invoice {first.external_invoice_id} bills the same already"
    return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=words, references=(line.line_key, first.line_key))


def _against_odoo(scene: Scene, line: ActualLine) -> Finding | None:
    claims = claims_against(scene.month.records, line)
    if not claims:
        return None
    words = f"Odoo bills the same since its flip ({', '.join(dict.fromkeys(str(one.data['rests_on']) for one in claims))})"
    references = line.line_key, *(one.reference for one in claims)
    return Finding(cause=CAUSE.name, remedy=CAUSE.remedy, words=words, references=references)


CAUSE = JudgingCause(
    name="double_billed",
    remedy=Remedy.FIX_SOURCE,
    needs="two invoices on one instance",
    view=View.LEFT,
    judge=_judge,
    explains=False,
    rank=2,
)
