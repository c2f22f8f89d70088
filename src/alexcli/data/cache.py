"""Files that can be regenerated at any time, in $ALEXCLI_CACHE (default: ~/.cache/alexcli)."""

import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from alexcli.data.npz import write_arrays
from alexcli.errors import UsageError
from alexcli.files import CACHE_HINT, atomic_path, cache_dir

Arrays = Mapping[str, npt.NDArray[Any]]
"""Arrays by name, as in an npz file."""


def cached(name: str, make: Callable[[], Arrays]) -> dict[str, npt.NDArray[Any]]:
    """Arrays from the cache, computed at first use; parallel runs wait for the one that does so.

    The file is written completely or not at all, even if the run is killed. Arrays of objects are
    neither written nor read, so reading executes no code.

    Args:
        name: name of the file in the cache, without its extension.
        make: computes the arrays.

    Raises:
        UsageError: the file cannot be written, or is damaged.
    """
    path = cache_dir() / f"{name}.npz"
    try:
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                arrays = make()
                with atomic_path(path) as temporary, temporary.open("wb") as file:
                    write_arrays(file, arrays)
    except OSError as error:
        raise UsageError(
            f"the cache file {path} cannot be written: {error.strerror}", hint=CACHE_HINT
        ) from error
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"the cache file {path} is damaged: {error}", hint=f"remove it: rm {path}"
        ) from error
