"""Whether the compiled loops can be used, and calling them with tensors."""

import functools
import hashlib
import importlib
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alexcli.errors import AlexcliError
from alexcli.files import cache_dir

LEAST_CHANNELS = 16
"""Maps with fewer channels are left to torch: a block would reach into the next position."""

DTYPES = (torch.float32, torch.float64)


@functools.cache
def unavailable_reason() -> str | None:
    """Import the compiled loops and return why they cannot be used here; None if they can."""
    _choose_cache()
    try:
        importlib.import_module("alexcli.model.loops.norm")
        importlib.import_module("alexcli.model.loops.tail")
    except Exception as error:  # mismatched versions of numba and llvmlite fail in many ways
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None


def available() -> bool:
    """Whether this machine can run the compiled loops."""
    return unavailable_reason() is None


def norm_loops() -> Any:
    """The module of the response norm's loops, which must be available."""
    return importlib.import_module("alexcli.model.loops.norm")


def tail_loops() -> Any:
    """The module of the loops of a layer's tail, which must be available."""
    return importlib.import_module("alexcli.model.loops.tail")


def describe() -> str:
    """How response norms and pooling are computed on this machine, in a few words."""
    reason = unavailable_reason()
    return f"not compiled ({reason})" if reason else "compiled"


def first_use() -> str | None:
    """A note for a user who has to wait for the loops to be compiled; None if nobody waits."""
    if not available():
        return None
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    if any(folder.rglob("*.nbi")):  # numba's index of compiled functions
        return None
    return "compiling response norms and pooling for this processor, once: less than a minute"


def fits(x: Tensor) -> bool:
    """Whether the loops can process a map (N, C, ...) or vectors (N, C)."""
    return x.device.type == "cpu" and x.shape[1] >= LEAST_CHANNELS and available()


def norm_constants(dtype: Any, size: int, alpha: float, beta: float, k: float) -> Any:
    """The constants of a response norm, in the dtype of the map.

    Args:
        dtype: of numpy.
        size: channels in the window; 0 for no norm.
        alpha: strength, multiplied by each square.
        beta: exponent.
        k: additive constant, above 0.
    """
    # The 2012 code starts the window of channel i at i - floor(size / 2).
    return norm_loops().Norm(size, size // 2, dtype.type(alpha), dtype.type(beta), dtype.type(k))


class _Buffers(threading.local):
    """The buffers of a thread, allocated once: the loops leave them ready for the next call."""

    def __init__(self) -> None:
        self.by_size: dict[tuple[object, ...], Any] = {}

    def get(self, kind: Any, *sizes: Any) -> Any:
        """Buffers of a class of the loops.

        Args:
            kind: the class.
            sizes: arguments of its `allocate`.
        """
        key = (kind.__name__, *sizes)
        if key not in self.by_size:
            self.by_size[key] = kind.allocate(*sizes)
        return self.by_size[key]


_buffers = _Buffers()


def norm_buffers(channels: int, window: int, dtype: Any) -> Any:
    """This thread's buffers for response norms of maps with this number of channels."""
    return _buffers.get(norm_loops().NormBuffers, channels, window, dtype)


def pool_buffers(size: int, width: int, dtype: Any) -> Any:
    """This thread's buffers for pooling windows of a size, and rows of `width` elements."""
    return _buffers.get(tail_loops().PoolBuffers, size, width, dtype)


def rows(x: Tensor) -> "np.ndarray[Any, Any]":
    """The memory of a dense channels-last map, (N, H * W * C), or of vectors, (N, C)."""
    if x.dim() == 4:
        x = x.permute(0, 2, 3, 1)
    return x.detach().reshape(len(x), -1).numpy()


def _choose_cache() -> None:
    """Choose numba's cache folder, unless the user has set one.

    A change of any loop leads to a new folder: numba notices changes of the file that it compiles,
    but not of the files whose functions are called there.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    try:
        folder = str(cache_dir() / "numba" / sources_digest())
    except AlexcliError:  # a read-only home: the compiled code serves only this process
        folder = tempfile.mkdtemp(prefix="alexcli-numba-")
    os.environ["NUMBA_CACHE_DIR"] = folder


def sources_digest() -> str:
    """Eight hexadecimal digits of the source of all loops."""
    folder = Path(__file__).with_name("loops")
    sources = b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))
    return hashlib.sha256(sources).hexdigest()[:8]
