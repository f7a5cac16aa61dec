"""An explanation as it is kept beside its instance.

Owns: the JSON of the column `explanation`; amounts are text, empty parts left out. Does not own: the table (reconciliation).
"""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.money import Money, plain
from fcb_pipelines.domain.rows import NO_EXPLANATION, Explanation, Finding, Remedy, Suggestion, WaterfallStep


def written(explanation: Explanation) -> dict[str, Any] | None:
    """The JSON of an explanation; None for one that says nothing."""
    if explanation == NO_EXPLANATION:
        return None
    parts: dict[str, Any] = {
        "findings": [
            {**asdict(each), "references": list(each.references), "conventions": list(each.conventions)}
            for each in explanation.findings
        ],
        "waterfall": [
            {
                "name": each.name,
                "words": each.words,
                "amount": plain(each.amount.amount),
                "residual": plain(each.residual.amount),
            }
            for each in explanation.waterfall
        ],
        "missing": list(explanation.missing),
        "suggestions": [
            {"words": each.words, "amount": plain(each.amount.amount), "chance": each.chance}
            for each in explanation.suggestions
        ],
        "is_in_total": explanation.is_in_total,
        "successor": explanation.successor,
        "settled_by": explanation.settled_by,
    }
    return {name: value for name, value in parts.items() if value}


def read(stored: dict[str, Any] | None, currency: str) -> Explanation:
    """The explanation that `written` kept; amounts are of the instance's currency.

    Revisions are never changed, so those of older versions lack what was not told then.
    """
    if stored is None:
        return NO_EXPLANATION
    return Explanation(
        findings=tuple(
            Finding(
                cause=each["cause"],
                remedy=Remedy(each["remedy"]),
                words=each["words"],
                references=tuple(each.get("references", ())),
                conventions=tuple(each.get("conventions", ())),
                family=each.get("family", ""),
            )
            for each in stored.get("findings", ())
        ),
        waterfall=tuple(
            WaterfallStep(
                name=each["name"],
                words=each["words"],
                amount=Money(Decimal(each["amount"]), currency),
                residual=Money(Decimal(each["residual"]), currency),
            )
            for each in stored.get("waterfall", ())
        ),
        missing=tuple(stored.get("missing", ())),
        suggestions=tuple(
            Suggestion(words=each["words"], amount=Money(Decimal(each["amount"]), currency), chance=each["chance"])
            for each in stored.get("suggestions", ())
        ),
        is_in_total=stored.get("is_in_total", False),
        successor=stored.get("successor"),
        settled_by=stored.get("settled_by"),
    )
