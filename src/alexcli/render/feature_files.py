"""Files of features, written a batch at a time, so that memory use does not grow with the images.

Legend: N images, U outputs of a layer.
"""

import csv
import math
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from alexcli.files import atomic_path
from alexcli.records.features import FeatureBatch
from alexcli.render.escape import csv_cell

SUFFIXES = (".npz", ".npy", ".csv")
"""The formats that `write_features` writes."""
EARLIEST_DATE = (1980, 1, 1, 0, 0, 0)
"""Date of every member of a zip file, so that the same features always make the same file."""


def sidecar(path: Path) -> Path:
    """The csv of file names and labels beside an npy file, which holds only numbers."""
    return path.with_suffix(".files.csv")


def write_features(batches: Iterable[FeatureBatch], path: Path, layer: str) -> list[Path]:
    """Write features atomically, in the order in which they come.

    - npz: arrays `features` (N, U) float32, `files` and `labels` (N,) text, empty for an unknown
      label, `shape` of one image's features, such as C, H, W, and `layer`.
    - npy: the features alone, with a csv of files and labels beside them.
    - csv: columns file, label, and one for each output; the numbers are exact.

    Args:
        batches: at least one; they are requested one after another.
        path: the file; its suffix is one of SUFFIXES.
        layer: its name, for npz.

    Returns:
        The files that were written.

    Raises:
        OSError: a file cannot be written.
    """
    suffix = path.suffix.lower()
    with atomic_path(path) as temporary:
        if suffix == ".csv":
            _write_csv(batches, temporary)
            return [path]
        if suffix == ".npz":
            _write_npz(batches, temporary, layer)
            return [path]
        with temporary.open("wb") as file:
            rows = _write_array(batches, file)
        with atomic_path(sidecar(path)) as listing:
            _write_listing(rows, listing)
    return [path, sidecar(path)]


@dataclass
class Rows:
    """The files and labels of the rows of an array of features."""

    files: list[str] = field(default_factory=list)
    """As in FeatureBatch."""
    labels: list[str | None] = field(default_factory=list)
    """As in FeatureBatch."""
    shape: tuple[int, ...] = ()
    """Shape of one image's features."""


def _write_array(batches: Iterable[FeatureBatch], file: IO[bytes]) -> Rows:
    """Write features as npy, (N, U) float32, to a seekable file."""
    rows = Rows()
    for batch in batches:
        if not rows.files:
            rows.shape = batch.values.shape[1:]
            _write_header(file, 0, math.prod(rows.shape))
        file.write(np.ascontiguousarray(batch.values, dtype="<f4").tobytes())
        rows.files += batch.files
        rows.labels += batch.labels
    file.seek(0)
    # The number of rows is known only now; numpy's header has room for any.
    _write_header(file, len(rows.files), math.prod(rows.shape))
    return rows


def _write_header(file: IO[bytes], count: int, width: int) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, width)}
    np.lib.format.write_array_header_1_0(file, header)


def _write_npz(batches: Iterable[FeatureBatch], path: Path, layer: str) -> None:
    """Write features, files and labels; the array is buffered on disk to complete its header."""
    with (
        tempfile.TemporaryFile(dir=path.parent) as array,
        zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive,
    ):
        rows = _write_array(batches, array)
        array.seek(0)
        with _member(archive, "features") as member:
            shutil.copyfileobj(array, member)
        arrays = {
            "files": np.array(rows.files, dtype=np.str_),
            "labels": np.array([label or "" for label in rows.labels], dtype=np.str_),
            "shape": np.array(rows.shape, dtype=np.int64),
            "layer": np.array(layer, dtype=np.str_),
        }
        for name, values in arrays.items():
            with _member(archive, name) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """Open a new member of an npz file for writing."""
    info = zipfile.ZipInfo(f"{name}.npy", EARLIEST_DATE)
    return archive.open(info, "w", force_zip64=True)


def _write_csv(batches: Iterable[FeatureBatch], path: Path) -> None:
    """Write a row for each image; nine digits reproduce every float32."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, batch in enumerate(batches):
            values = batch.values.reshape(len(batch.files), -1)
            if number == 0:
                writer.writerow(["file", "label", *map(str, range(values.shape[1]))])
            for name, label, row in zip(batch.files, batch.labels, values, strict=True):
                numbers = map("{:.9g}".format, row.tolist())
                writer.writerow([csv_cell(name), csv_cell(label), *numbers])


def _write_listing(rows: Rows, path: Path) -> None:
    """Write the file and the label of each row of an array."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "label"])
        for name, label in zip(rows.files, rows.labels, strict=True):
            writer.writerow([csv_cell(name), csv_cell(label)])
