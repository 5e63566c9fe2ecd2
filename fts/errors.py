"""Errors of a market, as one tree.

Every message says which rule was broken, where, and what to do. The shell prints it as one line,
the server sends it as ``{"detail": …}``; only the edges decide about exit status and HTTP status.

FtsError
├── InvalidInput               something offered to the market breaks a rule
│   ├── InvalidCurve, InvalidWeights, InvalidAuction, InvalidOutcome, InvalidFile, InvalidInstant
│   ├── UnknownReference       weights name a product or demand that is not there, or not yours
│   └── UnboundedAuction       a cycle of trades has a profit and no limit
├── NotSolved                  no answer met its tolerance
├── MissingLibrary             an optional library is not installed
├── MissingLicence             an engine is installed but not licensed
├── ConfigurationError         a setting cannot be used
├── NotFound, AlreadyExists, AlreadyPartitioned, SpanTaken, NotPermitted
├── StoreError                 the market file cannot be used
│   └── StoreBusy, SchemaMismatch, UnitsMismatch, ReadOnlyStore, ForkedStore
└── RequestFailed              an exchange answered a client with an error; `fts.client` has a class for each status
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class FtsError(Exception):
    """Root of all errors that ``fts`` raises on purpose.

    Every one can be copied and pickled, so that it comes back whole from another process.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        # A class may have a constructor of its own, which takes other arguments than the message.
        reduced = super().__reduce__()
        return _restore, (type(self), self.args), *reduced[2:]


class InvalidInput(FtsError, ValueError):
    """Something offered to the market breaks a rule."""


class InvalidCurve(InvalidInput):
    """A demand curve rises, excludes rate 0, is empty or holds a number that is not finite."""


class InvalidWeights(InvalidInput):
    """Weights are not in one of the three written forms, or hold a number that is not finite."""


class InvalidAuction(InvalidInput):
    """The parts of an auction do not fit together."""


class InvalidOutcome(InvalidInput):
    """Prices and rates of an outcome contradict each other or their auction."""


class InvalidFile(InvalidInput):
    """A file is not what its name or format promises."""


class InvalidInstant(InvalidInput):
    """A text is not an instant with offset, or not a duration."""


class UnknownReference(InvalidInput):
    """Weights name a product or a demand that does not exist or belongs to someone else."""


class UnboundedAuction(InvalidInput):
    """A cycle of trades has a profit and nothing limits it.

    Attributes
    ----------
    products, demands, portfolios : tuple of str
        The members of one such cycle.
    """

    def __init__(self, products: Sequence[str], demands: Sequence[str], portfolios: Sequence[str]) -> None:
        self.products, self.demands, self.portfolios = tuple(products), tuple(demands), tuple(portfolios)
        super().__init__(
            "the auction is unbounded: trading "
            f"portfolios {_listed(self.portfolios)} against each other earns a profit at any size, "
            f"through demands {_listed(self.demands)} and products {_listed(self.products)}; "
            "give one of these demands a bound, or change its price"
        )


class NotSolved(FtsError):
    """No answer met its tolerance.

    Attributes
    ----------
    outcome : Outcome or None
        The best point that was reached, with its certificate.
    """

    def __init__(self, message: str, outcome: Any = None) -> None:
        self.outcome = outcome
        super().__init__(message)


class MissingLibrary(FtsError, ImportError):
    """An optional library is not installed."""


class MissingLicence(FtsError):
    """An engine is installed but has no licence."""


class ConfigurationError(FtsError):
    """A setting cannot be used."""


class NotFound(FtsError, LookupError):
    """No thing has this id."""


class AlreadyExists(FtsError):
    """The id is taken."""


class AlreadyPartitioned(FtsError):
    """The product was split before; a product is split once."""


class SpanTaken(FtsError):
    """Batches of this span of time have been run before."""


class NotPermitted(FtsError):
    """The token does not allow this."""


class StoreError(FtsError):
    """The market file cannot be used."""


class StoreBusy(StoreError):
    """The market file is open in this process already, or in another one."""


class SchemaMismatch(StoreError):
    """The market file was made by another version of the schema, or is no market file."""


class UnitsMismatch(StoreError):
    """The market file was made with other units."""


class ReadOnlyStore(StoreError):
    """The market file cannot be written."""


class ForkedStore(StoreError):
    """The market was opened by another process, from which this one was forked."""


class RequestFailed(FtsError):
    """An exchange answered with an error.

    Attributes
    ----------
    status : int
        The HTTP status.
    detail : str
        What the exchange said.
    """

    def __init__(self, status: int, detail: str) -> None:
        self.status, self.detail = status, detail
        super().__init__(f"the exchange answered {status}: {detail}")


def _restore(kind: type[FtsError], args: tuple[Any, ...]) -> FtsError:
    """Make an error from the arguments of the built-in exception below it; its attributes follow."""
    error = kind.__new__(kind, *args)
    super(FtsError, error).__init__(*args)
    return error


def _listed(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
