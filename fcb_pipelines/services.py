"""One service as `fcb.toml` describes it: where it is, how its months and taxes go, what its lines mean.

Owns: the keys of a `[services.<code>]` table, their bounds and documentation. Does not own: the file and the variables
(settings).
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_serializer, model_validator

from fcb_pipelines.acceptance_limits import AcceptanceLimits
from fcb_pipelines.adopted_terms import TermSetting
from fcb_pipelines.declared_history import HistorySetting
from fcb_pipelines.domain import conventions as rules
from fcb_pipelines.domain.conventions import Billed, Families, Family, Instalments, Months
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.external_ids import Entity, external_id
from fcb_pipelines.domain.invoices import LineKind, LineRule
from fcb_pipelines.domain.metrics import Aggregation
from fcb_pipelines.domain.money import MINOR_UNITS, Rounding
from fcb_pipelines.domain.period import Period, midnight, period_of
from fcb_pipelines.domain.plans import CPU_SECONDS
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.tax import TaxRounding
from fcb_pipelines.dunning_rules import DunningRules
from fcb_pipelines.flip_rules import FlipRules

SOURCE_ROOT = Path(__file__).parent / "source"

_TAX_KEY = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}/\S.*")
_EXTERNAL_ID = re.compile(r"[^.\s]+\.\S+")


def _known_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a timezone name, such as America/Toronto") from error


def _known_currency(code: str) -> str:
    if code not in MINOR_UNITS:
        raise ValueError(f"currency {code!r} is not known; known are {', '.join(sorted(MINOR_UNITS))}")
    return code


Zone = Annotated[ZoneInfo, BeforeValidator(lambda name: _known_zone(name) if isinstance(name, str) else name)]
Currency = Annotated[str, AfterValidator(_known_currency)]


class Strict(BaseModel):
    """A record that refuses keys it does not know, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class TimeMeaning(Strict):
    """What a time column of the source means where the column itself does not say."""

    kind: Literal["date", "instant"]
    """`date`: a calendar day in `zone`, whatever time of day is stored; `instant`: a moment, naive values are in `zone`."""
    zone: Zone


class Conventions(Strict):
    """How the service prices a part of a period and rounds; declared, never guessed."""

    proration: Proration = Proration.NONE
    """Of flat prices."""
    quota_proration: Proration = Proration.NONE
    """Of included quantities."""
    rounding: Rounding = Rounding.HALF_UP
    """Of an amount before tax: `half_up`, away from zero, or `half_even`."""
    billed: Billed = Billed.IN_ADVANCE
    """Whether a flat price is due at the start of its range or, `in_arrears`, at its end."""
    months: Months = Months.CALENDAR
    """Whether a monthly price runs by the calendar or, `anchored`, from the subscription's day of a month to the next one's."""
    instalments: Instalments = Instalments.EACH
    """How a price in instalments is rounded: `each` part by itself, or the `last_takes_rest`."""
    tax_rounding: TaxRounding = TaxRounding.LINE
    """`line` or `total`: where the tax of an invoice is rounded. The tax that was billed is held against it by invoice."""


class FamilySetting(Strict):
    """Plans with conventions of their own, named by a pattern or by their ids; what is left out is the service's."""

    name: str = Field(min_length=1, pattern=r"^\S(.*\S)?$")
    pattern: str | None = None
    """A regular expression that their name holds, in any case."""
    plans: frozenset[str] = frozenset()
    proration: Proration | None = None
    quota_proration: Proration | None = None
    rounding: Rounding | None = None
    billed: Billed | None = None
    months: Months | None = None
    instalments: Instalments | None = None

    @model_validator(mode="after")
    def _names_plans(self) -> Self:
        if (self.pattern is None) is not bool(self.plans):
            raise ValueError(f"family {self.name!r} needs either a pattern on the name of its plans or plans = [their ids]")
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(f"family {self.name!r}: pattern {self.pattern!r} is not a regular expression: {error}") from error
        return self

    @field_serializer("plans", when_used="json")
    def _in_order(self, plans: frozenset[str]) -> list[str]:
        return sorted(plans)

    def of(self, service: Conventions) -> Family:
        """The family as the domain reads it."""
        own = {key: value for key in RULES if (value := getattr(self, key)) is not None}
        return Family(name=self.name, conventions=_rules(service, own), pattern=self.pattern, plans=self.plans)


RULES = tuple(field.name for field in fields(rules.Conventions))
"""The conventions that a family of plans may have of its own."""


def _rules(service: Conventions, own: Mapping[str, Any]) -> rules.Conventions:
    return rules.Conventions(**{key: own.get(key, getattr(service, key)) for key in RULES})


class MetricSetting(Strict):
    """How the events of a metric become the quantity of a month."""

    aggregation: Aggregation = Aggregation.SUM


class LineRuleSetting(Strict):
    """Lines of which everything holds that is given are of `kind`; the first rule that holds wins."""

    pattern: str | None = None
    """A regular expression that is found in the description, in any case."""
    product: str | None = None
    """The source's id of what the line bills."""
    created_by: str | None = None
    """Who or what made its invoice, as the source says."""
    line: str | None = None
    """One line by its key, such as `inv-7/2`."""
    kind: LineKind
    charge: str | None = None
    """The metered charge that overage bills, by its metric or code."""
    because: str | None = None
    """Why; needed with `line`."""


