"""Hosts that push while something goes wrong, remember what they were told, and compare it with what is stored.

Owns: what is pushed (batches, single events, voids, the same again), what an answer may be, and when a store is right. Does not
own: what goes wrong.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.store.database import Database

SEED = int(os.environ.get("FCB_TEST_SEED", "1"))
"""Of what is pushed, and of the moments at which something goes wrong."""
SUBSCRIPTIONS = [f"s-{number}" for number in range(4)]
MOST_A_BATCH = 60
MONTH_MINUTES = 34 * 24 * 60
AGAIN_SECONDS = 0.02
PATIENCE_SECONDS = 5.0
END_SECONDS = 30.0
"""How long a host goes on after the end to have an answer, where it must have one."""
STANDING = """
    SELECT event.idempotency_key, event.quantity, void.voids IS NOT NULL
      FROM usage_event AS event
      LEFT JOIN usage_event AS void ON void.series_id = event.series_id AND void.voids = event.idempotency_key
     WHERE event.voids IS NULL
"""
DIFFERENT = """
    WITH recount AS (
        SELECT series_id, period, booked_in, sum(quantity) AS quantity,
               sum(CASE WHEN voids IS NULL THEN 1 ELSE -1 END) AS events
          FROM usage_event GROUP BY 1, 2, 3)
    SELECT * FROM recount FULL JOIN usage_running AS running USING (series_id, period, booked_in)
     WHERE (recount.quantity, recount.events) IS DISTINCT FROM (running.quantity, running.events)
"""
NUMBERS = """
    SELECT (SELECT count(*) FROM usage_event), (SELECT count(DISTINCT (series_id, idempotency_key)) FROM usage_event),
           (SELECT count(*) FROM usage_identity)
