"""Who is live: subscriptions that Odoo bills, since when and from which boundary on.

Owns: the record. Does not own: the steps that make one live (flip), where it is read (store/flips).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.domain.flip import Course, State
from fcb_pipelines.domain.flip_plans import SubscriptionPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A subscription in the last flip that touched it."""

    flip_id: str
    state: State
    since: datetime | None
    """When what Odoo will bill was read back as planned; None before."""
    plan: SubscriptionPlan
    course: Course

    @property
    def external_subscription_id(self) -> str:
        """Its id in the source."""
        return self.plan.external_subscription_id

    @property
    def is_live(self) -> bool:
        """Whether Odoo bills it: live or complete, and not being taken back."""
        return self.state in (State.LIVE, State.COMPLETE)

    def is_since(self, moment: datetime) -> bool:
        """Whether it came to be live at a moment or later."""
        return self.since is not None and self.since >= moment

    @property
    def boundaries(self) -> Mapping[str, datetime]:
        """By charge, the start of Odoo's first range."""
        return {one.charge: one.boundary for one in self.plan.charges}
