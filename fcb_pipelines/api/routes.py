"""Every route there is: its path, its method, and the scope that its key needs.

Owns: the table. Does not own: who may call (calls), what a route does (its own module), what is said of it (openapi).
"""

from dataclasses import dataclass

from fcb_pipelines.api.calls import KeyedRoute
from fcb_pipelines.api.health import HEALTHZ, METRICS, READYZ, OpenHandler, healthz, read_metrics, readyz
from fcb_pipelines.api.reconciliation import RECONCILED, read_reconciliation
from fcb_pipelines.api.report_links import STYLE_SHEET, read_style
from fcb_pipelines.api.report_signing import SIGNING
from fcb_pipelines.api.reports import REPORTS
from fcb_pipelines.api.subscriptions import USAGE_BACK, read_usage
from fcb_pipelines.api.termination import TERMINATE, terminate_subscription
from fcb_pipelines.api.usage import USAGE, push_usage
from fcb_pipelines.api.webhooks import WEBHOOK_PAGES
from fcb_pipelines.domain.access import Scope


@dataclass(frozen=True, slots=True)
class OpenRoute:
    """A route that needs no key; it tells nothing of any service."""

    path: str
    handler: OpenHandler


KEYED = (
    KeyedRoute("POST", USAGE, Scope.USAGE_WRITE, push_usage),
    KeyedRoute("GET", USAGE_BACK, Scope.USAGE_READ, read_usage, ("period",)),
    KeyedRoute("POST", TERMINATE, Scope.SUBSCRIPTIONS_TERMINATE, terminate_subscription),
    KeyedRoute("GET", RECONCILED, Scope.RECONCILIATION_READ, read_reconciliation, ("limit", "after")),
    *REPORTS,
    *SIGNING,
    *WEBHOOK_PAGES,
    KeyedRoute("GET", METRICS, Scope.METRICS_READ, read_metrics),
)
OPEN = (OpenRoute(HEALTHZ, healthz), OpenRoute(READYZ, readyz), OpenRoute(STYLE_SHEET, read_style))
