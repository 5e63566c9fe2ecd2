from __future__ import annotations

import sys
from pathlib import Path

# The benchmarks are scripts: they find each other in their own folder.
sys.path.insert(0, str(Path(__file__).parent))