"""
ALLOWED = "SELECT count(*) FROM access_log WHERE status = 200"
Row = dict[str, Any]


@dataclass(kw_only=True)
class Host:
    """One client with a connection and a subscription of its own."""

    name: str
    url: str
    key: str
    subscription: str
    now: datetime
    chance: random.Random
    is_over: threading.Event
    is_answered: threading.Event
    answered: dict[str, Row] = field(default_factory=dict)
    """What was answered with 200."""
    voided: set[str] = field(default_factory=set)
    given_up: dict[str, Row] = field(default_factory=dict)
    """What was sent and never answered: it may be stored or not."""
    told: Counter[str] = field(default_factory=Counter)
    surprises: list[object] = field(default_factory=list)
    """Answers that no host should get."""

    def push(self) -> None:
        """Push until it is over."""
        with httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE_SECONDS) as client:
            while not self.is_over.is_set():
                self._act(client)

    def _act(self, client: httpx.Client) -> None:
        what, standing = self.chance.random(), list(self.answered.keys() - self.voided)
        if what < 0.1 and standing:
            self._void(client, self.chance.choice(standing))
        elif what < 0.2 and self.answered:
            self._send(client, [self.chance.choice(list(self.answered.values()))], "duplicate")
        else:
            size = 1 if what < 0.5 else self.chance.randint(2, MOST_A_BATCH)
            self._send(client, [self._event() for _ in range(size)], "accepted")

    def _send(self, client: httpx.Client, rows: list[Row], expected: str) -> None:
        """Send events, again where there is no answer, until they are given up."""
        wanted = {expected}
        while (statuses := self._answer(client, rows)) is None:
            wanted |= {"duplicate"}
            if self.is_over.wait(AGAIN_SECONDS) or self.chance.random() < 0.3:
                self.given_up |= {row["idempotency_key"]: row for row in rows if row["idempotency_key"] not in self.answered}
                return
        self._judge(statuses, wanted)
        self.answered |= {row["idempotency_key"]: row for row in rows}
        self.is_answered.set()

    def _void(self, client: httpx.Client, key: str) -> None:
        """Take an event back, however long that takes."""
        row = {
            "external_subscription_id": self.subscription,
            "metric": "cpu_seconds",
            "idempotency_key": f"void {key}",
            "voids": key,
        }
        wanted, deadline = {"accepted"}, time.monotonic() + END_SECONDS
        while (statuses := self._answer(client, [row])) is None:
            wanted |= {"duplicate"}
            if time.monotonic() > deadline:
                self.surprises.append(f"{key} was never taken back")
                return
            time.sleep(AGAIN_SECONDS)
        self._judge(statuses, wanted)
        self.voided.add(key)

    def _answer(self, client: httpx.Client, rows: list[Row]) -> list[str] | None:
        """The status of each event, or None where nothing is known of them."""
        content = {"events": rows} if len(rows) > 1 else rows[0]
        try:
            answer = client.post("/v1/usage", json=content, headers={"Authorization": f"Bearer {self.key}"})
        except httpx.HTTPError:
            self.told["broken"] += 1
            return None
        self.told[str(answer.status_code)] += 1
        if answer.status_code == 503 and answer.headers.get("retry-after", "").isdigit():
            return None
        if answer.status_code != 200:
            self.surprises.append((answer.status_code, answer.text))
            return None
        told = answer.json()
        return [each["status"] for each in (told["results"] if len(rows) > 1 else [told])]

    def _judge(self, statuses: list[str], wanted: set[str]) -> None:
        if not set(statuses) <= wanted:
            self.surprises.append((statuses, wanted))

    def _event(self) -> Row:
        number = len(self.answered) + len(self.given_up) + self.chance.randint(0, 10**12) * 10**6
        return {
            "external_subscription_id": self.subscription,
            "metric": "cpu_seconds",
            "idempotency_key": f"{self.name}/{number}",
            "quantity": str(Decimal(self.chance.randint(0, 10**10)).scaleb(-6)),
            "started_at": (self.now - timedelta(minutes=self.chance.randint(1, MONTH_MINUTES))).isoformat(),
        }


@dataclass(kw_only=True)
class Hosts:
    """All hosts of a test."""

    each: list[Host]
    is_over: threading.Event
    is_answered: threading.Event

    @property
    def told(self) -> Counter[str]:
        """How many requests were answered with which status."""
        return sum((host.told for host in self.each), Counter[str]())

    def after_an_answer(self, seconds: float) -> bool:
        """Return the moment a host was answered with 200, or after so long; whether one was."""
        self.is_answered.clear()
        return self.is_answered.wait(seconds)

    def agree_with(self, db: Database) -> None:
        """Whether all that was answered is stored, nothing twice, and each total is what its events come to."""
        assert [host.surprises for host in self.each] == [[]] * len(self.each)
        with db.transaction() as conn:
            stored = {key: (quantity, is_void) for key, quantity, is_void in conn.execute(STANDING)}
            assert conn.execute(DIFFERENT).fetchall() == []
            events, distinct, identities = conn.execute(NUMBERS).fetchone() or (0, 0, -1)
            allowed = (conn.execute(ALLOWED).fetchone() or (0,))[0]
        assert events == distinct == identities, "an identity for each event, and one event for each"
        sent = {key: row for host in self.each for key, row in (host.answered | host.given_up).items()}
        answered = {key for host in self.each for key in host.answered}
        voided = {key for host in self.each for key in host.voided}
        assert answered <= stored.keys() <= sent.keys()
        assert stored == {key: (Decimal(sent[key]["quantity"]), key in voided) for key in stored}
        assert allowed >= self.told["200"], "each answer is in the access log"
        assert [each.broken for each in verify_logs(db)] == [None, None]


@contextmanager
def pushing(url: str, key: str, subscriptions: list[str], now: datetime, *, seed: int) -> Iterator[Hosts]:
    """Hosts that push while the block runs, one for each subscription; when it ends they have ended too."""
    is_over, is_answered = threading.Event(), threading.Event()
    each = [
        Host(
            name=f"h{number}",
            url=url,
            key=key,
            subscription=subscription,
            now=now,
            chance=random.Random(f"{seed}/{number}"),  # noqa: S311 - what is pushed, no secret
            is_over=is_over,
            is_answered=is_answered,
        )
        for number, subscription in enumerate(subscriptions)
    ]
    threads = [threading.Thread(target=host.push) for host in each]
    for thread in threads:
        thread.start()
    try:
        yield Hosts(each=each, is_over=is_over, is_answered=is_answered)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
