"""How much one request may bring, and how many there may be."""

from __future__ import annotations

from dataclasses import dataclass, fields

from fts.errors import ConfigurationError


@dataclass(frozen=True)
class Limits:
    """Bounds on what requests bring; beyond them a request is refused.

    Attributes
    ----------
    body : int
        Largest body [bytes]; 413 beyond.
    points : int
        Most points of one curve; 422 beyond.
    seconds : float
        Longest time for a body to arrive, 408 beyond, and again for its reply to be made, 503 beyond [s].
    bulk_rows : int
        Most rows of a bulk body, which may have 16 times as many bytes; 413 beyond.
    rate : float
        Requests with one token [1/s], at most those of one second at once; 429 beyond. Infinite: any number.

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
