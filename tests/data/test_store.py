import json
import pickle
import shutil
import sys
from pathlib import Path

import pytest

from alexcli.data.open import open_dataset
from alexcli.data.store import is_store, read_file
from alexcli.data.store_manifest import read_manifest
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, Source
from tests.local_site import serve


class WritesFileWhenUnpickled:
    """An object whose pickle executes code when it is read."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return Path.write_text, (Path("executed"), "yes")  # type: ignore[return-value]


def test_a_store_of_pickles_is_refused_before_a_chunk_is_opened(tmp_path: Path) -> None:
    folder = tmp_path / "pickles"
    folder.mkdir()
    (folder / "chunk-0-0.bin").write_bytes(pickle.dumps(WritesFileWhenUnpickled()))
    index = {"chunks": [{"filename": "chunk-0-0.bin"}], "config": {"data_format": ["pickle"]}}
    (folder / "index.json").write_text(json.dumps(index))
    for source in (Source.store, Source.folder):
        with pytest.raises(UsageError, match=r'in the format \["pickle"\].*none was opened'):
            open_dataset(DataSpec(source, str(folder)))
    assert not Path("executed").exists()


def test_a_folder_without_a_manifest_is_not_a_store(tmp_path: Path) -> None:
    assert not is_store(str(tmp_path))
    with pytest.raises(UsageError, match="it is not a store") as caught:
        read_manifest(str(tmp_path))
    assert "alexcli data prepare" in (caught.value.hint or "")
    assert "data=folder reads image files" in (caught.value.hint or "")


def test_an_unfinished_store_and_a_url_are_stores_and_class_folders_are_not(tmp_path: Path) -> None:
    assert is_store("s3://bucket/store")
    (tmp_path / "plan.json").write_text("{}")
    assert is_store(str(tmp_path))
    (tmp_path / "train").mkdir()
    assert not is_store(str(tmp_path))


def test_a_file_that_changed_after_the_manifest_is_not_read(store: Path) -> None:
    manifest = read_manifest(str(store))
    (store / "source.jsonl").write_text("something else")
    with pytest.raises(UsageError, match="does not match the manifest"):
        manifest.read("source.jsonl")
    (store / "source.jsonl").unlink()
    with pytest.raises(UsageError, match=r"source\.jsonl is missing"):
        manifest.read("source.jsonl")


def test_the_fingerprint_changes_with_the_content_of_a_chunk_and_not_with_the_place(
    store: Path,
) -> None:
    fingerprint = read_manifest(str(store)).fingerprint
    moved = store.rename(store.with_name("moved"))
    assert read_manifest(str(moved)).fingerprint == fingerprint
    path = moved / "manifest.json"
    content = json.loads(path.read_text())
    content["splits"]["train"][0]["checksum"] = "0" * 32
    path.write_text(json.dumps(content))
    assert read_manifest(str(moved)).fingerprint != fingerprint


def test_a_remote_file_has_the_content_of_the_local_one(store: Path, remote_store: str) -> None:
    name = "train-00000.bin"
    assert read_file(remote_store, name) == read_file(str(store), name)
    with pytest.raises(FileNotFoundError):
        read_file(remote_store, "train-99999.bin")


def test_a_url_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UsageError, match=r"s3:// needs the package s3fs"):
        read_manifest("s3://bucket/store")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("memory://bucket", "a URL of kind memory://"),
        ("reference://bucket", "a URL of kind reference://"),
        ("reference://::runs/other/s0", "a URL of kind reference://"),
        ("file:///etc", "a URL of kind file://"),
        ("S3://bucket/store", "a URL of kind S3://"),
        ("://bucket", "a URL of kind ://"),
        ("s3://bucket::reference://x", "one URL inside another"),
    ],
)
def test_a_url_of_another_kind_is_refused_before_fsspec_sees_it(
    url: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError) as caught:
        open_dataset(DataSpec(Source.folder, url))
    assert caught.value.message.startswith(f"{url} is {reason}; a store is read from s3://, gs://")
    assert "by its path" in (caught.value.hint or "")


def test_a_store_is_read_from_a_web_server(store: Path, tmp_path: Path) -> None:
    with serve(tmp_path / "site") as site:
        shutil.copytree(store, site.folder / "store")
        url = f"{site.url}/store"
        assert read_manifest(url).fingerprint == read_manifest(str(store)).fingerprint
        with pytest.raises(UsageError, match="it is not a store"):
            read_manifest(f"{site.url}/other")
