"""Files that can be regenerated at any time, in $ALEXCLI_CACHE (default: ~/.cache/alexcli)."""

import contextlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from alexcli.data.npz import write_arrays
from alexcli.errors import UsageError
from alexcli.files import CACHE_HINT, atomic_path, cache_dir, writing

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
    with cache_lock(path):
        if not path.exists():
            arrays = make()
            with (
                writing(f"the cache file {path}", hint=CACHE_HINT),
                atomic_path(path) as temporary,
                temporary.open("wb") as file,
            ):
                write_arrays(file, arrays)
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"the cache file {path} is damaged: {error}", hint=f"remove it: rm {path}"
        ) from error


def cache_lock(path: Path) -> contextlib.AbstractContextManager[object]:
    """Hold the lock of a file in the cache, so that only one process makes it.

    Raises:
        UsageError: the folder of the file cannot be written; errors of the block stay as they are.
    """
    with writing(f"the cache file {path}", hint=CACHE_HINT):
        path.parent.mkdir(exist_ok=True)
        return FileLock(path.with_suffix(".lock")).acquire()
