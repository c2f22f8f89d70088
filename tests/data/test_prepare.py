from pathlib import Path

import pytest

from alexcli.data.prepare import prepare
from alexcli.data.store_images import open_store
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.schema import PrepareSpec

SPEC = PrepareSpec(size=24, processes=1)


def test_the_record_describes_the_store(noise_folders: Path, tmp_path: Path) -> None:
    dest = str(tmp_path / "store")
    analysis = prepare(str(noise_folders), dest, SPEC, NullReporter())
    dataset = open_store(dest)
    assert analysis.data.pop("seconds") > 0
    assert analysis.data == {
        "directory": dest,
        "encoding": "raw",
        "size": 24,
        "resize": dataset.resize,
        "classes": 2,
        "counts": {"train": 40, "val": 6},
        "bytes": 46 * 24 * 24 * 3,
        "skipped": 0,
        "fingerprint": dataset.fingerprint,
        "worked": True,
    }
    assert analysis.tables[0].records() == [
        {"split": "train", "images": 40},
        {"split": "val", "images": 6},
    ]


def test_a_store_that_was_finished_before_is_described_without_a_speed(
    noise_folders: Path, tmp_path: Path
) -> None:
    dest = str(tmp_path / "store")
    first = prepare(str(noise_folders), dest, SPEC, NullReporter())
    second = prepare(str(noise_folders), dest, SPEC, NullReporter())
    assert "images/s" in (first.tables[0].note or "")
    assert "images/s" not in (second.tables[0].note or "")
    assert not second.data["worked"]
    assert second.data["fingerprint"] == first.data["fingerprint"]


def test_a_small_store_has_a_size(noise_folders: Path, tmp_path: Path) -> None:
    analysis = prepare(str(noise_folders), str(tmp_path / "store"), SPEC, NullReporter())
    size = analysis.data["bytes"]
    assert 1e3 < size < 1e6
    assert f", {size / 1e3:.1f} kB, " in (analysis.tables[0].note or "")


def test_a_url_is_refused_as_destination(noise_folders: Path) -> None:
    with pytest.raises(UsageError, match="a store is written to a folder") as caught:
        prepare(str(noise_folders), "s3://bucket/store", SPEC, NullReporter())
    assert "aws s3 cp" in (caught.value.hint or "")
