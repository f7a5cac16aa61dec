"""What the gate said, in the store: read as it was written, the last of each flip, and never changed."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from fcb_pipelines.domain.gate import Class, Objection
from fcb_pipelines.domain.gate_asked import GateAsked
from fcb_pipelines.domain.gate_facts import Gate
from fcb_pipelines.store import flips, gate_asked
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines_tests.flips import FLIP_ID, NOW, a_plan

SAID = GateAsked(
    flip_id=None,
    gate=Gate.FLIP,
    asked_by="ada",
    asked_at=NOW,
    objections=(
        Objection(
            id="never_compared",
            scope="s1/flat",
            klass=Class.ATTESTED,
            words="was never compared",
            evidence=("i9/1", "×"),
            since=NOW - timedelta(days=400),
            what_to_do="fcb attest preview s1/flat",
        ),
        Objection(id="stopped", scope="service", klass=Class.PROVEN, words="stopped", what_to_do="fcb resume"),
    ),
)


def test_what_was_said_last_of_each_is_read_as_it_was(conn: Connection) -> None:
    flips.add(
        conn,
        StoredFlip(flip_id=FLIP_ID, service="shop", plan=a_plan(), plan_hash="h", planned_at=NOW, planned_by="ada"),
    )
    of_flip = replace(SAID, flip_id=FLIP_ID, gate=Gate.CHARGE)
    later = replace(SAID, asked_by="check", asked_at=NOW + timedelta(hours=1), objections=())
    for one in (SAID, of_flip, later):
        gate_asked.add(conn, "shop", one)
    gate_asked.add(conn, "other", SAID)
    assert gate_asked.last(conn, "shop") == {None: later, FLIP_ID: of_flip}


def test_what_was_said_is_never_changed(conn: Connection) -> None:
    gate_asked.add(conn, "shop", SAID)
    with pytest.raises(psycopg.Error, match="gate_asked"):
        conn.execute("UPDATE gate_asked SET objections = '[]'")
