import json
from pathlib import Path
from typing import Any

import pytest

from alexcli.data.store_manifest import read_manifest
from alexcli.errors import UsageError
from alexcli.schema import Encoding


def change(store: Path, *keys: str | int, value: Any) -> None:
    """Set a field of the manifest, which lies under these keys."""
    path = store / "manifest.json"
    manifest = json.loads(path.read_text())
    field = manifest
    for key in keys[:-1]:
        field = field[key]
    field[keys[-1]] = value
    path.write_text(json.dumps(manifest))


def test_a_manifest_tells_classes_chunks_and_encoding(store: Path) -> None:
    manifest = read_manifest(str(store))
    assert manifest.encoding is Encoding.raw
    assert manifest.classes == [f"class{number}" for number in range(5)]
    assert (manifest.size, manifest.skipped, manifest.note) == (8, 0, None)
    assert sum(chunk.count for chunk in manifest.splits["train"]) == 640
    assert sum(chunk.count for chunk in manifest.splits["val"]) == 60
    for chunk in manifest.splits["train"]:
        assert chunk.bytes == (store / chunk.file).stat().st_size == chunk.count * 8 * 8 * 3


FIRST = ("splits", "train", 0)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["encoding"], "pickle"),
        (["encoding"], ["raw"]),
        (["version"], 0),
        (["version"], "1"),
        (["size"], 10**30),
        (["size"], -5),
        (["size"], float("inf")),
        (["size"], 7),  # not the one of the chunks
        (["size"], True),
        (["skipped"], float("nan")),
        (["resize"], 3),
        (["note"], "x" * 100_000),
        (["classes"], 7),
        (["classes"], []),
        (["classes"], ["a", ""]),
        (["classes"], ["a", "a"]),
        (["classes"], ["x" * 2000]),
        (["splits"], {}),
        (["splits"], []),
        (["splits", "../val"], []),
        (["splits", "train"], []),
        (["splits", "train"], "train-00000.bin"),
        ([*FIRST], "train-00000.bin"),
        ([*FIRST, "file"], "../../secret.bin"),
        ([*FIRST, "file"], "/etc/passwd"),
        ([*FIRST, "file"], "train-00000.bin\n"),
        ([*FIRST, "checksum"], "/etc/passwd"),
        ([*FIRST, "checksum"], "../" * 10),
        ([*FIRST, "checksum"], "A" * 32),
        ([*FIRST, "checksum"], "0" * 33),
        ([*FIRST, "count"], -5),
        ([*FIRST, "count"], 10**30),
        ([*FIRST, "bytes"], 1e300),
        ([*FIRST, "bytes"], None),
        (["files"], {}),
        (["files", "train.npz"], 3),
        (["files", "../train.npz"], "0" * 32),
    ],
)
def test_a_field_of_another_form_or_range_is_refused(
    store: Path, keys: list[str | int], value: object
) -> None:
    change(store, *keys, value=value)
    with pytest.raises(UsageError, match="damaged") as caught:
        read_manifest(str(store))
    assert len(caught.value.message) < 1000


def test_a_checksum_is_never_a_path(remote_store: str, tmp_path: Path) -> None:
    import fsspec

    secret = tmp_path / "secret"
    secret.write_bytes(bytes(16 * 192))
    memory = fsspec.filesystem("memory")
    manifest = json.loads(memory.cat("/bucket/manifest.json"))
    manifest["splits"]["train"][0]["checksum"] = str(secret)
    memory.pipe("/bucket/manifest.json", json.dumps(manifest).encode())
    with pytest.raises(UsageError, match="is not the checksum"):
        read_manifest(remote_store)
    assert not list(tmp_path.glob("secret*.lock"))


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, "null", "7", "{}", "\xff\xfe"])
def test_a_manifest_that_is_none_is_refused(store: Path, text: str) -> None:
    (store / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"is damaged|is not the manifest of a store"):
        read_manifest(str(store))


def test_a_manifest_of_another_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "a web page"}')
    with pytest.raises(UsageError, match="is not the manifest of a store"):
        read_manifest(str(tmp_path))


def test_a_store_of_a_newer_version_says_so(store: Path) -> None:
    change(store, "version", value=2)
    with pytest.raises(UsageError, match="reads up to version 1"):
        read_manifest(str(store))
