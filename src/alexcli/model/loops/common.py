"""The common base of all compiled loops: compilation options and array types.

Each loop reads its input once and writes its result once; intermediate values stay in the cache.
The loops release Python's lock, so that threads can run them in parallel. These rules make LLVM
vectorise them:

- The channels of a position are copied in blocks of LANES: a loop of constant length has no scalar
  remainder. The last block may overlap the one before; it then copies the same values again.
- The compiler must know that an index is at least 0: it is a loop counter, or marked by `index`.
  Numba treats an index that may be negative as counting from the end.
- A loop writes to one or two arrays, unconditionally: a conditional store is slow. With more arrays
  LLVM can no longer prove that they do not overlap.

Arrays are flat, and loops replace array expressions, which take long to compile.

The files of this package import numba, which takes 0.3 seconds; `alexcli.model.compiled` imports
them when a net is first used on a CPU.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]
"""float32 or float64, contiguous."""
Places = npt.NDArray[np.uint8]
"""Position of each maximum in its pooling window, counted row by row, or CUT_OFF."""

LANES = 16
"""Channels of a block: in float32, one register of AVX-512 or two of AVX2."""

index = np.uintp
"""Marks an index as not negative."""

F = TypeVar("F", bound=Callable[..., Any])


OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""A division by 0 gives infinity, as in torch; a check would be a branch in every loop."""


def compiled(function: F) -> F:
    """Compile the function to machine code, cached on disk."""
    jit: Any = numba.njit(cache=True, **OPTIONS)
    return cast(F, jit(function))


def inner(function: F) -> F:
    """Compile the function to machine code that only compiled functions can call."""
    # Wrappers for callers in Python and C would double the compile time.
    options = OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    jit: Any = numba.njit(**options)
    return cast(F, jit(function))


@inner
def copy(source: Floats, target: Floats) -> None:
    """target = source."""
    for q in range(len(target)):
        target[q] = source[q]
