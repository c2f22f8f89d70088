import json
import os
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexcli.data import prepare
from alexcli.data.dataset import measure
from alexcli.data.prepare import write_store
from alexcli.data.sources import open_dataset, open_source
from alexcli.data.store import open_store, verify
from alexcli.errors import RunFailedError, UsageError
from alexcli.results import Silent
from alexcli.schema import DataSpec, Encoding, OnError, PrepareSpec, Source

SPEC = PrepareSpec(size=24, processes=2)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Class folders of noise: 2 x 20 to train, 2 x 3 to validate."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 20), ("val", 3)):
        for name in ("ant", "bee"):
            folder = tmp_path / "source" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                high, wide = rng.integers(26, 60, 2)
                noise = rng.integers(0, 256, (high, wide, 3), dtype=np.uint8)
                Image.fromarray(noise).save(folder / f"{i:02}.png")
    return tmp_path / "source"


def make(source: Path, dest: Path, spec: PrepareSpec = SPEC) -> bool:
    return write_store(open_source(str(source), spec), dest, spec, Silent())


def test_a_raw_store_holds_the_pixels_of_the_folder(source: Path, tmp_path: Path) -> None:
    assert make(source, tmp_path / "store")
    folder = open_dataset(DataSpec(Source.folder, str(source), size=24))
    store = open_store(str(tmp_path / "store"))
    assert store.classes == folder.classes == ["ant", "bee"]
    assert store.resize == folder.resize
    for theirs, ours in ((folder.train, store.train), (folder.val, store.val)):
        where = {name: i for i, name in enumerate(theirs.names())}
        order = [where[name] for name in ours.names()]
        assert sorted(order) == list(range(len(theirs)))
        assert np.array_equal(ours.fetch(range(len(order))), theirs.fetch(order))
        assert np.array_equal(ours.labels, theirs.labels[order])
    # Chunks are mixtures of classes, so that a window of a few is one too.
    assert len(set(store.train.labels[:16].tolist())) == 2


@pytest.mark.parametrize("encoding", list(Encoding))
def test_statistics_are_those_of_the_stored_pixels(
    source: Path, tmp_path: Path, encoding: Encoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "AT_ONCE", 7)  # pictures of a chunk of 16
    make(source, tmp_path / "store", PrepareSpec(size=24, encoding=encoding, processes=2))
    store = open_store(str(tmp_path / "store"))
    again, kept = measure(store.train), store.statistics
    assert kept is not None
    assert np.array_equal(kept.mean_image, again.mean_image)
    assert np.array_equal(kept.covariance, again.covariance)
    pixels = store.train.fetch(range(40)).reshape(-1, 3).astype(np.float64)
    assert np.allclose(kept.covariance, np.cov(pixels.T, bias=True), rtol=1e-9)


def test_jpeg_is_smaller_and_close(source: Path, tmp_path: Path) -> None:
    make(source, tmp_path / "raw")
    make(source, tmp_path / "jpeg", PrepareSpec(size=24, encoding=Encoding.jpeg, quality=100))
    raw, jpeg = (open_store(str(tmp_path / name)).train for name in ("raw", "jpeg"))
    assert raw.names() == jpeg.names()
    difference = raw.fetch(range(40)).astype(int) - jpeg.fetch(range(40)).astype(int)
    assert 0 < np.abs(difference).mean() < 60  # noise, whose colour JPEG halves in resolution


def test_the_same_command_again_does_nothing(source: Path, tmp_path: Path) -> None:
    make(source, tmp_path / "store")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "store").glob("*.*")}
    assert not make(source, tmp_path / "store")
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "store").glob("*.*")}
    assert not [p for p in before if p.suffix in (".tmp", ".json") and p.name != "manifest.json"]


def test_an_interrupted_preparation_goes_on_and_redoes_nothing(
    source: Path, tmp_path: Path
) -> None:
    make(source, tmp_path / "whole")

    class Interrupting(Silent):
        def counted(self, what: str, done: int, total: int) -> None:
            raise KeyboardInterrupt

    dest = tmp_path / "store"
    with pytest.raises(KeyboardInterrupt):
        write_store(open_source(str(source), SPEC), dest, SPEC, Interrupting())
    done = {p: p.stat().st_mtime_ns for p in dest.glob("*.bin")}
    assert done
    with pytest.raises(UsageError, match="not finished"):
        open_store(str(dest))
    assert make(source, dest)
    assert all(p.stat().st_mtime_ns == time for p, time in done.items())
    assert prints_alike(tmp_path / "whole", dest)


def test_a_chunk_damaged_between_two_attempts_is_made_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(source, tmp_path / "whole")
    dest = tmp_path / "store"
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "_finish", stop)
        with pytest.raises(KeyboardInterrupt):
            make(source, dest)
    for name, change in (("train-00000.bin", 1), ("val-00000.bin", 255)):
        content = bytearray((dest / name).read_bytes())
        content[100] ^= change
        (dest / name).write_bytes(content)
    (dest / "train-00001.bin").unlink()
    assert make(source, dest)
    assert prints_alike(tmp_path / "whole", dest)


