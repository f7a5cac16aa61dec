"""Terms that people adopted, as `fcb.toml` says them: records that our own rating and the orders in Odoo follow.

Owns: the keys of `[[services.<code>.terms]]`. Does not own: what a kind of record does to a price (domain/causes), how a term
is written there (acts/adoption). A term is a copy of the source's record, so that it holds also when that one changes.
"""

from datetime import date
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, model_validator

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.evidence import Evidence, check
from fcb_pipelines.domain.period import midnight
from fcb_pipelines.domain.steps import adoptable


class TermSetting(BaseModel):
    """One record that was adopted, who adopted it and because of which row."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    """Of evidence, such as `contract_price`."""
    subject_kind: Literal["subscription", "plan", "user"]
    subject: str
    """The source's id."""
    valid_from: date | None = None
    valid_to: date | None = None
    data: dict[str, Any] = {}
    """As in the record; numbers are text."""
    reference: str
    """The source's record."""
    adopted_by: str
    adopted_on: date
    row: str
    """The row that it explained."""

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        if self.kind not in adoptable():
            raise ValueError(f"kind {self.kind!r} cannot be adopted; those that can are {', '.join(sorted(adoptable()))}")
        try:
            check(self.evidence(ZoneInfo("UTC")))
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise ValueError("valid_to must be later than valid_from")
        return self

    def evidence(self, zone: ZoneInfo) -> Evidence:
        """The record; its days are those of the billing timezone."""
        return Evidence(
            kind=self.kind,
            subject_kind=self.subject_kind,
            subject_id=self.subject,
            valid_from=None if self.valid_from is None else midnight(self.valid_from, zone),
            valid_to=None if self.valid_to is None else midnight(self.valid_to, zone),
            data=self.data,
            reference=self.reference,
        )
