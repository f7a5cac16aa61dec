"""The canonical columns: what each mapping file of a service must return, and of which type.

Owns: entities, columns, types, and what stays undecidable without an optional entity. Does not own: how a value is read.
A column marked `?` may be NULL; it must be in the result all the same, or a misspelt `ended_at` would read as "never ended".
One marked `??` may be left out as well: it was added later, and a mapping without it says what it said before.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a column holds, whatever Postgres type the source gives it."""

    TEXT = "text"
    NUMERIC = "numeric"
    BOOL = "bool"
    TIME = "time"
    JSON = "json"


ACCEPTED = {
    Kind.TEXT: "text, uuid, an integer or an enum",
    Kind.NUMERIC: "numeric or an integer",
    Kind.BOOL: "boolean",
    Kind.TIME: "timestamptz, timestamp or date",
    Kind.JSON: "jsonb or json",
}
"""The Postgres types that a column of each kind may have, in words for the operator."""

_INTEGERS = ("smallint", "integer", "bigint")
_NAMES = {
    Kind.TEXT: ("uuid", *_INTEGERS),
    Kind.NUMERIC: ("numeric", *_INTEGERS),
    Kind.BOOL: ("boolean",),
    Kind.TIME: ("timestamp with time zone", "timestamp without time zone", "date"),
    Kind.JSON: ("jsonb", "json"),
}
NAIVE_TYPES = ("timestamp without time zone", "date")
"""Types that name no instant until `fcb.toml` declares what they mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One canonical column of an entity."""

    entity: str
    name: str
    kind: Kind
    is_nullable: bool
    is_optional: bool = False
    """Whether a mapping may leave it out."""

    @property
    def path(self) -> str:
        """How `times` in `fcb.toml` names it, such as `subscriptions.started_at`."""
        return f"{self.entity}.{self.name}"

    def accepts(self, type_name: str, category: str) -> bool:
        """Whether a Postgres type, by its name without length and its `typcategory`, can hold this column."""
        is_word = self.kind is Kind.TEXT and category in ("S", "E")
        return is_word or type_name in _NAMES[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitySpec:
    """One entity of the source: its file in the mapping folder is `<name>.sql`."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """The columns that name a row to people; where `is_unique`, they identify it."""
    is_unique: bool = True
    is_optional: bool = False
    undecidable_without: str = ""
    """Causes and objections that no rule can decide where an optional entity is not mapped."""

    @property
    def file(self) -> str:
        """The file that returns its rows."""
        return f"{self.name}.sql"


def _columns(entity: str, table: str) -> tuple[Column, ...]:
    cells = [cell.split() for cell in table.split(",")]
    return tuple(
        Column(
            entity=entity,
            name=name,
            kind=Kind(kind.rstrip("?")),
            is_nullable=kind.endswith("?"),
            is_optional=kind.endswith("??"),
        )
        for name, kind in cells
    )


USERS = EntitySpec(
    name="users",
    key=("external_user_id",),
    columns=_columns(
        "users",
        "external_user_id text, name text, email text?, company text?, country text?, state text?, "
        "stripe_customer_id text?, is_active bool, is_internal bool",
    ),
)
PLANS = EntitySpec(
    name="plans",
    key=("external_plan_id",),
    columns=_columns(
        "plans",
        "external_plan_id text, name text, currency text?, price_monthly numeric?, price_yearly numeric?, "
        "included_quantity numeric, unit_price numeric, unit_batch numeric, is_active bool, valid_from time?, "
        "price_quarterly numeric??, charges json??",
    ),
)
SUBSCRIPTIONS = EntitySpec(
    name="subscriptions",
    key=("external_subscription_id",),
    columns=_columns(
        "subscriptions",
        "external_subscription_id text, external_deployment_id text?, external_user_id text, external_plan_id text, "
        "billing_interval text?, status text, started_at time, ended_at time?, contract_price numeric?, "
        "discount_percent numeric?, billing_anchor time??, instalments numeric??",
    ),
)
USAGE = EntitySpec(
    name="usage",
    key=("external_subscription_id", "metric", "source_event_id"),
    is_unique=False,
    columns=_columns(
        "usage",
        "external_subscription_id text, metric text, quantity numeric, started_at time, ended_at time?, source_event_id text?",
    ),
)
INVOICES = EntitySpec(
    name="invoices",
    key=("external_invoice_id",),
    columns=_columns(
        "invoices",
        "external_invoice_id text, external_user_id text, external_subscription_id text?, issued_at time, status text, "
        "currency text, subtotal numeric, tax numeric, total numeric, provider_id text?, created_by text?, lines json",
    ),
)
EVIDENCE = EntitySpec(
    name="evidence",
    key=("kind", "subject_kind", "subject_id"),
    is_unique=False,
    is_optional=True,
    columns=_columns(
        "evidence",
        "kind text, subject_kind text, subject_id text, valid_from time?, valid_to time?, data json, reference text",
    ),
    undecidable_without=(
        "causes price_override, plan_version, billing_interval, instalment, trial, discount, minimum, maximum, tier, quota, "
        "account_credit, deposit, currency; objections on balances, disputes and terms that end"
    ),
)
HISTORY = EntitySpec(
    name="history",
    key=("subject_kind", "subject_id", "field"),
    is_unique=False,
    is_optional=True,
    columns=_columns("history", "subject_kind text, subject_id text, field text, value text?, valid_from time"),
    undecidable_without=(
        "causes plan_change, quantity_change, ended_early and proration by spans of activity; whether the partner was the same "
        "when the service was given"
    ),
)
BILLING_STATE = EntitySpec(
    name="billing_state",
    key=("external_subscription_id",),
    is_optional=True,
    columns=_columns(
        "billing_state",
        "external_subscription_id text, biller text, auto_renew bool, paid_through time?, cancel_at time?, provider_id text?",
    ),
    undecidable_without=(
        "the boundary by paid_through; objections on pending cancellations and on source billing that is not proven stopped"
    ),
)

RECORDS = (USERS, PLANS, SUBSCRIPTIONS, INVOICES, EVIDENCE, HISTORY, BILLING_STATE)
"""Entities whose rows a snapshot keeps whole, in the order in which they are read."""

ENTITIES = (*RECORDS, USAGE)

LINE_TIMES = ("invoices.service_from", "invoices.service_to")
"""The times inside an invoice's `lines`, as `times` in `fcb.toml` names them."""


def time_paths() -> frozenset[str]:
    """Every name that `times` in `fcb.toml` may declare."""
    columns = {column.path for spec in ENTITIES for column in spec.columns if column.kind is Kind.TIME}
    return frozenset(columns | set(LINE_TIMES))
