"""Writing npz files, and reading untrusted ones.

numpy trusts the type and size in the header of an array, and allocates that much memory. Here each
header is checked against the expected type and size before its array is read.
"""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from alexcli.errors import plural


class Expected(NamedTuple):
    """The expected type and shape of an array in a file."""

    kinds: str
    """Allowed values of numpy's `dtype.kind`, such as `i` for integers and `f` for floats."""
    shape: tuple[int | None, ...]
    """Length of each dimension; None for any length."""


def write_arrays(
    file: Path | IO[bytes], arrays: Mapping[str, npt.ArrayLike], *, is_compressed: bool = False
) -> None:
    """Write arrays as an npz file.

    Args:
        file: a path that ends in .npz, or a file to write to.
        arrays: by name.
        is_compressed: whether to compress them; `read_arrays` then refuses them.

    Raises:
        ValueError: an array holds objects, which would be pickled.
        OSError: the file cannot be written.
    """
    converted = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in converted.items():
        if array.dtype.hasobject:
            raise ValueError(f"{name} is an array of objects")
    # Not with allow_pickle=False: numpy 1.26 lacks it, and writes an array of that name.
    save: Callable[..., None] = np.savez_compressed if is_compressed else np.savez
    save(file, **converted)


def read_arrays(
    content: bytes, expected: Mapping[str, Expected]
) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays of an npz file, as np.savez writes them.

    Args:
        content: the bytes of the file.
        expected: type and shape of each array by name; other arrays are not read.

    Raises:
        ValueError: the file is damaged, or an array is missing or not as expected.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: _read(archive, name, of) for name, of in expected.items()}
    except (EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile) as error:
        raise ValueError(str(error)) from error


def _read(archive: zipfile.ZipFile, name: str, expected: Expected) -> npt.NDArray[np.generic]:
    if f"{name}.npy" not in archive.namelist():
        raise ValueError(f"there is no {name}")
    entry = archive.getinfo(f"{name}.npy")
    # A few compressed bytes can expand to any number of zeros.
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    with archive.open(entry) as file:
        shape, dtype = _read_header(file)
        if dtype.kind not in expected.kinds:
            raise ValueError(f"{name} is an array of {dtype}")
        if not _fits(shape, expected.shape):
            raise ValueError(f"{name} has the shape {shape}, not {_described(expected.shape)}")
        content = file.read()
    count = int(np.prod(np.array(shape, object))) if shape else 1  # Python ints do not overflow
    if len(content) != count * dtype.itemsize:
        raise ValueError(f"{name} has {plural(len(content), 'byte')} for the shape {shape}")
    return np.frombuffer(content, dtype).reshape(shape).copy()


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read shape and dtype of an array in C order; the file is then at its first byte."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"an array in the version {version} of numpy's format")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
    if fortran_order or dtype.hasobject:
        raise ValueError(f"an array of {dtype} that cannot be read")
    return shape, dtype


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(
        length >= 0 and wanted in (None, length)
        for length, wanted in zip(shape, expected, strict=True)
    )


def _described(shape: tuple[int | None, ...]) -> str:
    return str(tuple("any" if length is None else length for length in shape)).replace("'", "")
