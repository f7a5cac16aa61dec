"""From canonical rows of the source to the domain's records.

Owns: how each canonical column becomes a field, and that a bad row never stops a good one. Does not own: where rows come from
(source) or are kept (store). Rows hold JSON values: exact numbers and instants are text.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from fcb_pipelines.domain.charges import read_metered
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.evidence import Evidence, check
from fcb_pipelines.domain.history import BillingState, HistoryEntry
from fcb_pipelines.domain.invoices import Invoice, InvoiceLine, InvoiceStatus, LineFacts, LineKind, LineRule, catching
from fcb_pipelines.domain.money import ZERO, decimal, minor_units
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.plans import Interval, Plan
from fcb_pipelines.domain.subscriptions import Subscription

Row = Mapping[str, Any]

FIRST_YEAR, LAST_YEAR = 1970, 2198
"""Years that a time of the source may lie in: those that periods and their neighbours exist for (domain/period)."""

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that could not be used, and why; `row` is what the source returned."""

    entity: str
    external_id: str
    """As far as it can be told; empty where the row has no id."""
    reason: str
    row: Row


def read_all(
    entity: str, rows: Iterable[tuple[str, Row]], parse: Callable[[Row], Record]
) -> tuple[tuple[Record, ...], tuple[BadRow, ...]]:
    """Parse rows, given with their ids, in order; those that are refused come back apart with the reason."""
    records: list[Record] = []
    bad: list[BadRow] = []
    for external_id, row in rows:
        try:
            records.append(parse(row))
        except InvalidInput as error:
            bad.append(BadRow(entity=entity, external_id=external_id, reason=str(error), row=row))
    return tuple(records), tuple(bad)


def user(row: Row) -> User:
    """A customer; country and state in the form in which tax tables name them."""
    with _named("user", row["external_user_id"]):
        return User(
            external_user_id=row["external_user_id"],
            name=row["name"].strip(),
            email=_text(row["email"]),
            company=_text(row["company"]),
            country=_code(row["country"]),
            state=_code(row["state"]),
            stripe_customer_id=_text(row["stripe_customer_id"]),
            is_active=row["is_active"],
            is_internal=row["is_internal"],
        )


def plan(row: Row, default_currency: str) -> Plan:
    """A price list. A NULL price leaves its interval out, and a plan without any price is still a plan."""
    with _named("plan", row["external_plan_id"]):
        currency = _code(row["currency"]) or default_currency
        minor_units(currency)
        return Plan(
            external_plan_id=row["external_plan_id"],
            name=row["name"].strip(),
            currency=currency,
            flat_prices=_flat_prices(row),
            included_quantity=decimal(row["included_quantity"]),
            unit_price=decimal(row["unit_price"]),
            unit_batch=decimal(row["unit_batch"]),
            is_active=row["is_active"],
            valid_from=_instant("valid_from", row["valid_from"]),
            charges=() if row.get("charges") is None else read_metered(row["charges"]),
        )


def subscription(row: Row) -> Subscription:
    """A deployment on a plan; an unknown billing interval is refused, never taken for monthly."""
    with _named("subscription", row["external_subscription_id"]):
        return Subscription(
            external_subscription_id=row["external_subscription_id"],
            external_deployment_id=_text(row["external_deployment_id"]),
            external_user_id=row["external_user_id"],
            external_plan_id=row["external_plan_id"],
            interval=Interval.read(row["billing_interval"]),
            status=row["status"].strip().lower(),
            started_at=moment("started_at", row["started_at"]),
            ended_at=_end("ended_at", row["ended_at"]),
            contract_price=_price("contract_price", row["contract_price"]),
            discount_percent=_percent(row["discount_percent"]),
            billing_anchor=_instant("billing_anchor", row.get("billing_anchor")),
            instalments=_instalments(row.get("instalments")),
        )


def invoice(row: Row, rules: Sequence[LineRule]) -> Invoice:
    """What the service issued, its lines numbered from 1 and classified: by the mapping's own kind, else by the rules.

    An empty or blank subscription id is no subscription.
    """
    with _named("invoice", row["external_invoice_id"]):
        currency = row["currency"].strip().upper()
        minor_units(currency)
        return Invoice(
            external_invoice_id=row["external_invoice_id"],
            external_user_id=row["external_user_id"],
            external_subscription_id=_text(row["external_subscription_id"]),
            issued_at=moment("issued_at", row["issued_at"]),
            status=InvoiceStatus.read(row["status"]),
            currency=currency,
            subtotal=decimal(row["subtotal"]),
            tax=decimal(row["tax"]),
            total=decimal(row["total"]),
            provider_id=_text(row["provider_id"]),
            created_by=_text(row["created_by"]),
            lines=tuple(_line(ordinal, line, row, rules) for ordinal, line in enumerate(row["lines"], start=1)),
        )


