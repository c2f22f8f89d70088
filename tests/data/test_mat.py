"""Structs of MATLAB files, against scipy's writer and reader."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from alexcli.data.mat import MatFile

ROWS: list[tuple[Any, ...]] = [
    (1, "n01", 3.0, np.arange(4.0)),
    (70_000, "né 猫", 0.5, np.zeros((0, 0))),
    (-2, "a text longer than four bytes", 2.0**40, np.arange(3)),
]


def _file(path: Path, *, compressed: bool) -> Path:
    rows = np.array(ROWS, dtype=[(name, "O") for name in ("id", "WNID", "number", "children")])
    variables = {"first": np.arange(6), "synsets": rows}
    scipy.io.savemat(path, variables, do_compression=compressed)
    return path


@pytest.mark.parametrize("compressed", [False, True])
def test_texts_and_numbers_are_read_as_they_were_written(tmp_path: Path, compressed: bool) -> None:
    path = _file(tmp_path / "m.mat", compressed=compressed)
    assert MatFile(path).structs("synsets") == [
        {"id": "1", "WNID": "n01", "number": "3"},
        {"id": "70000", "WNID": "né 猫", "number": "0.5"},
        {"id": "-2", "WNID": "a text longer than four bytes", "number": "1099511627776"},
    ]
    read = scipy.io.loadmat(path, squeeze_me=True)["synsets"]
    assert [row["WNID"] for row in read] == [row[1] for row in ROWS]


def test_what_is_not_there_or_no_struct_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path / "m.mat", compressed=False)
    with pytest.raises(ValueError, match="there is no variable other"):
        MatFile(path).structs("other")
    with pytest.raises(ValueError, match=r"there is no variable first|it holds no struct"):
        MatFile(path).structs("first")
    path.write_bytes(b"no Matlab file")
    with pytest.raises(ValueError, match="not a MATLAB file of level 5"):
        MatFile(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_that_is_cut_off_or_changed_anywhere_is_refused_or_read(
    tmp_path: Path, compressed: bool
) -> None:
    """scipy's reader ended the process on some of them."""
    path = _file(tmp_path / "m.mat", compressed=compressed)
    content = path.read_bytes()
    for place in range(128, len(content)):
        changed = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        for damaged in (content[:place], changed):
            path.write_bytes(damaged)
            try:
                rows = MatFile(path).structs("synsets")
            except ValueError:
                continue
            assert all(isinstance(value, str) for row in rows for value in row.values())


def test_what_grows_too_large_is_refused(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(40 << 20))
    path = tmp_path / "m.mat"
    path.write_bytes(bytes(124) + b"\0\1IM" + struct.pack("<II", 15, len(bomb)) + bomb)
    with pytest.raises(ValueError, match="more than 33,554,432 bytes are compressed"):
        MatFile(path).structs("synsets")
