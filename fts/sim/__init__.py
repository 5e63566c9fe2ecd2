"""Simulated bidders, which see a market as a bidder does and submit bids."""
