"""What all compiled loops share: how they are compiled, and the types of their arrays.

Each loop reads its input once and writes its result once; what lies between stays in the cache.
They release Python's lock, so that threads can run them side by side. These habits make LLVM turn
them into vector instructions:

- The channels of a position are copied by blocks of LANES: a loop of constant length has no scalar
  rest. The last block may overlap the one before, and then copies the same again.
- An index is seen to be at least 0: it counts a loop, or is marked by `index`. Numba takes one
  that could be negative for one from the end.
- A loop writes one or two arrays, which it does not choose by what they hold: a conditional store
  is slow. With more arrays LLVM gives up telling them apart.

Arrays are flat, and loops take the place of array expressions, which take long to compile.

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
"""Places of maxima in their pooling windows, row by row, or CUT_OFF."""

LANES = 16
"""Channels of a block: one register of AVX-512 in float32, two of AVX2."""

index = np.uintp
"""Marks an index as not negative."""

F = TypeVar("F", bound=Callable[..., Any])


OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""A division by 0 gives infinity, as in torch: a check for it would be a branch in every loop."""


def compiled(function: F) -> F:
    """The function as machine code, which is kept in a cache on disk."""
    jit: Any = numba.njit(cache=True, **OPTIONS)
    return cast(F, jit(function))


def inner(function: F) -> F:
    """The function as machine code for other compiled functions alone."""
    # Without the wrappers for callers in Python and C, which take as long to compile as the rest.
    options = OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    jit: Any = numba.njit(**options)
    return cast(F, jit(function))


@inner
def copy(source: Floats, target: Floats) -> None:
    """target = source."""
    for q in range(len(target)):
        target[q] = source[q]
