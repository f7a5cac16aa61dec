"""docs/explanations.md says what the code asks for: every cause, every kind of evidence and its data."""

import re
from pathlib import Path

import pytest

from fcb_pipelines.domain.case import Cause
from fcb_pipelines.domain.evidence import DATA
from fcb_pipelines.domain.scenes import JudgingCause
from fcb_pipelines.domain.steps import all_causes

DOC = (Path(__file__).parents[2] / "docs/explanations.md").read_text()

ABOUT = {
    "contract_price": ("subscription", "at the start of the range"),
    "plan_price": ("plan", "at the start of the range; the interval is that of the subscription unless it says so"),
    "list_interval": ("plan", "at the start of the range"),
    "instalment": ("subscription", "at the start of the range"),
    "discount": ("subscription, user", "on the day the charge is due; `charges` are `flat` alone unless it says so"),
    "minimum": ("subscription, plan", "at the start of the range"),
    "maximum": ("subscription, plan", "at the start of the range"),
    "quota": ("subscription, plan", "at the start of the range"),
    "charge": ("subscription, plan", "at the start of the range; `price` is a charge as `fcb quote` takes it"),
    "exchange_rate": ("plan", "on the day the charge is due"),
    "rounding": ("plan", "at the start of the range; `half_up` or `half_even`"),
    "tax_inclusive": ("subscription, plan, user", "at the start of the range; a percentage for each component"),
    "tax_rate": ("user", "on the day of issue; a percentage for each component, none with a `reason` is an exemption"),
    "trial": ("subscription", "any part of the range"),
    "inactive": ("subscription", "any part of the range"),
    "line_reference": ("invoice", "always; `line` is the line's number, 0 the header"),
    "credit_note": ("invoice", "always; about the credit, and names what it gives back"),
    "reissue": ("invoice", "always; about the new invoice"),
    "void_confirmation": (
        "invoice",
        "always; the provider confirms that an invoice is not owed: a void one, or one that was issued anew",
    ),
    "account_credit": ("user", "always"),
    "deposit": ("user", "always"),
    "unapplied_payment": ("user", "on the day of a flip: what no invoice took is part of the balance"),
    "balance": ("user", "on the day of a flip: what the customer has, movements before it in it"),
    "payment_method": ("user", "always; an account that can be charged is nobody's test"),
}
FREE = {
    "discount": ("coupon", "plans"),
    "exchange_rate": ("currency",),
    "tax_rate": ("reason",),
    "line_reference": ("line", "subscriptions"),
    "credit_note": ("original_invoice", "subscription"),
    "reissue": ("original_invoice",),
    "account_credit": ("amount", "currency", "invoice"),
    "deposit": ("amount", "currency", "invoice"),
    "unapplied_payment": ("amount", "currency", "invoice"),
    "balance": ("amount", "currency"),
}
"""Keys that are read and not checked before."""


def cause_rows() -> list[str]:
    """The table of causes."""
    return [f"| `{one.name}` | {_does(one)} | `{one.remedy}` | {one.needs} |" for one in all_causes()]


def _does(cause: Cause) -> str:
    return "names" if isinstance(cause, JudgingCause) and not cause.explains else "explains"


def evidence_rows() -> list[str]:
    """The table of kinds of evidence."""
    return [f"| `{kind}` | {about} | {_data(kind)} | {holds} |" for kind, (about, holds) in ABOUT.items()]


def _data(kind: str) -> str:
    checked = [f"**`{key}`**" if is_required else f"`{key}`" for key, (_, is_required) in DATA.get(kind, {}).items()]
    return ", ".join([*checked, *(f"`{key}`" for key in FREE.get(kind, ()))])


def table(name: str) -> list[str]:
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end of {name} -->", DOC, re.DOTALL)
    assert found is not None
    return found[1].splitlines()[2:]


def test_every_cause_is_told_with_what_it_needs() -> None:
    assert table("causes") == cause_rows()


def test_every_kind_of_evidence_is_told_with_its_data() -> None:
    assert table("evidence") == evidence_rows()
    assert set(DATA) <= set(ABOUT)


@pytest.mark.parametrize("cause", all_causes(), ids=lambda cause: cause.name)
def test_what_a_cause_asks_for_is_a_kind_that_is_told(cause: Cause) -> None:
    assert set(re.findall(r"evidence (\w+)", cause.needs)) | set(getattr(cause, "kinds", ())) <= set(ABOUT)


CAUSES = Path(__file__).parents[2] / "fcb_pipelines/domain/causes"


@pytest.mark.parametrize("file", sorted(CAUSES.glob("[a-z]*.py")), ids=lambda file: file.stem)
def test_every_key_that_a_cause_reads_is_told(file: Path) -> None:
    read = set(re.findall(r'(?:data\.get\(|data\[|number\()"(\w+)"', file.read_text()))
    told = {key for kind in ABOUT for key in (*DATA.get(kind, {}), *FREE.get(kind, ()))}
    assert read <= told
