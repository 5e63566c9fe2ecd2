"""The words of a market as values: curves, portfolios, auctions, outcomes. Values that exist are valid."""
