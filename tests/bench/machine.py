"""The machine under a benchmark: its linear algebra, its threads, and the memory a call takes."""

from __future__ import annotations

import ctypes
import gc
import platform
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np
import scipy

# Each brings its own OpenBLAS, with its own names.
LIBRARIES: tuple[tuple[ModuleType, str], ...] = ((np, "64_"), (scipy, ""))


def blas(threads: int) -> str:
    """Give every OpenBLAS so many threads; its kernel and the threads it then has."""
    said = []
    for module, suffix in LIBRARIES:
        found = list(Path(str(module.__file__)).parents[1].glob(f"{module.__name__}.libs/*openblas*"))
        if not found:
            name = module.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
            said.append(f"{module.__name__}: {name}, threads as they are")
            continue
        library = ctypes.CDLL(str(found[0]))
        getattr(library, f"scipy_openblas_set_num_threads{suffix}")(threads)
        corename = getattr(library, f"scipy_openblas_get_corename{suffix}")
        corename.restype = ctypes.c_char_p
        count = getattr(library, f"scipy_openblas_get_num_threads{suffix}")()
        said.append(f"{module.__name__}: OpenBLAS, kernel {corename().decode()}, {count} threads")
    return "; ".join(said)


def versions(*libraries: str) -> str:
    """Python's and the libraries' versions."""
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in libraries)])


class Memory:
    """The largest resident size of this process since it was last reset; NaN where the system does not tell."""

    def __init__(self) -> None:
        self._known = Path("/proc/self/clear_refs").exists()

    def reset(self) -> None:
        """Start again from what is in use now, after what is free has been given back."""
        gc.collect()
        if self._known:
            ctypes.CDLL(None).malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")

    def peak(self) -> float:
        """Megabytes (1e6 bytes)."""
        if not self._known:
            return float("nan")
        (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024 / 1e6
