"""Shells around the acts that price a period."""

import dagster as dg

from fcb_pipelines.acts import rating as acts
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.assets.shell import DUAL_RUN, SOURCE, asset, key, table
from fcb_pipelines.domain.money import Money, plain, total
from fcb_pipelines.services import Service
from fcb_pipelines.store.adjustments import StoredAdjustment, stored

UNKNOWN = "unknown"


def rating_assets(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Assets `rated_lines` and `expected_invoices` of a service."""

    @asset(
        service,
        "rated_lines",
        group=DUAL_RUN,
        kinds=["postgres", "python"],
        deps=[key(service, "usage_totals"), key(service, SOURCE, "plans"), key(service, SOURCE, "subscriptions")],
        partitions_def=months,
    )
    def rated_lines(
        context: dg.AssetExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.MaterializeResult[None]:
        """Every charge instance of the month with its exact amount: flat prices, and overage above the quota."""
        done = acts.rate_period(connections.period(service, context.partition_key))
        issues = [{"subscription": one.external_subscription_id, "reason": one.reason} for one in done.issues]
        return dg.MaterializeResult(
            metadata={
                "lines": len(done.lines),
                "due": sum(line.is_due for line in done.lines),
                "failed": len(done.issues),
                "issues": table(issues),
                "adjustments": table(map(shown_adjustment, map(stored, done.adjustments))),
            }
        )

    @asset(
        service,
        "expected_invoices",
        group=DUAL_RUN,
        kinds=["postgres", "python"],
        deps=[rated_lines, key(service, SOURCE, "users")],
        partitions_def=months,
    )
    def expected_invoices(
        context: dg.AssetExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.MaterializeResult[None]:
        """What we would bill for the month: each line rounded once, taxed by component from the dated table."""
        lines = acts.expect_period(connections.period(service, context.partition_key))
        return dg.MaterializeResult(
            metadata={
                "lines": len(lines),
                **{f"net {code}": _sum([line.net for line in lines], code) for code in {line.currency for line in lines}},
                **{f"tax {code}": _sum([line.tax for line in lines], code) for code in {line.currency for line in lines}},
                "without tax decision": sum(line.net is not None and line.tax is None for line in lines),
            }
        )

    return [rated_lines, expected_invoices]


def shown_adjustment(one: StoredAdjustment) -> dict[str, str]:
    """The old rating and the new one side by side, as a row of a table."""
    old, new = (UNKNOWN if net is None else str(net) for net in (one.old_net, one.new_net))
    return {
        "subscription": one.external_subscription_id,
        "month": one.of_period,
        "metric": one.metric,
        "quantity before": plain(one.old_quantity),
        "quantity now": plain(one.new_quantity),
        "net before": old,
        "net now": new,
        "adjustment": UNKNOWN if one.net is None else f"{one.net} {one.currency}",
    }


def _sum(amounts: list[Money | None], currency: str) -> str:
    return str(total((one for one in amounts if one is not None and one.currency == currency), currency).amount)
