"""A central side that can be told to misbehave: the contract of `POST /v1/usage`, over real HTTP.

It stores like the real one (an identity for ever, other content is a conflict) and then follows its script: one fault per
request, and none when the script is over. A test that only counts what is stored can be pointed at a real server instead.
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fcb_pipelines_tests.odoo.server import serving

KEY = "fcb_" + "k" * 43 + "000000"
MOST_BYTES, MOST_EVENTS = 1024 * 1024, 1000
Identity = tuple[str, str, str]

STORED_BUT = ("garbage", "short", "reordered", "not_a_list", "cut", "empty")
"""Faults after the events were stored: nobody is told."""
NOT_STORED = ("429", "503", "500", "401", "404", "302")


@dataclass
class Central:
    """What is stored, what was asked, and what shall go wrong."""

    stored: dict[Identity, dict[str, Any]] = field(default_factory=dict)
    script: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    """Subscriptions that it does not know yet."""
    rejects: dict[str, str] = field(default_factory=dict)
    """Idempotency key → code."""
    poison: set[str] = field(default_factory=set)
    """Idempotency keys that make it refuse a whole batch with 422."""
    retry_after: str = "0"
    slow_seconds: float = 0.0
    requests: list[int] = field(default_factory=list)
    """The number of events of each request."""
    sizes: list[int] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def total(self) -> Decimal:
        return sum((Decimal(event["quantity"]) for event in self.stored.values()), Decimal(0))

    def forget(self) -> None:
        """Begin anew, under the same address."""
        with self.lock:
            new = Central()
            for one in fields(self):
                if one.name not in ("lock", "running"):
                    setattr(self, one.name, getattr(new, one.name))

    def answer(self, body: bytes, key: str) -> Response:
        with self.lock:
            fault = self.script.pop(0) if self.script else ""
            if key != f"Bearer {KEY}":
                fault = "401"
            if fault in NOT_STORED:
                headers = {"Retry-After": self.retry_after, "Location": "/elsewhere"}
                return problem(int(fault), f"scripted {fault} {key}", headers, "no such key.")
            events = json.loads(body)["events"]
            self.requests.append(len(events))
            self.sizes.append(len(body))
            if len(body) > MOST_BYTES or len(events) > MOST_EVENTS:
                return problem(413, "too large", {})
            if any(event["idempotency_key"] in self.poison for event in events):
                return problem(422, "poison", {})
            return spoilt(fault, [self._result(event) for event in events])

    def _result(self, event: dict[str, Any]) -> dict[str, Any]:
        identity = (event["external_subscription_id"], event["metric"], event["idempotency_key"])
        said: dict[str, Any] = {"idempotency_key": identity[2]}
        if identity[0] in self.unknown:
            return said | {"status": "rejected", "code": "unknown_subscription", "reason": "no such subscription"}
        if identity[2] in self.rejects:
            return said | {
                "status": "rejected",
                "code": self.rejects[identity[2]],
                "reason": "scripted",
                "pointer": "/events/0",
            }
        if identity not in self.stored:
            self.stored[identity] = event
            return said | {"status": "accepted", "is_late": False}
        if self.stored[identity] != event:
            return said | {"status": "conflict", "code": "conflict", "reason": "stored with other content"}
        return said | {"status": "duplicate", "is_late": False}

    def app(self) -> Starlette:
        async def usage(request: Request) -> Response:
            body = await request.body()
            self.running += 1
            self.most_at_once = max(self.most_at_once, self.running)
            try:
                await asyncio.sleep(self.slow_seconds)
                return self.answer(body, request.headers.get("authorization", ""))
            finally:
                self.running -= 1

        return Starlette(routes=[Route("/v1/usage", usage, methods=["POST"])])


def spoilt(fault: str, results: list[dict[str, Any]]) -> Response:
    counts = Counter(str(result["status"]) for result in results)
    whole = {"results": results, **{name: counts[name] for name in ("accepted", "duplicate", "conflict", "rejected")}}
    content = json.dumps(whole).encode()
    spoilt_answers: dict[str, Response] = {
        "garbage": Response(b"\x00<html>", media_type="application/json"),
        "short": JSONResponse(whole | {"results": results[:-1]}),
        "reordered": JSONResponse(whole | {"results": [{**result, "idempotency_key": "another"} for result in results]}),
        "not_a_list": JSONResponse([]),
        "cut": Response(content[: len(content) // 2], media_type="application/json"),
        "empty": Response(status_code=202),
    }
    return spoilt_answers.get(fault, JSONResponse(whole))


def problem(status: int, title: str, headers: dict[str, str], detail: str = "") -> Response:
    said = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(said, status_code=status, headers=headers, media_type="application/problem+json")


@contextmanager
def central_side(script: Sequence[str] = ()) -> Iterator[tuple[Central, str]]:
    central = Central(script=list(script))
    with serving(central.app()) as url:
        yield central, url
