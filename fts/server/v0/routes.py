"""All routes of ``/v0``, and the condition under which they are served."""

from __future__ import annotations

from collections.abc import Sequence

from fts.exchange.terms import ForwardTerms
from fts.ports.application import Terms
from fts.server.route import Route
from fts.server.v0 import auctions, auths, costs, events, outcomes, products, submissions

DESCRIPTION = (
    "The exchange seen as auths and costs: an auth is a portfolio with its own demand, a cost a demand shared by a "
    "group of auths. Every id is a UUID. Instants are RFC 3339 with an offset, written in UTC. A rate is signed: + "
    "buys, - sells. A token that is missing or bad is 401, a thing of someone else's 403, no such thing 404, an id "
    "that is taken 409."
)
ROUTES: Sequence[Route] = (
    *auths.ROUTES,
    *costs.ROUTES,
    *submissions.ROUTES,
    *products.ROUTES,
    *outcomes.ROUTES,
    *events.ROUTES,
    *auctions.ROUTES,
)


def is_served_by(application: Terms) -> bool:
    """Return True if an application has the default data types, which are the only ones of this contract."""
    kinds = ("demand_data", "portfolio_data", "product_data")
    return all(getattr(application, kind) is getattr(ForwardTerms, kind) for kind in kinds)
