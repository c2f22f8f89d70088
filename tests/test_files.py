import os
from pathlib import Path

import pytest

from alexcli.errors import UsageError
from alexcli.files import atomic_path, read_limited, write_atomic, writing


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_atomic(path, "old and longer")
    write_atomic(path, "new")
    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_written_as_utf_8_and_bytes_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, "µ")
    assert path.read_bytes() == b"\xc2\xb5"
    write_atomic(path, b"\xff")
    assert path.read_bytes() == b"\xff"


def test_what_a_stranger_put_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_limited(path, most=5) == b"12345"
    with pytest.raises(ValueError, match="longer than 4 bytes"):
        read_limited(path, most=4)
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "/dev/zero"):
        with pytest.raises(OSError, match="not a file"):
            read_limited(tmp_path / name, most=5)
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError):
        read_limited(tmp_path / "link", most=5)


def test_a_reader_sees_the_old_content_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == path.parent
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail_halfway() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_halfway()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_content_is_on_the_disk_before_a_file_gets_its_name_and_the_name_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def record_sync(descriptor: int) -> None:
        calls.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name[:4]}")
        fsync(descriptor)

    def record_rename(self: Path, target: Path) -> Path:
        calls.append(f"rename {self.name[:4]} to {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(Path, "replace", record_rename)
    folder = tmp_path / "here"
    folder.mkdir()
    write_atomic(folder / "file", "content")
    assert calls == ["sync file", "rename file to file", "sync here"]


def test_a_file_that_cannot_be_written_is_a_usage_error_with_the_systems_reason(
    tmp_path: Path,
) -> None:
    path = tmp_path / "missing" / "file"
    with (
        pytest.raises(
            UsageError, match=r"^--out DIR cannot be written: No such file or directory$"
        ) as caught,
        writing("--out DIR", hint="choose another place"),
    ):
        path.write_text("content")
    assert caught.value.hint == "choose another place"


def test_other_errors_pass_through() -> None:
    with pytest.raises(ValueError, match="a bug"), writing("file", hint="none"):
        raise ValueError("a bug")
