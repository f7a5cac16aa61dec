"""How things stand: what is imported, and each period's newest reconciliation.

Owns: the figures of `fcb status`. Does not own: how they are printed.
"""

from dataclasses import asdict, dataclass
from typing import Any

from fcb_pipelines.acts.messages import board
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.partners import LinkState
from fcb_pipelines.domain.rows import Status, Verdict
from fcb_pipelines.domain.standing import Standing
from fcb_pipelines.services import Service
from fcb_pipelines.store import closings, drafts, flips, imports, partners, read_back, reconciliation
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.drafts import LastDrafted


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCounts:
    """The last import, all entities together."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBackStatus:
    """The last time that a part of what we wrote was read back from Odoo."""

    part: str
    period: str
    """Empty for a part without one."""
    records: int
    differences: int
    """How much Odoo has otherwise; any one blocks posting."""
    read_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceStatus:
    """The last drafting of one kind for one period."""

    part: str
    period: str
    drafts: int
    """Those that are to be there, made or not changed, and those that are no longer drafts."""
    failed: int
    differences: int
    totals: dict[str, dict[str, str]]
    """Net, tax and gross by currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStatus:
    """How messages to the endpoints that are there stand."""

    endpoints: int
    disabled: int
    due: int
    """Of those that wait, how many should have been sent by now."""
    waiting: int
    held: int
    dead: int
    delivered: int
    untold: int
    """Notices that an operator was not told yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodStatus:
    """The newest revision of a period."""

    rows: dict[str, int]
    """By status: how the sides compare."""
    verdicts: dict[str, int]
    """Rows by verdict: what is decided."""
    open_remedies: int
    """Instances that still ask for something."""
    coverage_money: dict[str, str]
    proved_money: dict[str, str]
    coverage_subscriptions: str
    revision: int
    closed_at: str | None
    """When it was closed; None where it is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """How one service stands. Partners, plans and shadow subscriptions are those in Odoo as the last import saw them."""

    partners: int
    plans: int
    shadow: int
    live: int
    last_import: ImportCounts
    read_back: tuple[ReadBackStatus, ...]
    invoices: tuple[InvoiceStatus, ...]
    periods: dict[str, PeriodStatus]
    webhooks: WebhookStatus

    def as_json(self) -> dict[str, Any]:
        """The form of the contract."""
        return {
            "partners": self.partners,
            "plans": self.plans,
            "subscriptions": {"shadow": self.shadow, "live": self.live},
            "import": asdict(self.last_import),
            "read_back": [asdict(one) for one in self.read_back],
            "invoices": [asdict(one) for one in self.invoices],
            "periods": {period: asdict(status) for period, status in self.periods.items()},
            "webhooks": asdict(self.webhooks),
        }


def service_status(conn: Connection, service: Service) -> ServiceStatus:
    """Read how a service stands from the store alone."""
    counts = {entity: len(imports.records(conn, service.code, entity)) for entity in (Entity.PLAN, Entity.SUBSCRIPTION)}
    linked = {one.odoo_id for one in partners.links(conn, service.code).values() if one.state is LinkState.LINKED}
    ours = {one.odoo_id for one in imports.records(conn, service.code, Entity.USER)}
    live = len(flips.live_subscriptions(conn, service.code))
    return ServiceStatus(
        partners=len(linked | ours),
        plans=counts[Entity.PLAN],
        shadow=counts[Entity.SUBSCRIPTION] - live,
        live=live,
        last_import=_last_import(conn, service),
        read_back=_read_back(conn, service),
        invoices=tuple(map(_invoices, drafts.last(conn, service.code))),
        periods=_periods(conn, service),
        webhooks=_webhooks(conn, service),
    )


def _webhooks(conn: Connection, service: Service) -> WebhookStatus:
    found = board(conn, service.code)
    return WebhookStatus(
        endpoints=len(found.endpoints),
        disabled=sum(one.endpoint.disabled_at is not None for one in found.endpoints),
        due=found.due,
        untold=found.untold.count,
        **{one.value: found.count(one) for one in (Standing.WAITING, Standing.HELD, Standing.DEAD, Standing.DELIVERED)},
    )


def _last_import(conn: Connection, service: Service) -> ImportCounts:
    runs = imports.latest_runs(conn, service.code).values()
    return ImportCounts(**{name: sum(getattr(run, name) for run in runs) for name in ImportCounts.__dataclass_fields__})


def _invoices(last: LastDrafted) -> InvoiceStatus:
    done = last.outcome
    return InvoiceStatus(
        part=last.part,
        period=last.period,
        drafts=sum(done[name] for name in ("created", "changed", "unchanged", "untouched")),
        failed=done["failed"],
        differences=len(done["differences"]),
        totals=done["totals"],
    )


def _read_back(conn: Connection, service: Service) -> tuple[ReadBackStatus, ...]:
    return tuple(
        ReadBackStatus(
            part=one.part, period=one.period, records=one.records, differences=count, read_at=one.read_at.isoformat()
        )
        for one, count in read_back.overview(conn, service.code)
    )


def _periods(conn: Connection, service: Service) -> dict[str, PeriodStatus]:
    revisions = reconciliation.latest_revisions(conn, service.code)
    closed = closings.closings(conn, service.code)
    ids = [revision.revision_id for revision in revisions]
    counts, verdicts = reconciliation.counts_by_status(conn, ids), reconciliation.counts_by_verdict(conn, ids)
    to_remedy = reconciliation.counts_to_remedy(conn, ids)
    return {
        revision.period: PeriodStatus(
            rows={status.value: counts[revision.period][status] for status in Status},
            verdicts={verdict.value: verdicts[revision.period][verdict] for verdict in Verdict},
            open_remedies=to_remedy[revision.period],
            coverage_money=revision.coverage["money"],
            proved_money=revision.coverage["proved_money"],
            coverage_subscriptions=revision.coverage["subscriptions"],
            revision=revision.revision,
            closed_at=closed[revision.period].closed_at.isoformat() if revision.period in closed else None,
        )
        for revision in revisions
    }
