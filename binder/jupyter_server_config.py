"""Jupyter's configuration in the image: what its proxy shows of the market that ``start`` has started."""

import os

from traitlets.config import get_config

c = get_config()

c.ServerApp.default_url = "/lab/tree/notebooks/01_quickstart.ipynb"
c.ServerProxy.servers = {
    "exchange": {
        "port": int(os.environ.get("FTS_EXCHANGE_PORT", "8080")),
        "launcher_entry": {"title": "Exchange (REST)", "path_info": "exchange/docs"},
    },
    # Panel needs to know the address under which it is seen, so it gets the whole path.
    "dashboard": {
        "port": int(os.environ.get("FTS_DASHBOARD_PORT", "5006")),
        "absolute_url": True,
        "launcher_entry": {"title": "Dashboard", "path_info": "dashboard/"},
    },
}
