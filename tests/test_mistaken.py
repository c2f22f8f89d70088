from pathlib import Path

import pytest

from alexcli.mistaken import mistaken_file


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"\0" * 5000, "zeros"),
        (b"<!DOCTYPE html><html><head><title>Quota exceeded</title>", "web page"),
        (b"\xef\xbb\xbf\n  <HTML>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git-lfs"),
    ],
)
def test_what_is_visibly_another_file_is_named(content: bytes, what: str) -> None:
    path = Path("w.pth")
    path.write_bytes(content)
    mistaken = mistaken_file(path)
    assert mistaken is not None
    assert what in mistaken.clause
    assert mistaken.hint


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"\x80\x02}q", b"\x0a\x07AlexNet", b"\0\1"])
def test_other_bytes_are_left_to_their_readers(content: bytes) -> None:
    Path("w.pth").write_bytes(content)
    assert mistaken_file(Path("w.pth")) is None