def test_a_disk_that_gives_back_other_bytes_is_noticed(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"other")  # processes are forked
    with pytest.raises(RunFailedError, match="a failing disk"):
        make(source, tmp_path / "store")


def prints_alike(one: Path, other: Path) -> bool:
    left, right = (open_store(str(path)) for path in (one, other))
    same = left.statistics is not None and right.statistics is not None
    same = same and np.array_equal(left.statistics.mean_image, right.statistics.mean_image)
    return same and left.fingerprint == right.fingerprint and verify(str(other)) == []


def stop(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_full_disk_leaves_what_is_finished(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_file = prepare.whole_file

    def full(path: Path) -> AbstractContextManager[Path]:
        if path.name == "train-00001.bin":
            raise OSError(28, os.strerror(28), str(path))
        return whole_file(path)

    monkeypatch.setattr(prepare, "whole_file", full)  # processes are forked with it
    with pytest.raises(RunFailedError, match="No space left") as caught:
        make(source, tmp_path / "store")
    assert "goes on" in (caught.value.hint or "")
    monkeypatch.undo()
    assert (tmp_path / "store" / "train-00000.bin").exists()
    assert make(source, tmp_path / "store")
    assert verify(str(tmp_path / "store")) == []


def test_undecodable_files_are_all_listed_and_can_be_left_out(source: Path, tmp_path: Path) -> None:
    for name in ("train/ant/00.png", "train/bee/07.png", "val/ant/01.png"):
        (source / name).write_bytes(b"no picture")
    with pytest.raises(UsageError, match="3 pictures cannot be decoded") as caught:
        make(source, tmp_path / "store")
    assert "on_error=skip" in (caught.value.hint or "")
    report = (tmp_path / "store" / "undecodable.csv").read_text().splitlines()
    assert len(report) == 4
    assert "train,ant/00.png" in "\n".join(report)
    assert make(source, tmp_path / "store", PrepareSpec(size=24, on_error=OnError.skip))
    store = open_store(str(tmp_path / "store"))
    assert (len(store.train), len(store.val), store.skipped) == (38, 5, 3)


def test_a_changed_source_is_noticed(source: Path, tmp_path: Path) -> None:
    make(source, tmp_path / "store")
    (source / "train/ant/00.png").write_bytes((source / "train/ant/01.png").read_bytes())
    (source / "train/bee/00.png").unlink()
    with pytest.raises(UsageError, match="changed since") as caught:
        make(source, tmp_path / "store")
    assert "1 file removed (such as train/bee/00.png)" in caught.value.message
    assert "1 file changed (such as train/ant/00.png)" in caught.value.message


def test_another_wish_for_a_finished_store_is_refused(source: Path, tmp_path: Path) -> None:
    make(source, tmp_path / "store")
    with pytest.raises(UsageError, match="prepared with encoding raw, and now jpeg"):
        make(source, tmp_path / "store", PrepareSpec(size=24, encoding=Encoding.jpeg))


def test_a_folder_with_something_else_is_never_written(source: Path, tmp_path: Path) -> None:
    dest = tmp_path / "thesis"
    dest.mkdir()
    (dest / "chapter.tex").write_text("mine")
    with pytest.raises(UsageError, match="holds something else"):
        make(source, dest)
    assert [p.name for p in dest.iterdir()] == ["chapter.tex"]
    (dest / "plan.json").write_text('{"of": "another program"}')
    with pytest.raises(UsageError, match="holds something else"):
        make(source, dest)
    with pytest.raises(UsageError, match="is a file"):
        make(source, dest / "chapter.tex")


def test_a_store_of_a_newer_version_is_refused_with_both(source: Path, tmp_path: Path) -> None:
    make(source, tmp_path / "store")
    path = tmp_path / "store" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 7}))
    for refused in (lambda: open_store(str(path.parent)), lambda: make(source, path.parent)):
        with pytest.raises(UsageError, match=r"version 7.*up to version 1"):
            refused()


def test_too_little_room_is_said_before_anything_is_written(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(UsageError, match="MB are free") as caught:
        make(source, tmp_path / "store")
    assert "encoding=jpeg" in (caught.value.hint or "")
    monkeypatch.undo()  # and what was refused leaves no plan that would stand in the way
    assert make(source, tmp_path / "store", PrepareSpec(size=24, encoding=Encoding.jpeg))


def test_a_train_folder_alone_can_be_prepared(source: Path, tmp_path: Path) -> None:
    (source / "val").rename(tmp_path / "elsewhere")
    make(source, tmp_path / "store")
    with pytest.raises(UsageError, match="no split val"):
        open_dataset(DataSpec(Source.store, str(tmp_path / "store")))
    halves = open_dataset(DataSpec(Source.store, str(tmp_path / "store"), val="0.25"))
    assert (len(halves.train), len(halves.val)) == (30, 10)
    assert halves.statistics is None
