import io
import tarfile
from pathlib import Path

import pytest
from torchvision.datasets.utils import extract_archive

from alexcli.data.sources.archives import (
    UNPACKING,
    download_errors,
    only_files_unpacked,
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


def _link(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        (tarfile.TarInfo("../outside.JPEG"), "outside its folder"),
        (tarfile.TarInfo("train/../../outside.JPEG"), "outside its folder"),
        (tarfile.TarInfo("/tmp/outside.JPEG"), "outside its folder"),
        (_link("train/link", tarfile.SYMTYPE, "/etc/passwd"), "neither a file nor a folder"),
        (_link("train/link", tarfile.SYMTYPE, "a.JPEG"), "neither a file nor a folder"),
        (_link("train/hard", tarfile.LNKTYPE, "train/a.JPEG"), "neither a file nor a folder"),
        (_link("train/device", tarfile.CHRTYPE), "neither a file nor a folder"),
        (_link("train/pipe", tarfile.FIFOTYPE), "neither a file nor a folder"),
    ],
    ids=["up", "up_below", "absolute", "link", "link_inside", "hard_link", "device", "pipe"],
)
def test_members_that_are_no_plain_files_in_the_folder_are_refused(
    member: tarfile.TarInfo, problem: str, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("train/a.JPEG"), io.BytesIO())
        archive.addfile(member)
    (tmp_path / "into").mkdir()
    with pytest.raises(UsageError, match=problem), only_files_unpacked():
        extract_archive(str(tmp_path / "a.tar"), str(tmp_path / "into"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "into"]
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]


def test_plain_files_are_unpacked_and_the_filter_does_not_stay(tmp_path: Path) -> None:
    earlier = getattr(tarfile.TarFile, "extraction_filter", None)
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("train/a.JPEG"), io.BytesIO())
    with only_files_unpacked():
        extract_archive(str(tmp_path / "a.tar"), str(tmp_path / "into"))
    assert (tmp_path / "into/train/a.JPEG").is_file()
    assert getattr(tarfile.TarFile, "extraction_filter", None) is earlier


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"no archive")
    with pytest.raises(UsageError, match="damaged or unsafe"), only_files_unpacked():
        extract_archive(str(tmp_path / "a.tar"), str(tmp_path / "into"))
