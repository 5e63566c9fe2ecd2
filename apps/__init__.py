"""Dashboards of an exchange, in the browser; they know it only through ``fts.client``."""