class Service(Strict):
    """One service whose customers we bill."""

    code: str
    mapping: str
    """Folder of SELECT statements: a name under `fcb_pipelines/source`, or a path relative to `fcb.toml`."""
    zone: Zone
    """The billing timezone: a period is a calendar month there."""
    currency: Currency
    """Currency of plans whose mapping gives none, and of a service that has billed nothing yet."""
    first_period: str
    """The first month in scope; usage and invoices before it are not read."""
    arrears_lag_days: int = Field(default=1, ge=0, le=90)
    """Days after a month's end until its invoices must have been issued; a month closes then."""
    place_of_supply: str | None = None
    """Place of supply of customers without country and state, such as `CA-ON`; shown as attested."""
    terms_assumed_from: date | None = None
    """Attested: today's prices and terms held since this day where the source has no date for them."""
    owner: str = "team:billing"
    """Who answers for the service's assets in Dagster: an e-mail or `team:name`."""
    times: dict[str, TimeMeaning] = {}
    """`"entity.column"` → its meaning."""
    conventions: Conventions = Conventions()
    families: tuple[FamilySetting, ...] = ()
    """The first that has a plan holds for it."""
    line_rules: tuple[LineRuleSetting, ...] = ()
    metrics: dict[str, MetricSetting] = {CPU_SECONDS: MetricSetting()}
    """What is counted, by name; usage of another metric is refused when it is pushed, and summed when it is pulled."""
    billed_feed: Literal["pulled", "pushed"] = "pulled"
    """Which feed's usage is billed; usage of the other is kept and compared with it."""
    acceptance: AcceptanceLimits = AcceptanceLimits()
    """How much of a difference one person may accept alone."""
    flip: FlipRules = FlipRules()
    """What a flip asks for."""
    dunning: DunningRules = DunningRules()
    """When an unpaid invoice is one for good."""
    account_links: dict[str, int] = {}
    """Source user id → Odoo partner id, where e-mail cannot decide."""
    odoo_taxes: dict[str, str] = {}
    """`"CA-ON/HST"` → external id of the tax in Odoo, such as `account.1_hst_sale_tax_13`, where its name cannot decide."""
    terms: tuple[TermSetting, ...] = ()
    """Records that people adopted (`fcb adopt`): our own rating and the orders in Odoo follow them."""
    history: tuple[HistorySetting, ...] = ()
    """Since when a term had a value, where the source does not record it (docs/explanations.md)."""
    source_url: SecretStr | None = None
    is_demo: bool = True
    """Whether the source is the embedded demo service: true unless its variable gives a real one."""
    folder: Path = SOURCE_ROOT

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        external_id(self.code, Entity.USER, "1")
        Period(self.first_period, self.zone)
        if not (self.mapping_folder / "users.sql").is_file():
            raise ValueError(f"mapping {self.mapping!r} has no users.sql; looked in {self.mapping_folder}")
        _ = self.rules
        for name in (name for name, count in Counter(family.name for family in self.families).items() if count > 1):
            raise ValueError(f"two families are called {name!r}")
        for key, xid in self.odoo_taxes.items():
            if not _TAX_KEY.fullmatch(key) or not _EXTERNAL_ID.fullmatch(xid):
                raise ValueError(f'odoo_taxes: {key!r} = {xid!r} must be like "CA-ON/HST" = "account.1_hst_sale_tax_13"')
        return self

    @property
    def mapping_folder(self) -> Path:
        """Where the SELECT statements are."""
        built_in = SOURCE_ROOT / self.mapping
        return built_in if built_in.is_dir() else self.folder / self.mapping

    @property
    def aggregations(self) -> dict[str, Aggregation]:
        """How each metric is aggregated."""
        return {name: metric.aggregation for name, metric in self.metrics.items()}

    @property
    def rules(self) -> tuple[LineRule, ...]:
        """The line rules as the domain reads them."""
        return tuple(LineRule(**rule.model_dump()) for rule in self.line_rules)

    @property
    def plan_families(self) -> Families:
        """The conventions of every plan, as the domain reads them."""
        service = Family(conventions=_rules(self.conventions, {}))
        return Families(service=service, declared=tuple(family.of(self.conventions) for family in self.families))

    @property
    def terms_from(self) -> datetime | None:
        """The first instant from which undated terms are attested."""
        return midnight(self.terms_assumed_from, self.zone) if self.terms_assumed_from else None

    def closes_at(self, period: Period) -> datetime:
        """When a period closes: at its end and the lag after it. Before, what is absent is not yet issued."""
        return period.end + timedelta(days=self.arrears_lag_days)

    def period(self, key: str) -> Period:
        """The period of a key; raises `InvalidInput` for one before the first in scope."""
        period = Period(key, self.zone)
        if key < self.first_period:
            raise InvalidInput(f"period {key} is before {self.first_period}, the first in scope of {self.code} (fcb.toml)")
        return period

    def open_period(self, now: datetime) -> Period:
        """The period that `now` lies in, or the first in scope if that is later."""
        return max(period_of(now, self.zone), Period(self.first_period, self.zone), key=lambda period: period.key)


def zones(services: Mapping[str, Service]) -> dict[str, str]:
    """The billing timezone of each service, by its name."""
    return {code: service.zone.key for code, service in services.items()}
