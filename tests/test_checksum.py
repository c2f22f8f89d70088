from pathlib import Path

import pytest

from alexcli.checksum import CHECKSUM_BYTES, MARK, PIECE, checksummed, is_intact

CONTENT = b"the weights of a net"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    with checksummed(path) as writer:
        writer.write(CONTENT[:3])
        writer.write(CONTENT[3:])
    return path


def test_the_content_comes_first_and_a_file_that_is_whole_is_intact(file: Path) -> None:
    assert file.read_bytes()[: len(CONTENT)] == CONTENT
    assert file.stat().st_size == len(CONTENT) + len(MARK) + CHECKSUM_BYTES
    assert is_intact(file) is True


def test_every_flipped_bit_of_content_and_checksum_is_found(file: Path) -> None:
    whole = file.read_bytes()
    mark = range(len(CONTENT), len(CONTENT) + len(MARK))
    for position in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            file.write_bytes(flipped)
            # Without its mark a file is one of those that have no checksum; its content is whole.
            assert is_intact(file) is (None if position in mark else False)


@pytest.mark.parametrize("content", [b"", b"short", bytes(1000)])
def test_a_file_without_a_checksum_says_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "old"
    path.write_bytes(content)
    assert is_intact(path) is None


def test_a_long_file_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "long"
    with checksummed(path) as writer:
        writer.write(bytes(2 * PIECE + 1))
    assert is_intact(path) is True
    with path.open("r+b") as opened:
        opened.seek(2 * PIECE)
        opened.write(b"x")
    assert is_intact(path) is False
