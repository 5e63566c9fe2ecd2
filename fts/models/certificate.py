"""The proof that travels with every outcome."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from fts.models import _repr_html

Status: TypeAlias = Literal["solved", "exact", "partly solved", "not solved", "other rule"]


@dataclass(frozen=True)
class Certificate:
    """The measures of how far prices and rates are from clearing the auction, without a unit.

    Attributes
    ----------
    status : {"exact", "solved", "partly solved", "not solved", "other rule"}
        Of :meth:`fts.Auction.certify`: ``solved``: imbalance, domain, consistency and gap are at most ``tol``;
        ``exact``: fit too. Of :meth:`fts.Auction.solve`: ``exact`` needs the canonical answer as well; ``solved``
        clears the auction, but float64 cannot hold the canonical choice; ``partly solved``: some connected parts have
        no answer. ``other rule``: another rule of clearing made the outcome, the measures are shown, not required.
    imbalance : float
        Largest net trade of a product, against its traded volume.
    domain : float
        Largest distance of a demand's rate from its domain, against its size.
    consistency : float
        Largest difference between a portfolio's price and the marginal prices of its demands.
    gap : float
        Gains from trade that better responses to the prices would add, against money traded.
    fit : float
        Least relative change of the curves for which this is their exact clearing.
    welfare : float
        Gains from trade [money / time].
    tol : float
        The tolerance that ``status`` was judged with.
    iterations : int
        Steps the engine took; 0 where unknown.
    seconds : float
        Wall time of the solve [s].
    """

    status: Status
    imbalance: float
    domain: float
    consistency: float
    gap: float
    fit: float
    welfare: float
    tol: float
    iterations: int = 0
    seconds: float = 0.0

    @property
    def solved(self) -> bool:
        """True if the status is ``solved`` or ``exact``."""
        return self.status in ("solved", "exact")

    def to_json(self) -> dict[str, Any]:
        """Return the certificate as a flat JSON object."""
        return asdict(self)

    def _repr_html_(self) -> str:
        return _repr_html.certificate(self)