def evidence(row: Row) -> Evidence:
    """A record that may explain a difference."""
    with _named("evidence", f"{row['kind']} of {row['subject_kind']} {row['subject_id']}"):
        if not isinstance(row["data"], Mapping):
            raise InvalidInput("data must be a JSON object")
        return check(
            Evidence(
                kind=row["kind"].strip().lower(),
                subject_kind=row["subject_kind"].strip().lower(),
                subject_id=row["subject_id"],
                valid_from=_instant("valid_from", row["valid_from"]),
                valid_to=_end("valid_to", row["valid_to"]),
                data=row["data"],
                reference=row["reference"],
            )
        )


def history(row: Row) -> HistoryEntry:
    """A change that the source recorded."""
    return HistoryEntry(
        subject_kind=row["subject_kind"].strip().lower(),
        subject_id=row["subject_id"],
        field=row["field"].strip().lower(),
        value=row["value"],
        valid_from=moment("valid_from", row["valid_from"]),
    )


def billing_state(row: Row) -> BillingState:
    """Who bills a subscription."""
    return BillingState(
        external_subscription_id=row["external_subscription_id"],
        biller=row["biller"].strip(),
        auto_renew=row["auto_renew"],
        paid_through=_instant("paid_through", row["paid_through"]),
        cancel_at=_end("cancel_at", row["cancel_at"]),
        provider_id=_text(row["provider_id"]),
    )


@contextmanager
def _named(what: str, external_id: str) -> Iterator[None]:
    """Make every refusal name the row it is about."""
    try:
        yield
    except InvalidInput as error:
        said = str(error)
        raise InvalidInput(said if external_id in said else f"{what} {external_id}: {said}") from error


def _line(ordinal: int, line: Row, invoice: Row, rules: Sequence[LineRule]) -> InvoiceLine:
    description, product = str(line.get("description") or "").strip(), _text(line.get("product"))
    given = _kind(ordinal, line.get("kind"))
    key, created_by = f"{invoice['external_invoice_id']}/{ordinal}", _text(invoice["created_by"])
    facts = LineFacts(line_key=key, description=description, product=product, created_by=created_by)
    number = catching(facts, rules) if given is None else None
    rule = None if number is None else rules[number]
    if line.get("amount") is None:
        raise InvalidInput(f"line {ordinal} ({description}) has no amount, which is not 0.00")
    return InvoiceLine(
        ordinal=ordinal,
        kind=given or (LineKind.UNKNOWN if rule is None else rule.kind),
        charge=_text(line.get("charge")) or (None if rule is None else rule.charge),
        description=description,
        amount=decimal(line["amount"]),
        quantity=None if line.get("quantity") is None else decimal(line["quantity"]),
        service_from=_instant("service_from", line.get("service_from")),
        service_to=_instant("service_to", line.get("service_to")),
        external_subscription_id=_text(line.get("external_subscription_id")),
        product=product,
        is_kind_given=given is not None,
    )


def _kind(ordinal: int, given: object) -> LineKind | None:
    if given is None or not str(given).strip():
        return None
    try:
        return LineKind(str(given).strip().lower())
    except ValueError as error:
        raise InvalidInput(f"line {ordinal} has kind {given!r}; known are {', '.join(LineKind)}") from error


def _flat_prices(row: Row) -> dict[Interval, Decimal]:
    given = {interval: _price(f"price_{interval}", row.get(f"price_{interval}")) for interval in Interval}
    return {interval: price for interval, price in given.items() if price is not None}


def _price(column: str, text: str | None) -> Decimal | None:
    price = None if text is None else decimal(text)
    if price is not None and price < ZERO:
        raise InvalidInput(f"{column} is {text}, and a price is never negative")
    return price


def _percent(text: str | None) -> Decimal | None:
    percent = None if text is None else decimal(text)
    if percent is not None and not ZERO <= percent <= 100:  # noqa: PLR2004
        raise InvalidInput(f"discount_percent is {text}, must be 0 to 100")
    return percent


def _instalments(text: str | None) -> int:
    parts = Decimal(1) if text is None else decimal(text)
    if parts != parts.to_integral_value() or parts < 1:
        raise InvalidInput(f"instalments is {text}, must be a whole number from 1 on")
    return int(parts)


def _text(text: str | None) -> str | None:
    return (text or "").strip() or None


def _code(text: str | None) -> str | None:
    return (text or "").strip().upper() or None


def moment(column: str, text: str) -> datetime:
    """A time that a bill can be about; others would stop the months of everybody, so the row that holds one is refused."""
    moment = datetime.fromisoformat(text)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise InvalidInput(f"{column} is {text}, outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment


def _instant(column: str, text: str | None) -> datetime | None:
    return None if text is None else moment(column, text)


def _end(column: str, text: str | None) -> datetime | None:
    """An end; the year 9999 is how databases write that there is none."""
    return None if text is None or text.startswith("9999-") else moment(column, text)
