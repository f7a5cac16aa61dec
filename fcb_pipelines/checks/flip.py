"""The gate in front of a flip as a check: every objection, shown to people.

Owns: how it is shown. Does not own: the rule (domain/gate). It blocks the flip of its own run alone; the act asks again.
"""

from collections.abc import Sequence

import dagster as dg

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.flip_board import board
from fcb_pipelines.acts.gate_said import ask_of_flip, ask_of_service
from fcb_pipelines.assets.flip import FLIP_PLAN
from fcb_pipelines.assets.shell import ODOO_POOL, key, table
from fcb_pipelines.checks.remedies import what_to_do
from fcb_pipelines.checks.shell import ERROR
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.gate import Objection
from fcb_pipelines.services import Service

READY = "ready_to_flip"
ASKER = "check"


def flip_checks(service: Service) -> list[dg.AssetChecksDefinition]:
    """`ready_to_flip` on the plan made last."""

    @dg.asset_check(asset=key(service, FLIP_PLAN), name=READY, blocking=True, pool=ODOO_POOL)
    def ready_to_flip(connections: dg.ResourceParam[Connections]) -> dg.AssetCheckResult:
        """Everything that stands against the plan made last; without a plan, against each customer going live at all."""
        with connections.database().transaction() as conn:
            planned = [one.flip for one in board(conn, service.code).flips if one.flip.ended_at is None]
        if planned:
            said = ask_of_flip(connections, service, planned[0].flip_id, Part.FLIP, ASKER)
        else:
            said = ask_of_service(connections, service, ASKER)
        return dg.AssetCheckResult(
            passed=not said.objections,
            severity=ERROR,
            description=f"{said.flip_id or 'going live at all'}: {said.sentence}",
            metadata={
                **what_to_do(READY, service, passed=not said.objections),
                "objections": _table(said.objections),
                "count": len(said.objections),
            },
        )

    return [ready_to_flip]


def _table(found: Sequence[Objection]) -> dg.TableMetadataValue:
    return table(
        {
            "objection": one.id,
            "about": one.scope,
            "class": one.klass.value,
            "what": one.words,
            "what to do": one.what_to_do,
            "evidence": ", ".join(one.evidence[:5]),
        }
        for one in found
    )
