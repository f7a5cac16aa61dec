"""Source drafts: what the source billed beyond our model, as invoices that Odoo keeps without posting them.

Owns: how a line with its tax as the source stated it becomes lines of a draft. Does not own: the lines (actual), which of them
are carried (carrying), what our own drafts bill (drafts).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.drafts import ONE, Draft, DraftLine, range_text, totals_in_odoo
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import ZERO, Money, minor_units, rounded, total
from fcb_pipelines.domain.tax import TaxComponent, Taxed, TaxRounding

TAX_LINE = "tax"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A line, where it is taxed, and the taxes that make exactly its tax; none where no taxes do."""

    line: ActualLine
    place: str | None
    taxes: tuple[TaxComponent, ...] | None


def source_draft_key(external_invoice_id: str, period: str) -> str:
    """The id of the draft of an invoice's lines of one month: an invoice whose lines lie in two months has two."""
    return f"{external_invoice_id}/{period}"


def source_draft(placed: Sequence[Placed], period: str, rounding: TaxRounding, zone: ZoneInfo) -> Draft:
    """The draft of an invoice's carried lines of one month; below 0 it is a credit note of what is given back.

    Taxes stand on a line where the table asks exactly what the source stated, and Odoo, which rounds by `rounding`, comes to
    the source's totals. Otherwise the taxes as stated are a line of their own without a tax: what was billed is a fact that
    no rate may change. Raises `InvalidInput` for an invoice that could not be read, and for parts of a cent.
    """
    first = placed[0].line
    for one in placed:
        _require_usable(one.line)
    sign = -ONE if total((one.line.gross for one in placed), first.net.currency).amount < 0 else ONE
    by_table = _draft(placed, period, sign, zone)
    if totals_in_odoo(by_table.lines, by_table.currency, rounding) == by_table.totals:
        return by_table
    return _draft([Placed(line=one.line, place=one.place, taxes=None) for one in placed], period, sign, zone)


def exact_taxes(line: ActualLine, taxed: Taxed | None) -> tuple[TaxComponent, ...] | None:
    """The components that make exactly a line's tax: none at all for a tax of 0; None where no taxes do."""
    if not line.tax:
        return ()
    return taxed.components if taxed is not None and taxed.tax == line.tax else None


def _require_usable(line: ActualLine) -> None:
    if line.ordinal < 0:
        raise InvalidInput(f"the source's invoice could not be read: {'; '.join(line.notes)}")
    for what, amount in (("net", line.net), ("tax", line.tax)):
        if rounded(amount.amount, amount.currency) != amount:
            kept = f"{amount.currency} has {minor_units(amount.currency)} decimals, and what was billed is never rounded"
            raise InvalidInput(f"the {what} of its line {line.ordinal} is {amount}: {kept}")


def _draft(placed: Sequence[Placed], period: str, sign: Decimal, zone: ZoneInfo) -> Draft:
    first = placed[0].line
    kinds = ", ".join(sorted({one.line.kind.value for one in placed}))
    return Draft(
        key=source_draft_key(first.external_invoice_id, period),
        external_user_id=first.external_user_id,
        currency=first.net.currency,
        reference=f"source invoice {first.external_invoice_id} {period}: {kinds}",
        lines=tuple(_lines(placed, sign, zone)),
        issued_on=_day(first.issued_at, zone),
        is_refund=sign < 0,
    )


def _lines(placed: Sequence[Placed], sign: Decimal, zone: ZoneInfo) -> Iterator[DraftLine]:
    for one in placed:
        yield _line(one, sign, zone)
    currency = placed[0].line.net.currency
    stated = total((one.line.tax for one in placed if one.taxes is None), currency)
    if stated:
        amount = _signed(stated, sign)
        yield DraftLine(
            key=TAX_LINE,
            article=None,
            description="[tax] as the source stated it, which its rates do not make to the cent",
            quantity=ONE,
            unit_price=amount.amount,
            net=amount,
            tax=Money(ZERO, currency),
        )


def _line(one: Placed, sign: Decimal, zone: ZoneInfo) -> DraftLine:
    line, currency = one.line, one.line.net.currency
    net = _signed(line.net, sign)
    range_ = f", {range_text(line.service_from, line.service_to, zone)}" if line.service_from and line.service_to else ""
    return DraftLine(
        key=str(line.ordinal),
        article=None,
        description=f"[{line.kind}] {line.description}{range_}",
        quantity=ONE,
        unit_price=net.amount,
        net=net,
        tax=Money(ZERO, currency) if one.taxes is None else _signed(line.tax, sign),
        place=one.place,
        taxes=one.taxes or (),
    )


def _signed(amount: Money, sign: Decimal) -> Money:
    return -amount if sign < 0 else amount


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()
