"""Prepared stores of others."""

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_128_hexdigest

from alexcli.data.arrays import ImageArray
from alexcli.data.store_images import open_store
from alexcli.schema import Encoding
from tests.data.random_data import make_array_store
from tests.fuzz.outcomes import used_or_refused
from tests.fuzz.strategies import HOSTILE_NUMBERS, changed, damaged

SOME = 5
"""Images that are read of a split."""
COLUMNS = ("chunk", "offset", "length", "label", "row")


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> dict[Encoding, dict[str, bytes]]:
    """The files of a store, by their names, for each encoding."""
    folder = tmp_path_factory.mktemp("stores")
    stores = {kind: make_array_store(folder / kind.value, kind) for kind in Encoding}
    return {
        kind: {path.name: path.read_bytes() for path in store.iterdir() if path.is_file()}
        for kind, store in stores.items()
    }


def used(folder: Path) -> dict[str, ImageArray]:
    """Everything that a training reads of a store, of its first images."""
    dataset = open_store(str(folder))
    assert dataset.statistics is not None
    assert np.isfinite(dataset.statistics.components()[0]).all()
    found = {}
    for name, images in {"train": dataset.train, "val": dataset.val}.items():
        found[name] = images.fetch(range(min(SOME, len(images))))
        assert found[name].dtype == np.uint8
        assert set(images.labels) <= set(range(len(dataset.classes)))
        assert len(images.names()) == len(images)
    return found


def written(files: dict[str, bytes]) -> Path:
    """A store of these files."""
    folder = Path("store")
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def signed(files: dict[str, bytes], name: str, content: bytes) -> dict[str, bytes]:
    """Files of a store of which one has another content, and the manifest its checksum."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"][name] = xxh3_128_hexdigest(content)
    return {**files, name: content, "manifest.json": json.dumps(manifest).encode()}


Pristine = dict[Encoding, dict[str, bytes]]
encodings = st.sampled_from(Encoding)


@given(encodings, st.data())
def test_a_changed_manifest_is_refused_or_used(
    pristine: Pristine, kind: Encoding, data: st.DataObject
) -> None:
    files = pristine[kind]
    manifest = data.draw(changed(_manifest(files["manifest.json"])))
    folder = written({**files, "manifest.json": json.dumps(manifest).encode()})
    used_or_refused("changed manifests", lambda: used(folder))


@cache
def _manifest(content: bytes) -> Any:
    return json.loads(content)


@given(encodings, st.data())
def test_a_damaged_file_of_a_store_is_refused(
    pristine: Pristine, kind: Encoding, data: st.DataObject
) -> None:
    """Or what is read is what was written: some bytes are not read."""
    files = pristine[kind]
    name = data.draw(st.sampled_from(sorted(files)))
    damage = data.draw(damaged(files[name]))
    folder = written({**files, name: damage})
    found = used_or_refused("damaged files of stores", lambda: used(folder))
    if found is not None and name != "manifest.json":  # in which names of classes may be others
        for split, images in used(written(files)).items():
            assert np.array_equal(found[split], images), name


@given(encodings, st.data())
def test_an_index_or_statistics_of_anybody_are_refused_or_used(
    pristine: Pristine, kind: Encoding, data: st.DataObject
) -> None:
    files = pristine[kind]
    name = data.draw(st.sampled_from(("train.npz", "val.npz", "statistics.npz")))
    with np.load(io.BytesIO(files[name])) as stored:
        arrays = dict(stored)
    changed_array = data.draw(st.sampled_from(sorted(arrays)))
    with np.errstate(all="ignore"):
        arrays[changed_array] = data.draw(_changed_array(arrays[changed_array]))
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    folder = written(signed(files, name, content.getvalue()))
    used_or_refused("arrays of stores", lambda: used(folder))


@st.composite
def _changed_array(draw: st.DrawFn, array: Any) -> Any:
    """An array with another value, type, shape or length."""
    change = draw(st.sampled_from(("value", "value", "type", "shape", "length", "objects")))
    if change == "value" and array.size:
        changed_array = array.copy()
        fits = [n for n in HOSTILE_NUMBERS if array.dtype.kind == "f" or isinstance(n, int)]
        number = draw(st.sampled_from([n for n in fits if abs(n) < 2**63 or n != n]))
        changed_array.flat[draw(st.integers(0, array.size - 1))] = number
        return changed_array
    if change == "type":
        kind = draw(st.sampled_from(("u1", "i2", ">i8", "u8", "f2", "f4", ">f8", "c8", "S3", "M8")))
        return array.astype(kind) if kind != "M8" else array.astype("i8").astype("M8[s]")
    if change == "shape":
        return array.reshape(draw(st.sampled_from(((1, *array.shape), (-1, 1), (array.size,)))))
    if change == "length":
        return array.ravel()[: draw(st.integers(0, array.size))]
    return array.astype(object)


@given(encodings, st.data())
def test_a_damaged_index_with_its_checksum_is_refused_or_used(
    pristine: Pristine, kind: Encoding, data: st.DataObject
) -> None:
    files = pristine[kind]
    name = data.draw(st.sampled_from(("val.npz", "statistics.npz", "source.jsonl")))
    damage = data.draw(damaged(files[name]))
    folder = written(signed(files, name, damage))
    used_or_refused("damaged arrays and listings of stores", lambda: used(folder))
