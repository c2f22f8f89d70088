from pathlib import Path

import pytest

from alexcli.data.sources.archives import (
    UNPACKING,
    download_errors,
    torchvision_module,
    unpack_aside,
)
from alexcli.errors import UsageError


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    def unpack(part: Path) -> None:
        part.mkdir()
        (part / "file").touch()
        assert not folder.exists()

    unpack_aside(folder, unpack)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert (folder / "file").exists()


def test_an_interrupted_attempt_leaves_nothing(tmp_path: Path) -> None:
    def unpack(part: Path) -> None:
        part.mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack_aside(tmp_path / "data", unpack)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_not_unpacked_again(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / UNPACKING / "data").mkdir(parents=True)  # left by a process that was killed

    def unpack(part: Path) -> None:
        raise AssertionError(part)

    unpack_aside(tmp_path / "data", unpack)
    assert not (tmp_path / UNPACKING).exists()


def _fail_to_download(root: Path, reason: str) -> None:
    with download_errors(root, "Data"):
        root.mkdir(exist_ok=True)
        raise OSError(reason)


def test_a_failed_download_removes_the_folder_that_it_leaves_empty(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Data could not be read .*root: no route"):
        _fail_to_download(tmp_path / "root", "no route")
    assert not (tmp_path / "root").exists()


def test_a_failed_download_keeps_a_folder_with_files(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError):
        _fail_to_download(tmp_path, "no route")
    assert (tmp_path / "file").exists()


def test_a_torchvision_without_a_function_is_named() -> None:
    with pytest.raises(UsageError, match=r"torchvision .* has no unpack_all in datasets\.utils"):
        torchvision_module("datasets.utils", ["check_integrity", "unpack_all"])
