"""``python -m fts`` is ``fts``."""

from __future__ import annotations

import sys

from fts.cli import main

if __name__ == "__main__":
    sys.exit(main())
