"""What all tests share."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

# How long one example takes says nothing on a shared machine.
settings.register_profile("default", deadline=None, print_blob=True)
# Whether a change passes does not depend on luck; new markets are drawn at every desk, and in `make soak`.
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("soak", deadline=None, print_blob=True, max_examples=3334)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make soak`."""
    parser.addoption("--soak", action="store_true", help="run the tests marked soak at their full length")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests that drive a browser."""
    if "browser" in getattr(item, "fixturenames", ()):
        item.add_marker("browser")


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> bool:
    """Whether this run takes its time."""
    return bool(request.config.getoption("--soak"))


# A shell starts what it runs in the background with Ctrl-C ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
