"""The native engine: bids are eliminated exactly, one system of the size of the products is factored per step."""
