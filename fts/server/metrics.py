"""Metrics of the exchange for Prometheus: counts and times, without data of any bid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from fts.models.records import BatchRecord

MEASURES = ("imbalance", "domain", "consistency", "gap", "fit")
"""Measures of a certificate; without the welfare, which in a small market reveals bids."""
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BATCH_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
STORED: Mapping[str, str] = {
    "products": "Products ever made",
    "demands": "Demands ever made",
    "portfolios": "Portfolios ever made",
    "curves": "Curves ever given to demands, when they were made or later",
    "weights": "Demand and product weights ever given to portfolios, when they were made or later",
}
"""Counts that are read from the market's file, so that they continue after a restart."""


class Metrics:
    """Metrics of one exchange, in Prometheus's format.

    Parameters
    ----------
    stored : callable
        Returns the counts of the market's file, by the names of `STORED`.
    subscribers : callable
        Returns the number of topics that have a subscriber.
    pending : callable
        Returns the number of changes that wait for a commit.
    """

    def __init__(
        self, stored: Callable[[], Mapping[str, int]], subscribers: Callable[[], int], pending: Callable[[], int]
    ) -> None:
        # Each exchange has its own registry, because one process may run two exchanges.
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "fts_requests", "Requests answered", ["method", "path", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "fts_request_seconds",
            "Time until a reply began [s]",
            ["method", "path"],
            buckets=REQUEST_SECONDS,
            registry=self._registry,
        )
        self._batches = Counter("fts_batches", "Batches run", ["status"], registry=self._registry)
        self._clearing = Histogram(
            "fts_batch_seconds", "Time to clear a batch [s]", buckets=BATCH_SECONDS, registry=self._registry
        )
        self._certificate = Gauge(
            "fts_certificate", "Measures of the last batch's certificate", ["measure"], registry=self._registry
        )
        self._size = Gauge("fts_batch_size", "What took part in the last batch", ["thing"], registry=self._registry)
        self._instant = Gauge(
            "fts_batch_instant_seconds", "Instant of the last batch [s since 1970]", registry=self._registry
        )
        Gauge("fts_event_readers", "Readers of events now", registry=self._registry).set_function(subscribers)
        Gauge("fts_changes_waiting", "Changes of bids that wait to be stored", registry=self._registry).set_function(
            pending
        )
        self._registry.register(StoredCounts(stored))
        ProcessCollector(registry=self._registry)

    def count_response(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a response that started.

        Parameters
        ----------
        method, path : str
            Method and path of the route, with the names of its parameters; empty if there is no route.
        status : int
        seconds : float
            Time since the request arrived [s].
        """
        self._requests.labels(method, path, str(status)).inc()
        self._seconds.labels(method, path).observe(seconds)

    def record_batch(self, record: BatchRecord) -> None:
        """Record a batch."""
        self._batches.labels(record.status).inc()
        self._clearing.observe(record.seconds)
        self._instant.set(record.instant.timestamp())
        for entity in ("products", "demands", "portfolios"):
            self._size.labels(entity).set(getattr(record, entity))
        if record.certificate is None:
            self._certificate.clear()
            return
        for measure in MEASURES:
            self._certificate.labels(measure).set(getattr(record.certificate, measure))

    def text(self) -> str:
        """Write all metrics in Prometheus's text format."""
        return generate_latest(self._registry).decode()


class StoredCounts(Collector):
    """Counts of the market's file, read at each collection.

    Parameters
    ----------
    counts : callable
    """

    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts

    def describe(self) -> list[Metric]:
        """Describe the metrics without reading the counts."""
        return [CounterMetricFamily(f"fts_{name}", help_text) for name, help_text in STORED.items()]

    def collect(self) -> Iterator[Metric]:
        """Read the counts."""
        counts = self._counts()
        for name, help_text in STORED.items():
            yield CounterMetricFamily(f"fts_{name}", help_text, value=counts[name])
