import threading
from pathlib import Path

import numpy as np
import pytest

from alexcli.data.cache import cached
from alexcli.errors import UsageError
from alexcli.files import cache_dir


def test_arrays_are_made_once_even_by_parallel_callers() -> None:
    calls: list[int] = []

    def make() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"x": np.arange(5)}

    threads = [threading.Thread(target=lambda: cached("parallel", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert cached("parallel", make)["x"].tolist() == [0, 1, 2, 3, 4]


def test_a_failure_leaves_nothing_behind() -> None:
    def fail() -> dict[str, np.ndarray]:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cached("failing", fail)
    assert not (cache_dir() / "failing.npz").exists()


def test_stored_objects_are_not_unpickled() -> None:
    path = cache_dir() / "evil.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UsageError, match="allow_pickle"):
        cached("evil", dict)


def test_a_full_disk_leaves_no_partial_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: object, **_: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(UsageError, match="No space left"):
        cached("full", lambda: {"x": np.arange(3)})
    assert not [*cache_dir().glob("full.*tmp"), *cache_dir().glob("full.npz")]


def test_a_damaged_file_is_named() -> None:
    (cache_dir() / "damaged.npz").write_bytes(b"PK not a zip")
    with pytest.raises(UsageError, match=r"damaged\.npz is damaged"):
        cached("damaged", dict)


def test_an_impossible_cache_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ALEXCLI_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UsageError, match="cannot be created"):
        cache_dir()


def test_a_file_that_cannot_be_read_is_no_fault_of_the_cache() -> None:
    with pytest.raises(FileNotFoundError, match=r"image\.bin"):
        cached("reading", lambda: {"x": np.frombuffer(Path("image.bin").read_bytes())})


def test_a_cache_file_whose_lock_cannot_be_written_is_named() -> None:
    (cache_dir() / "blocked.lock").mkdir()
    with pytest.raises(UsageError, match=r"blocked\.npz cannot be written") as caught:
        cached("blocked", lambda: {"x": np.arange(3)})
    assert "ALEXCLI_CACHE" in (caught.value.hint or "")
