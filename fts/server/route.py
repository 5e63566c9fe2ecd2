"""Declaration of a route: its parameters, its authorization, its handler and its responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fts.errors import FtsError
from fts.ports.application import Application
from fts.ports.store import Transaction
from fts.server.context import RequestContext
from fts.server.errors import BadRequest
from fts.server.parameters import Parameter
from fts.server.request_body import Body
from fts.server.responses import Reply


@dataclass(frozen=True)
class Route:
    """One method of one path.

    Attributes
    ----------
    method, path : str
    title : str
        Summary in a few words.
    reply : Reply
        Writes the result as a response.
    handler : callable, optional
        ``(context) -> result``; called after all checks.
    command : callable, optional
        ``(context) -> (transaction) -> result``, instead of a handler: a change of the market. Commands that arrive
        together are committed together.
    nonblocking : bool
        True if ``handler`` uses memory only, so that the event loop may call it.
    cache_until_batch : bool
        True if the result is the same for all tokens until the next batch, so that the response is cached.
    load_nonblocking : bool
        True if ``load`` uses memory only.
    body : callable, optional
        ``(application) -> Body``; None: the route takes no body.
    query, header : mapping of str to Parameter
    public : bool
        True if the route needs no token.
    missing_token_error : type of error
        Raised for a request without a token.
    public_on_loopback : bool
        True if a program on this machine needs no token.
    authorize : callable, optional
        ``(context) -> None``; raises `NotPermitted` if the token lacks the permission.
    load : callable, optional
        ``(context) -> resource`` that the path names; raises `NotFound`.
    authorize_resource : callable, optional
        As ``authorize``, after the resource is loaded.
    error_responses : mapping of int to str
        Further error statuses, each with its reason.
    no_timeout : bool
        True if the handler may take any time, as a batch does.
    """

    method: str
    path: str
    title: str
    reply: Reply
    handler: Callable[[RequestContext], Any] | None = None
    command: Callable[[RequestContext], Callable[[Transaction], Any]] | None = None
    nonblocking: bool = False
    cache_until_batch: bool = False
    load_nonblocking: bool = True
    body: Callable[[Application], Body] | None = None
    query: Mapping[str, Parameter] = field(default_factory=dict)
    header: Mapping[str, Parameter] = field(default_factory=dict)
    public: bool = False
    missing_token_error: type[FtsError] = BadRequest
    public_on_loopback: bool = False
    authorize: Callable[[RequestContext], None] | None = None
    load: Callable[[RequestContext], Any] | None = None
    authorize_resource: Callable[[RequestContext], None] | None = None
    error_responses: Mapping[int, str] = field(default_factory=dict)
    no_timeout: bool = False


def take_only(command: Callable[[Transaction], list[Any]]) -> Callable[[Transaction], Any]:
    """Wrap a command that returns a list of one record, so that it returns the record."""
    return lambda transaction: command(transaction)[0]
