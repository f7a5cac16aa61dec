"""Which id the live invoice of a month has: its own one where an unflip gave the first one back.

Owns: telling it, from the journal and from Odoo. Does not own: the form of the id (domain/live_keys), drafts (`live_invoices`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.domain.external_ids import Entity, external_id
from fcb_pipelines.domain.live_keys import LiveKey
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.credit_notes import MOVES
from fcb_pipelines.odoo.records import Kind
from fcb_pipelines.odoo.resolution import found, resolve
from fcb_pipelines.store import flips, journal
from fcb_pipelines.store import imports as stored


def live_keys(work: PeriodWork, odoo: Odoo, subscriptions: Iterable[str]) -> Mapping[str, LiveKey]:
    """By subscription, the id of its invoice of the month, the same at every run of a flip.

    Of whom nothing was given back it is the plain one, whichever flip made it: what is posted under it stays the month's
    invoice. Only the credit note of an unflip makes room for another one, never what somebody gave back by hand.
    """
    code = work.service.code
    with work.db.transaction() as conn:
        live, credited = flips.live_subscriptions(conn, code), journal.credited(conn, code)
    plain = {one: LiveKey(external_subscription_id=one, month=work.period.key) for one in subscriptions}
    again = {one: key for one, key in plain.items() if one in credited and one in live}
    back = _given_back(work, odoo, again) if again else frozenset()
    return plain | {one: replace(key, flip_id=live[one].flip_id) for one, key in again.items() if one in back}


def _given_back(work: PeriodWork, odoo: Odoo, keys: Mapping[str, LiveKey]) -> frozenset[str]:
    """Those whose invoice in Odoo has the credit note of an unflip, which is known by the invoice that it takes back."""
    code = work.service.code
    xids = {external_id(code, Entity.LIVE_INVOICE, str(key)): one for one, key in keys.items()}
    with work.db.transaction() as conn:
        records = stored.records(conn, code, Entity.LIVE_INVOICE)
    known = {one.external_id: one.odoo_id for one in records if one.external_id in xids}
    there = resolve(odoo, Kind(entity=Entity.LIVE_INVOICE, model=MOVES, fields=()), code, wanted=xids, known=known)
    notes = {one: external_id(code, Entity.CREDIT_NOTE, str(there[xid])) for xid, one in xids.items() if xid in there}
    return frozenset(one for one, note in notes.items() if found(odoo, MOVES, note) is not None)
