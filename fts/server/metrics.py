"""What the exchange tells a monitor about itself: counts and times, nobody's bids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from fts.models.records import BatchRecord

MEASURES = ("imbalance", "domain", "consistency", "gap", "fit")
"""Of a certificate; the welfare stays out, which in a small market tells what somebody bid."""
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BATCH_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
STORED: Mapping[str, str] = {
    "products": "Products ever made",
    "demands": "Demands ever made",
    "portfolios": "Portfolios ever made",
    "curves": "Curves ever given to demands, when they were made or later",
    "weights": "Demand and product weights ever given to portfolios, when they were made or later",
}
"""What is counted in the market's file, by whichever way it came there; so it goes on after a restart."""


class Metrics:
    """The measures of one exchange, as a Prometheus server reads them.

    Parameters
    ----------
    stored : callable
        Counts of what the market's file holds, by the names of `STORED`.
    readers, waiting : callable
        How many follow the events, and how many changes of bids wait to be stored.
    """

    def __init__(
        self, stored: Callable[[], Mapping[str, int]], readers: Callable[[], int], waiting: Callable[[], int]
    ) -> None:
        # A registry of its own: one process may run two exchanges.
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
        Gauge("fts_event_readers", "Readers of events now", registry=self._registry).set_function(readers)
        Gauge("fts_changes_waiting", "Changes of bids that wait to be stored", registry=self._registry).set_function(
            waiting
        )
        self._registry.register(Stored(stored))
        ProcessCollector(registry=self._registry)

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """A reply began.

        Parameters
        ----------
        method, path : str
            Of the route, its parameters unfilled; empty where there is no such route.
        status : int
        seconds : float
            Since the request came [s].
        """
        self._requests.labels(method, path, str(status)).inc()
        self._seconds.labels(method, path).observe(seconds)

    def cleared(self, record: BatchRecord) -> None:
        """A batch was run."""
        self._batches.labels(record.status).inc()
        self._clearing.observe(record.seconds)
        self._instant.set(record.instant.timestamp())
        for thing in ("products", "demands", "portfolios"):
            self._size.labels(thing).set(getattr(record, thing))
        if record.certificate is None:
            self._certificate.clear()
            return
        for measure in MEASURES:
            self._certificate.labels(measure).set(getattr(record.certificate, measure))

    def text(self) -> str:
        """All measures in Prometheus's text format."""
        return generate_latest(self._registry).decode()


class Stored(Collector):
    """Counts of the market's file, taken when someone asks.

    Parameters
    ----------
    counts : callable
    """

    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts

    def describe(self) -> list[Metric]:
        """The counts there will be; none is taken yet."""
        return [CounterMetricFamily(f"fts_{name}", told) for name, told in STORED.items()]

    def collect(self) -> Iterator[Metric]:
        """The counts of now."""
        counts = self._counts()
        for name, told in STORED.items():
            yield CounterMetricFamily(f"fts_{name}", told, value=counts[name])
