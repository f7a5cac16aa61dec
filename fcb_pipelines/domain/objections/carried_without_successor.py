"""Carried without a successor: billed outside the model, and nobody said who bills it after the flip."""

from collections.abc import Iterator

from fcb_pipelines.domain.clean import is_without_successor
from fcb_pipelines.domain.gate import Class, Kind, Objection
from fcb_pipelines.domain.gate_facts import GateFacts
from fcb_pipelines.domain.gate_rows import placed


def _find(facts: GateFacts) -> Iterator[Objection]:
    for one in placed(facts):
        if is_without_successor(one.instance):
            yield Objection(
                id=KIND.id,
                scope=one.row.row_id,
                klass=Class.PROVEN,
                words=f"{one.instance.billed} of customer {one.row.external_user_id} in {one.period} is carried "
                f"({one.instance.charge}), and nobody said who bills it after the flip",
                evidence=(one.row.row_id, *one.lines),
                since=one.instance.service_from,
                what_to_do=f"fcb carry {one.row.row_id} with --odoo, --source or --ended, and run {one.period} again",
            )


KIND = Kind(
    id="carried_without_successor",
    asks="whether a line outside the model has nobody who bills it after the flip",
    classes=(Class.PROVEN,),
    clears="fcb carry, and a new run",
    find=_find,
)
