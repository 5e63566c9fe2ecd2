"""State of an object without what can be computed again, for pickling and copying."""

from __future__ import annotations

from functools import cached_property
from typing import Any


def state_of(thing: Any) -> dict[str, Any]:
    """Attributes of an object by name, without the cached properties; they are computed again when they are read."""
    kind = type(thing)
    return {
        name: value for name, value in vars(thing).items() if not isinstance(getattr(kind, name, None), cached_property)
    }
