"""Bounds on the size and the rate of requests."""

from __future__ import annotations

from dataclasses import dataclass, fields

from fts.errors import ConfigurationError


@dataclass(frozen=True)
class Limits:
    """Bounds on requests; a request beyond one of them is refused.

    Attributes
    ----------
    body : int
        Largest body [bytes]; beyond it 413.
    points : int
        Largest number of points of one curve; beyond it 422.
    seconds : float
        Longest time for a body to arrive (beyond it 408), and again for the response (beyond it 503) [s].
    bulk_rows : int
        Largest number of rows of a bulk body, which may have 16 times as many bytes; beyond it 413.
    rate : float
        Requests with one token [1/s], with a burst of one second; beyond it 429. Infinite: unlimited.

    Raises
    ------
    ConfigurationError
        A limit is not above zero.
    """

    body: int = 2 * 1024 * 1024
    points: int = 10_000
    seconds: float = 30.0
    bulk_rows: int = 20_000
    rate: float = 5_000.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ConfigurationError(f"the limit {field.name!r} is {value!r}; give a number above 0")
