import json
from pathlib import Path

import pytest

from alexcli.data.store_images import open_store
from alexcli.data.store_verify import verify
from alexcli.errors import UsageError


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_sound_store_verifies(store: Path) -> None:
    assert verify(str(store)) == []


def test_a_flipped_bit_is_found(store: Path) -> None:
    flip_a_bit(store / "train-00003.bin")
    assert verify(str(store)) == ["train-00003.bin is not what was written: its checksum differs"]


def test_a_missing_chunk_and_a_short_one_are_found(store: Path) -> None:
    (store / "train-00000.bin").unlink()
    short = store / "val-00000.bin"
    short.write_bytes(short.read_bytes()[:-1])
    assert verify(str(store)) == [
        "train-00000.bin is missing",
        "val-00000.bin has 3,071 bytes, not 3,072",
    ]
    with pytest.raises(UsageError, match=r"train-00000\.bin is missing"):
        open_store(str(store))


def test_a_wrong_count_is_found(store: Path) -> None:
    path = store / "manifest.json"
    content = json.loads(path.read_text())
    content["splits"]["train"][0]["count"] += 1
    content["splits"]["train"][0]["bytes"] += 192
    path.write_text(json.dumps(content))
    assert verify(str(store)) == [
        "train-00000.bin has 3,072 bytes, not 3,264",
        "train.npz: 640 images, not 641",
    ]


def test_progress_counts_all_files(store: Path) -> None:
    calls: list[tuple[int, int]] = []
    verify(str(store), lambda count, total: calls.append((count, total)))
    files = 40 + 4 + len(["train.npz", "val.npz", "statistics.npz", "source.jsonl"])
    assert calls == [(number, files) for number in range(1, files + 1)]
