"""Names of 0.1 that still work for one release, each with a warning that names the new one."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])


def old_name(old: str, method: Method, new: str) -> Method:
    """Make a method that warns and calls the renamed one."""

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(f"{old} is now called {new}; call that", DeprecationWarning, stacklevel=2)
        return method(*args, **kwargs)

    alias: Any = call
    result: Method = alias
    return result


def status_callback(
    on_status: Callable[[str | None], None] | None, told: Callable[[str | None], None] | None
) -> Callable[[str | None], None] | None:
    """Return the callback of a stream; ``told`` is its old name."""
    if told is None:
        return on_status
    warnings.warn("the argument told is now called on_status; use that", DeprecationWarning, stacklevel=3)
    return told
