"""Tax rounding: the tax of the invoice is that of the table, rounded by the other declared convention."""

from fcb_pipelines.domain.rows import Finding, Remedy
from fcb_pipelines.domain.scenes import JudgingCause, Scene, View
from fcb_pipelines.domain.tax import TaxRounding


def _judge(scene: Scene) -> Finding | None:
    fits = [rounding for rounding in TaxRounding if all(rounding in line.tax_fits for line in scene.lines)]
    if not fits or scene.month.tax_rounding in fits:
        return None
    invoices = ", ".join(dict.fromkeys(line.external_invoice_id for line in scene.lines))
    words = f"the tax of invoice {invoices} is rounded per {fits[0]}"
    return Finding(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=words,
        references=tuple(line.line_key for line in scene.lines),
        conventions=tuple(f"tax_rounding = {each}" for each in fits),
    )


CAUSE = JudgingCause(
    name="tax_rounding",
    remedy=Remedy.FIX_MODEL,
    needs="where the source rounds taxes: per line or per total (conventions in fcb.toml)",
    view=View.TAX,
    judge=_judge,
    explains=True,
    rank=1,
)
