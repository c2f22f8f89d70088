import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alexcli.data import npz
from alexcli.data.npz import Expected, read_arrays, write_arrays


def saved(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_arrays_are_read_as_they_were_written() -> None:
    content = saved(rows=np.arange(3), mean=np.ones((2, 2, 3)), count=np.array(7), other=[1])
    expected = {
        "rows": Expected("i", (None,)),
        "mean": Expected("f", (2, 2, 3)),
        "count": Expected("i", ()),
    }
    arrays = read_arrays(content, expected)
    assert arrays["rows"].tolist() == [0, 1, 2]
    assert arrays["mean"].shape == (2, 2, 3)
    assert int(arrays["count"]) == 7
    assert set(arrays) == set(expected)


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.array([object()]), "an array of object"),
        (np.array([0.5]), "a is an array of float64"),
        (np.array(["x"]), "a is an array of <U1"),
        (np.zeros((2, 2), int), r"a has the shape \(2, 2\), not \(any,\)"),
        (np.array(3), r"a has the shape \(\), not \(any,\)"),
    ],
)
def test_another_type_or_shape_is_refused(array: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_arrays(saved(a=array), {"a": Expected("i", (None,))})


def test_a_header_that_promises_more_than_there_is_takes_no_memory() -> None:
    shape = b"'shape': (3,), }"
    promised = shape.replace(b"3", b"3000000000")
    content = saved(a=np.arange(3)).replace(shape.ljust(len(promised)), promised)
    assert b"3000000000" in content
    with pytest.raises(ValueError, match=r"."):
        read_arrays(content, {"a": Expected("i", (None,))})


def test_compressed_zeros_are_refused() -> None:
    file = io.BytesIO()
    np.savez_compressed(file, a=np.zeros(10_000_000, np.int64))
    with pytest.raises(ValueError, match="a is compressed"):
        read_arrays(file.getvalue(), {"a": Expected("i", (None,))})


@pytest.mark.parametrize("content", [b"", b"no archive", saved(a=np.arange(99))[:300]])
def test_a_damaged_file_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_arrays(content, {"a": Expected("i", (None,))})


def test_a_missing_array_is_named() -> None:
    with pytest.raises(ValueError, match=r"^there is no b$"):
        read_arrays(saved(a=[1]), {"b": Expected("i", (None,))})


@pytest.mark.parametrize("is_compressed", [False, True])
def test_what_is_written_holds_the_arrays_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_compressed: bool
) -> None:
    name = "savez_compressed" if is_compressed else "savez"
    save = getattr(np, name)

    def save_as_numpy_1(file: object, **arrays: Any) -> None:
        """numpy 1.26 takes every keyword for an array."""
        assert set(arrays) == {"rows", "count"}
        save(file, **arrays)

    monkeypatch.setattr(np, name, save_as_numpy_1)
    write_arrays(
        tmp_path / "x.npz", {"rows": np.arange(3), "count": 7}, is_compressed=is_compressed
    )
    with np.load(tmp_path / "x.npz") as stored:
        assert {name: stored[name].tolist() for name in stored} == {"rows": [0, 1, 2], "count": 7}


def test_objects_are_not_written(tmp_path: Path) -> None:
    records = np.array([(1, None)], dtype=[("number", int), ("thing", object)])
    for array in (np.array([{}]), records):
        with pytest.raises(ValueError, match="rows is an array of objects"):
            write_arrays(tmp_path / "x.npz", {"rows": array})
    assert not list(tmp_path.iterdir())


def test_only_this_file_writes_npz_files_with_numpy() -> None:
    sources = Path(npz.__file__).parents[1].rglob("*.py")
    names = [path.name for path in sources if "np.savez" in path.read_text(encoding="utf-8")]
    assert names == ["npz.py"]
