"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# How long one example takes says nothing on a shared machine.
settings.register_profile("default", deadline=None, print_blob=True)
settings.register_profile("soak", deadline=None, print_blob=True, max_examples=2000)
settings.load_profile("default")
