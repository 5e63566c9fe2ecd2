"""Dashboards of an exchange in the browser; they use it only through ``fts.client``."""
