"""The former name of :mod:`fts.models.parse_number`."""

from __future__ import annotations

from fts.models.parse_number import parse_number as read_number
from fts.models.parse_number import parse_numbers as read_numbers
from fts.models.parse_number import parse_tolerance as read_tolerance

__all__ = ["read_number", "read_numbers", "read_tolerance"]
