"""The digest of a service: reading what it is made of.

Owns: the act `digest`. Does not own: what is told (domain/digest).
"""

from collections.abc import Iterable
from datetime import datetime

from fcb_pipelines.acts import acceptances
from fcb_pipelines.acts.usage import silent_subscriptions
from fcb_pipelines.domain.digest import Told, in_order, of_acceptances, of_alarms, of_revision, silent
from fcb_pipelines.domain.usage import PUSHED
from fcb_pipelines.services import Service
from fcb_pipelines.store import alarms, snapshots
from fcb_pipelines.store import reconciliation as stored
from fcb_pipelines.store.database import Connection


def digest(conn: Connection, service: Service, now: datetime, since: datetime | None = None) -> tuple[Told, ...]:
    """What a person must know: of periods reconciled since a time, of what is signed, of the usage feed, of open alarms."""
    told = (*_of_periods(conn, service, since), *_of_signed(conn, service, now), *_of_feed(conn, service, now))
    return in_order([*told, *of_alarms(alarms.open_alarms(conn, service.code))])


def _of_periods(conn: Connection, service: Service, since: datetime | None) -> Iterable[Told]:
    for revision in stored.latest_revisions(conn, service.code):
        if since is None or revision.made_at >= since:
            rows = stored.rows(conn, revision.revision_id)
            yield from of_revision(revision.period, rows, revision.changes, is_first=revision.revision == 1)


def _of_signed(conn: Connection, service: Service, now: datetime) -> Iterable[Told]:
    listed = acceptances.listed(conn, service, now)
    return of_acceptances(((one.acceptance, one.state) for one in listed), now.astimezone(service.zone).date())


def _of_feed(conn: Connection, service: Service, now: datetime) -> Iterable[Told]:
    """The open month, and the one before it while that is not long over: later ones a run refuses by itself."""
    header, still_open = snapshots.latest_snapshot(conn, service.code), service.open_period(now)
    if header is None:
        return
    for period in (still_open.previous(), still_open):
        if period.key >= service.first_period:
            yield from silent(period.key, PUSHED, silent_subscriptions(conn, service, period, header.snapshot_id))
