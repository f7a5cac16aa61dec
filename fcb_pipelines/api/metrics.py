"""The server's own figures, as Prometheus reads them.

Owns: which figures there are, each with labels of few values: no subscription, no key, no path that somebody made up. Does not
own: when something is counted (counted, usage, writer).
"""

import platform
from collections import Counter as Counted
from collections.abc import Callable, Sequence
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from fcb_pipelines.domain.intake import Outcome, Result
from fcb_pipelines.store.standings import Counts

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_EVENTS = (0, 1, 10, 100, 500, 1000, 2000, 5000, 10_000)
_REQUESTS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


class Metrics:
    """The figures of one server, in a registry of its own."""

    def __init__(self) -> None:
        """Everything begins at zero."""
        self.registry = each = CollectorRegistry()
        self._requests = Counter("fcb_http_requests", "Requests answered.", ["route", "method", "status"], registry=each)
        self._seconds = Histogram(
            "fcb_http_request_seconds", "From request to answer.", ["route", "method"], buckets=_SECONDS, registry=each
        )
        self._events = Counter("fcb_usage_events", "Events by what became of them.", ["service", "outcome"], registry=each)
        self._waiting = Gauge("fcb_writer_waiting_requests", "Requests that wait to be stored.", registry=each)
        self._transaction_requests = Histogram(
            "fcb_writer_transaction_requests", "Requests stored in one transaction.", buckets=_REQUESTS, registry=each
        )
        self._transaction_events = Histogram(
            "fcb_writer_transaction_events",
            "Events that one transaction was to store.",
            buckets=_EVENTS,
            registry=each,
        )
        self._transaction_seconds = Histogram(
            "fcb_writer_transaction_seconds", "From begin to durable.", buckets=_SECONDS, registry=each
        )
        self._failures = Counter("fcb_writer_failed_transactions", "Transactions that were not stored.", registry=each)
        self._ready = Gauge("fcb_store_ready", "1 where our database answers and is of this version.", registry=each)
        self._deliveries = Gauge(
            "fcb_webhook_deliveries", "Messages to endpoints by how they stand.", ["service", "standing"], registry=each
        )
        self._due = Gauge("fcb_webhook_due", "Messages that should have been sent by now.", ["service"], registry=each)
        self._overdue = Gauge("fcb_webhook_overdue_seconds", "How long the longest of them is due.", ["service"], registry=each)
        self._untold = Gauge("fcb_notices_untold", "Notices that an operator was not told yet.", ["service"], registry=each)
        Info("fcb_build", "What runs.", registry=each).info(
            {"version": version("fcb_pipelines"), "python": platform.python_version()}
        )

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, method, status).inc()
        self._seconds.labels(route, method).observe(seconds)

    def took(self, service: str, results: Sequence[Result]) -> None:
        """Count the events of a request that was carried out."""
        for outcome, count in Counted(each.outcome for each in results).items():
            self._events.labels(service, outcome).inc(count)

    def stored(self, requests: int, events: int, seconds: float) -> None:
        """Count a transaction."""
        self._transaction_requests.observe(requests)
        self._transaction_events.observe(events)
        self._transaction_seconds.observe(seconds)

    def failed(self) -> None:
        """Count a transaction that was not stored."""
        self._failures.inc()

    def watch(self, services: Sequence[str], waiting: Callable[[], int]) -> None:
        """Show the events of each service from the beginning, and how many requests wait whenever the figures are read."""
        self._waiting.set_function(waiting)
        for service in services:
            for outcome in Outcome:
                self._events.labels(service, outcome)

    def stand(self, service: str, counts: Counts, untold: int) -> None:
        """Show how the messages of a service stand now."""
        for standing, count in counts.counts.items():
            self._deliveries.labels(service, standing).set(count)
        self._due.labels(service).set(counts.due)
        self._overdue.labels(service).set(0 if counts.overdue is None else counts.overdue.total_seconds())
        self._untold.labels(service).set(untold)

    def text(self, *, is_ready: bool) -> bytes:
        """All figures in Prometheus' text format."""
        self._ready.set(is_ready)
        return generate_latest(self.registry)
