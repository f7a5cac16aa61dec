"""The billed side of a trace: the invoice lines that pay for a charge, their invoices, and the records that name those.

Owns: these steps, and that what was billed adds up to the lines. Does not own: which lines pay for what (domain/matching).
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from fcb_pipelines.acts.trace_source import Tracing, lines_of
from fcb_pipelines.domain.canonical import Row as SourceRow
from fcb_pipelines.domain.invoices import Invoice, InvoiceLine, LineFacts, catching, with_balancing_line
from fcb_pipelines.domain.money import ZERO, Money, amount_text
from fcb_pipelines.domain.rows import Instance
from fcb_pipelines.domain.trace import Kind, Step, on_day
from fcb_pipelines.store import trace as stored
from fcb_pipelines.store.trace import Sharing

NAMING = ("invoice", "original_invoice")
"""Where the data of a record names an invoice."""
BALANCING = 0


def billed(tracing: Tracing, one: Instance) -> Step:
    """What was billed for a charge, and what that rests on."""
    if one.actual is None:
        return Step(kind=Kind.BILLED, says="billed: nothing")
    lines = lines_of([one])
    sharing = _group(tracing, lines)
    every = sorted({line for each in sharing for line in each.lines})
    nets = {line: net for line in every if (net := _net(tracing, line)) is not None}
    says = f"billed: {one.actual.net}" + (f" and {one.actual.tax} of tax" if one.actual.tax else "")
    return Step(
        kind=Kind.BILLED,
        says=f"{says}{_shared(tracing, sharing, every)}",
        data={"net": amount_text(one.actual.net.amount, one.currency), "shared_by": [each.row_id for each in sharing]},
        wrong=_sum_wrong(sharing, every, nets, one.currency),
        rests_on=tuple(_lines(tracing, lines)),
    )


def _group(tracing: Tracing, lines: Iterable[str]) -> tuple[Sharing, ...]:
    """The charges that the lines pay for, and those that are paid by lines which any of these has too."""
    known: frozenset[str] = frozenset()
    wanted = frozenset(lines)
    found: tuple[Sharing, ...] = ()
    while wanted != known:
        known = wanted
        found = stored.sharing(tracing.conn, tracing.revision.revision_id, sorted(known))
        wanted = known.union(*(each.lines for each in found))
    return found


def _shared(tracing: Tracing, sharing: tuple[Sharing, ...], lines: list[str]) -> str:
    if len(sharing) <= 1:
        return ""
    others = len({each.row_id for each in sharing} - {tracing.row.row_id})
    beside = f" of this row and {others} others" if others else " of this row"
    return f"; the same {'line pays' if len(lines) == 1 else f'{len(lines)} lines pay'} for {len(sharing)} charges{beside}"


def _sum_wrong(sharing: tuple[Sharing, ...], lines: list[str], nets: dict[str, Decimal], currency: str) -> str:
    """Why lines and charges do not come to the same; empty where they do, or where a line could not be read as a record."""
    if len(nets) < len(lines):
        return ""
    paid, charged = sum(nets.values(), ZERO), sum((each.actual_net for each in sharing), ZERO)
    if paid == charged:
        return ""
    said = [amount_text(amount, currency) for amount in (paid, charged)]
    return f"the lines come to {said[0]} {currency}, and what was billed by them to {said[1]} {currency}"


def _net(tracing: Tracing, line_key: str) -> Decimal | None:
    found = _line(tracing, line_key)
    return None if found is None else found[1].amount


def _line(tracing: Tracing, line_key: str) -> tuple[Invoice, InvoiceLine] | None:
    invoice_id, _, ordinal = line_key.rpartition("/")
    for invoice in tracing.sources.records.invoices:
        if invoice.external_invoice_id == invoice_id:
            lines = {str(line.ordinal): line for line in with_balancing_line(invoice)}
            return (invoice, lines[ordinal]) if ordinal in lines else None
    return None


def _lines(tracing: Tracing, lines: Iterable[str]) -> Iterator[Step]:
    shown: set[str] = set()
    for line_key in lines:
        yield line_step(tracing, line_key, shown)


def line_step(tracing: Tracing, line_key: str, shown: set[str]) -> Step:
    """An invoice line with its invoice, which is only named where it is among those that were `shown`."""
    invoice_id, _, ordinal = line_key.rpartition("/")
    found = _line(tracing, line_key)
    is_first = invoice_id not in shown
    shown.add(invoice_id)
    if found is None:
        said = "the invoice could not be read as a record: its raw subtotal stands for its lines"
        rest = (tracing.source_row("invoices", invoice_id),) if ("invoices", invoice_id) in tracing.sources.rows else ()
        return Step(kind=Kind.INVOICE_LINE, reference=line_key, says=line_key, untraced=said, rests_on=rest)
    invoice, line = found
    references = tuple(_line_references(tracing, invoice_id, ordinal))
    return Step(
        kind=Kind.INVOICE_LINE,
        reference=line_key,
        says=f"{line_key}: {_line_words(tracing, invoice, line)}",
        data=_line_data(tracing, invoice, line),
        rests_on=(*references, *((_invoice(tracing, invoice),) if is_first else ())),
    )


def _line_words(tracing: Tracing, invoice: Invoice, line: InvoiceLine) -> str:
    zone = tracing.work.service.zone
    ranged = ""
    if line.service_from is not None:
        until = "" if line.service_to is None else f" to before {on_day(line.service_to, zone)}"
        ranged = f", for {on_day(line.service_from, zone)}{until}"
    return f"{Money(line.amount, invoice.currency)} “{line.description}”{ranged}; {line.kind}, {_by(tracing, invoice, line)}"


def _by(tracing: Tracing, invoice: Invoice, line: InvoiceLine) -> str:
    """What said of which kind a line is."""
    if line.ordinal == BALANCING:
        return "what is left between the header and its lines"
    if line.is_kind_given:
        return "as the mapping says"
    facts = LineFacts(
        line_key=f"{invoice.external_invoice_id}/{line.ordinal}",
        description=line.description,
        product=line.product,
        created_by=invoice.created_by,
    )
    number = catching(facts, tracing.work.service.rules)
    return "which no line rule catches" if number is None else f"by line rule {number + 1} of fcb.toml"


def _line_data(tracing: Tracing, invoice: Invoice, line: InvoiceLine) -> dict[str, Any]:
    zone = tracing.work.service.zone
    times = {"service_from": line.service_from, "service_to": line.service_to}
    return {
        "net": amount_text(line.amount, invoice.currency),
        "currency": invoice.currency,
        "kind": line.kind.value,
        "description": line.description,
        "product": line.product,
        **{name: None if each is None else each.astimezone(zone).isoformat() for name, each in times.items()},
    }


def _invoice(tracing: Tracing, invoice: Invoice) -> Step:
    zone, name = tracing.work.service.zone, invoice.external_invoice_id
    amounts = {"subtotal": invoice.subtotal, "tax": invoice.tax, "total": invoice.total}
    shown = {part: amount_text(amount, invoice.currency) for part, amount in amounts.items()}
    words = ", ".join(f"{part} {amount}" for part, amount in shown.items())
    by = "".join(
        f", {word} {value}" for word, value in (("by", invoice.created_by), ("provider's id", invoice.provider_id)) if value
    )
    says = f"invoice {name}: issued {on_day(invoice.issued_at, zone)}, {invoice.status}, {words} {invoice.currency}{by}"
    data = {**shown, "currency": invoice.currency, "status": invoice.status.value, "provider_id": invoice.provider_id}
    records = tuple(_naming(tracing, name))
    return Step(
        kind=Kind.INVOICE,
        reference=name,
        says=says,
        data={**data, "issued_at": invoice.issued_at.astimezone(zone).isoformat()},
        rests_on=(tracing.source_row("invoices", name), *records),
    )


def _evidence(tracing: Tracing) -> Iterator[tuple[str, SourceRow]]:
    for reference, rows in tracing.sources.told.items():
        yield from ((reference, row) for entity, row in rows if entity == "evidence")


def _line_references(tracing: Tracing, invoice_id: str, ordinal: str) -> Iterator[Step]:
    """The records that say what this line pays for, or all of its invoice."""
    for reference, row in _evidence(tracing):
        is_about = (row["kind"], row["subject_id"]) == ("line_reference", invoice_id)
        if is_about and str(row["data"].get("line")) in (ordinal, str(BALANCING)):
            yield from tracing.reference(reference)


def _naming(tracing: Tracing, invoice_id: str) -> Iterator[Step]:
    """Credits, deposits, credit notes, reissues and confirmations that name an invoice."""
    for reference, row in _evidence(tracing):
        is_about = row["subject_kind"] == "invoice" and row["subject_id"] == invoice_id
        if row["kind"] != "line_reference" and (is_about or invoice_id in (row["data"].get(name) for name in NAMING)):
            yield from tracing.reference(reference)
