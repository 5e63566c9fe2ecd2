"""Names of 0.1 that a user may have used: each works for one release, with a warning that names the new one."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from fts.server import JwtApplication, request_log
from fts.server.jwt_application import Identity, is_nonblocking, write_token

SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = write_token(SECRET, UUID(int=1), issued=datetime.now(UTC))


def test_the_formatter_of_the_log() -> None:
    from fts.server import journal

    with pytest.warns(DeprecationWarning, match="fts.server.request_log.JsonLines"):
        assert journal.JsonLines is request_log.JsonLines
    with pytest.raises(AttributeError, match="Journal"):
        journal.Journal  # noqa: B018  (the look-up itself is the test)


def test_holder_is_identify() -> None:
    with pytest.warns(DeprecationWarning, match="identify"):
        assert JwtApplication(SECRET).holder(TOKEN) == Identity(UUID(int=1), False)


def test_a_subclass_that_overrides_holder_still_decides() -> None:
    with pytest.warns(DeprecationWarning, match="Closed.holder is now called identify"):

        class Closed(JwtApplication):
            def holder(self, token: str) -> Identity | None:
                return None

    assert not Closed(SECRET).can_view_products(TOKEN)
    assert not is_nonblocking(Closed(SECRET)) and is_nonblocking(JwtApplication(SECRET))
