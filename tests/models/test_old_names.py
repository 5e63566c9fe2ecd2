"""Names of 0.1 that a user may have used: each works for one release, with a warning that names the new one."""

from __future__ import annotations

import pytest

from fts.models import trade, v0


def test_a_trade_is_a_word_of_the_older_contract() -> None:
    with pytest.warns(DeprecationWarning, match="fts.models.v0.Trade"):
        assert trade.Trade is v0.Trade
    with pytest.raises(AttributeError, match="Trades"):
        trade.Trades  # noqa: B018  (the look-up itself is the test)
