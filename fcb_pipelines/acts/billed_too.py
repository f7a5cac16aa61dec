"""What the source bills of what Odoo is about to bill, read from our store.

Owns: the act `billed_too_now`, and reading the source's lines of some subscriptions. Does not own: the rule
(domain/billed_too).
"""

from collections.abc import Iterable, Iterator, Mapping

from fcb_pipelines.acts.invoices import lines_told
from fcb_pipelines.acts.source import last_snapshot, load
from fcb_pipelines.domain.billed_too import Told, billed_too, settled_lines
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.guards import SourceBilled
from fcb_pipelines.domain.live import Live
from fcb_pipelines.services import Service
from fcb_pipelines.store import alarms
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.snapshot_parts import Part
from fcb_pipelines.store.source_claims import Loaded


def billed_too_now(
    conn: Connection, service: Service, due: Iterable[ExpectedLine], live: Mapping[str, Live], loaded: Loaded
) -> Mapping[str, str]:
    """By subscription, why Odoo must not bill what is due: by the newest snapshot, or as last reconciled, the source does.

    `loaded` is what the source's bills claimed right before. Raises `RuleViolation` where the newest snapshot was refused.
    """
    told = Told(
        source=tuple(source_billed(conn, service, last_snapshot(conn, service), live)),
        doubled=[one.wanted for one in loaded.double_billed if one.in_the_way.biller is Biller.ODOO],
        settled=settled_lines(alarms.alarms(conn, service.code)),
    )
    return billed_too(due, told)


def source_billed(conn: Connection, service: Service, snapshot_id: int, live: Mapping[str, Live]) -> Iterator[SourceBilled]:
    """What a snapshot says that the source billed to whoever has or had one of these subscriptions."""
    owners = {one.plan.external_user_id for one in live.values()}
    now = load(conn, snapshot_id, service, Part(subscriptions=live, customers=owners).rows)
    owners |= {one.external_user_id for one in now.subscriptions}
    records = load(conn, snapshot_id, service, Part(subscriptions=live, customers=owners, invoiced=owners).rows)
    for line in lines_told(records):
        if line.counts and (line.external_subscription_id is None or line.external_subscription_id in live):
            yield SourceBilled(
                line_key=line.line_key,
                external_subscription_id=line.external_subscription_id,
                external_user_id=line.external_user_id,
                charge=line.charge,
                service_from=line.service_from,
                service_to=line.service_to,
                net=line.net,
            )
