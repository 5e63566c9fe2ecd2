"""Simulated bidders: they see a market as a bidder does and answer with bids."""
