"""History that people declare, as `fcb.toml` says it: since when a term had a value, where the source does not record that.

Owns: the keys of `[[services.<code>.history]]`. Does not own: what an entry makes of a price (domain/seen). It is how a price
that was mended in the source is told from one that changed: a snapshot alone always says that it changed.
"""

from datetime import date, timedelta
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.history import HistoryEntry
from fcb_pipelines.domain.period import midnight
from fcb_pipelines.domain.term_values import PLAN, SUBSCRIPTION, read_value


class HistorySetting(BaseModel):
    """From `valid_from` on, a term of a plan or a subscription had a value; who says so, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject_kind: Literal["plan", "subscription"]
    subject: str = Field(min_length=1)
    """The source's id."""
    field: str
    """A term by the name of its column, such as `price_monthly` or `contract_price`; `plan` is the plan of a subscription."""
    value: str | None = None
    """As text; left out where there was none, such as no contract price any more."""
    valid_from: date
    """A day of the billing timezone; one before the older value was seen puts that value right."""
    because: str = Field(min_length=1)
    declared_by: str = Field(min_length=1)
    declared_on: date

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        known = PLAN if self.subject_kind == "plan" else SUBSCRIPTION
        if self.field not in known:
            raise ValueError(f"field {self.field!r} is no term of a {self.subject_kind}; its terms are {', '.join(known)}")
        try:
            read_value(self.field, self.value)
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        return self

    def entry(self, zone: ZoneInfo) -> HistoryEntry:
        """The entry; it is on record since the end of the day on which it was declared."""
        return HistoryEntry(
            subject_kind=self.subject_kind,
            subject_id=self.subject,
            field=self.field,
            value=self.value,
            valid_from=midnight(self.valid_from, zone),
            said_at=midnight(self.declared_on + timedelta(days=1), zone),
        )
