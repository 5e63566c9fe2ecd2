"""Routes of the current contract, one module per resource."""
