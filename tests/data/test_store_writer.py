import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexcli.data import store_writer
from alexcli.data.images import FileImages
from alexcli.data.open import open_dataset, open_source
from alexcli.data.store_images import open_store
from alexcli.data.store_writer import hold_store, write_store
from alexcli.errors import RunFailedError, UsageError
from alexcli.reporter import NullReporter
from alexcli.schema import DataSpec, Encoding, OnError, PrepareSpec, Source

SPEC = PrepareSpec(size=24, processes=2)
JPEG_SPEC = PrepareSpec(size=24, encoding=Encoding.jpeg)


def make(source: Path, dest: Path, spec: PrepareSpec = SPEC) -> bool:
    return write_store(open_source(str(source), spec), dest, spec, NullReporter())


def test_a_raw_store_holds_the_pixels_of_the_folder(noise_folders: Path, tmp_path: Path) -> None:
    assert make(noise_folders, tmp_path / "store")
    folder = open_dataset(DataSpec(Source.folder, str(noise_folders), size=24))
    store = open_store(str(tmp_path / "store"))
    assert store.classes == folder.classes == ["ant", "bee"]
    assert store.resize == folder.resize
    for expected, stored in ((folder.train, store.train), (folder.val, store.val)):
        positions = {name: position for position, name in enumerate(expected.names())}
        order = [positions[name] for name in stored.names()]
        assert sorted(order) == list(range(len(expected)))
        assert np.array_equal(stored.fetch(range(len(order))), expected.fetch(order))
        assert np.array_equal(stored.labels, expected.labels[order])


def test_the_same_command_again_does_nothing(noise_folders: Path, tmp_path: Path) -> None:
    dest = tmp_path / "store"
    make(noise_folders, dest)
    before = {path: path.stat().st_mtime_ns for path in dest.glob("[!.]*.*")}
    assert not make(noise_folders, dest)
    assert before == {path: path.stat().st_mtime_ns for path in dest.glob("[!.]*.*")}


def test_a_finished_store_holds_nothing_that_only_a_resume_needs(
    noise_folders: Path, tmp_path: Path
) -> None:
    make(noise_folders, tmp_path / "store")
    names = {path.name for path in (tmp_path / "store").iterdir()} - {".lock"}
    chunks = {"train-00000.bin", "train-00001.bin", "train-00002.bin", "val-00000.bin"}
    indices = {"train.npz", "val.npz"}
    assert names == chunks | indices | {"manifest.json", "source.jsonl", "statistics.npz"}


def test_an_interrupted_store_is_not_opened(noise_folders: Path, tmp_path: Path) -> None:
    class InterruptingReporter(NullReporter):
        def progress(self, *_: object) -> None:
            raise KeyboardInterrupt

    dest = tmp_path / "store"
    with pytest.raises(KeyboardInterrupt):
        write_store(open_source(str(noise_folders), SPEC), dest, SPEC, InterruptingReporter())
    with pytest.raises(UsageError, match="not finished"):
        open_store(str(dest))


def damage(source: Path, *names: str) -> None:
    for name in names:
        (source / name).write_bytes(b"no image")


def test_undecodable_files_are_all_listed_and_can_be_left_out(
    noise_folders: Path, tmp_path: Path
) -> None:
    damage(noise_folders, "train/ant/00.png", "train/bee/07.png", "val/ant/01.png")
    with pytest.raises(UsageError, match="3 images cannot be decoded") as caught:
        make(noise_folders, tmp_path / "store")
    assert "on_error=skip" in (caught.value.hint or "")
    with (tmp_path / "store" / "undecodable.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert {(row["split"], row["name"]) for row in rows} == {
        ("train", "ant/00.png"),
        ("train", "bee/07.png"),
        ("val", "ant/01.png"),
    }
    assert all("not an image" in row["reason"] for row in rows)
    assert make(noise_folders, tmp_path / "store", PrepareSpec(size=24, on_error=OnError.skip))
    store = open_store(str(tmp_path / "store"))
    assert (len(store.train), len(store.val), store.skipped) == (38, 5, 3)


@pytest.mark.parametrize("on_error", list(OnError))
def test_an_image_that_was_too_large_is_stored_once_the_limit_allows_it(
    noise_folders: Path, tmp_path: Path, on_error: OnError
) -> None:
    Image.new("RGB", (70, 70)).save(noise_folders / "train/ant/00.png")  # the others are below 60
    dest = tmp_path / "store"
    spec = PrepareSpec(size=24, processes=1, max_pixels=3600)
    with pytest.raises(UsageError, match=r"has 4,900 pixels.*max_pixels=4900 allows it"):
        make(noise_folders, dest, spec)
    assert "max_pixels=4900" in (dest / "undecodable.csv").read_text()
    times = {path: path.stat().st_mtime_ns for path in dest.glob("*.bin")}
    assert make(noise_folders, dest, replace(spec, max_pixels=4900, on_error=on_error))
    store = open_store(str(dest))
    assert (len(store.train), store.skipped) == (40, 0)
    redone = [path for path, time in times.items() if path.stat().st_mtime_ns != time]
    assert len(redone) == 1, "only the chunk of the large image"
    with pytest.raises(UsageError, match="prepared with max_pixels 4900, and now 3600"):
        make(noise_folders, dest, spec)


def test_a_smaller_limit_leaves_out_what_an_interrupted_attempt_stored(
    noise_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (70, 70)).save(noise_folders / "val/ant/00.png")
    spec = PrepareSpec(size=24, processes=1, on_error=OnError.skip)
    with monkeypatch.context() as patch:
        patch.setattr(store_writer, "finish_store", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            make(noise_folders, tmp_path / "store", spec)
    assert make(noise_folders, tmp_path / "store", replace(spec, max_pixels=3600))
    assert open_store(str(tmp_path / "store")).skipped == 1


def test_an_image_that_could_not_be_read_is_tried_again_unless_it_is_left_out(
    noise_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: object) -> None:
        raise UsageError("the network drive does not answer", hint="")

    dest = tmp_path / "store"
    with monkeypatch.context() as patch:
        patch.setattr(FileImages, "fetch_one", unreadable)  # processes are forked
        with pytest.raises(UsageError, match="46 images cannot be decoded"):
            make(noise_folders, dest)
    with pytest.raises(UsageError, match="no training image"):
        make(noise_folders, dest, replace(SPEC, on_error=OnError.skip))
    assert make(noise_folders, dest)
    assert len(open_store(str(dest)).train) == 40


def test_no_more_than_three_reasons_are_quoted(noise_folders: Path, tmp_path: Path) -> None:
    damage(noise_folders, *(f"train/ant/{number:02}.png" for number in range(5)))
    with pytest.raises(UsageError, match=r"^5 images cannot be decoded.*; \.\.\. \(all") as caught:
        make(noise_folders, tmp_path / "store")
    assert caught.value.message.count("cannot be decoded: not an image") == 3


def test_a_training_set_that_cannot_be_decoded_is_refused(
    noise_folders: Path, tmp_path: Path
) -> None:
    names = [path.relative_to(noise_folders) for path in noise_folders.glob("train/*/*.png")]
    damage(noise_folders, *map(str, names))
    with pytest.raises(UsageError, match="no training image can be decoded"):
        make(noise_folders, tmp_path / "store", PrepareSpec(size=24, on_error=OnError.skip))


def test_a_changed_source_is_noticed(noise_folders: Path, tmp_path: Path) -> None:
    make(noise_folders, tmp_path / "store")
    ants = noise_folders / "train/ant"
    (ants / "00.png").write_bytes((ants / "01.png").read_bytes())
    (noise_folders / "train/bee/00.png").unlink()
    with pytest.raises(UsageError, match="changed since") as caught:
        make(noise_folders, tmp_path / "store")
    assert "1 file removed (such as train/bee/00.png)" in caught.value.message
    assert "1 file changed (such as train/ant/00.png)" in caught.value.message


def test_other_settings_for_a_finished_store_are_refused(
    noise_folders: Path, tmp_path: Path
) -> None:
    make(noise_folders, tmp_path / "store")
    with pytest.raises(UsageError, match="prepared with encoding raw, and now jpeg"):
        make(noise_folders, tmp_path / "store", JPEG_SPEC)


def test_a_damaged_finished_store_is_not_taken_as_done(noise_folders: Path, tmp_path: Path) -> None:
    make(noise_folders, tmp_path / "store")
    (tmp_path / "store" / "train-00001.bin").unlink()
    with pytest.raises(UsageError, match=r"train-00001\.bin is missing"):
        make(noise_folders, tmp_path / "store")


def test_a_folder_with_something_else_is_never_written(noise_folders: Path, tmp_path: Path) -> None:
    dest = tmp_path / "thesis"
    dest.mkdir()
    (dest / "chapter.tex").write_text("mine")
    with pytest.raises(UsageError, match="holds something else"):
        make(noise_folders, dest)
    assert [path.name for path in dest.iterdir()] == ["chapter.tex"]
    (dest / "plan.json").write_text('{"of": "another program"}')
    with pytest.raises(UsageError, match="holds something else"):
        make(noise_folders, dest)
    with pytest.raises(UsageError, match="is a file"):
        make(noise_folders, dest / "chapter.tex")


def test_a_store_of_a_newer_version_is_refused_with_both(
    noise_folders: Path, tmp_path: Path
) -> None:
    dest = tmp_path / "store"
    make(noise_folders, dest)
    path = dest / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 7}))
    with pytest.raises(UsageError, match=r"version 7.*up to version 1"):
        open_store(str(dest))
    with pytest.raises(UsageError, match=r"version 7.*up to version 1"):
        make(noise_folders, dest)


def test_too_little_room_is_noticed_before_anything_is_written(
    noise_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(UsageError, match="MB are free") as caught:
        make(noise_folders, tmp_path / "store")
    assert "encoding=jpeg" in (caught.value.hint or "")
    monkeypatch.undo()  # and what was refused leaves no plan that would stand in the way
    assert make(noise_folders, tmp_path / "store", JPEG_SPEC)


def test_a_train_folder_alone_can_be_prepared(noise_folders: Path, tmp_path: Path) -> None:
    (noise_folders / "val").rename(tmp_path / "elsewhere")
    make(noise_folders, tmp_path / "store")
    with pytest.raises(UsageError, match="no split val"):
        open_dataset(DataSpec(Source.store, str(tmp_path / "store")))
    dataset = open_dataset(DataSpec(Source.store, str(tmp_path / "store"), val="0.25"))
    assert (len(dataset.train), len(dataset.val)) == (30, 10)
    assert dataset.statistics is None


def test_two_processes_do_not_write_the_same_store(tmp_path: Path) -> None:
    with (
        hold_store(tmp_path / "store"),
        pytest.raises(UsageError, match="is being prepared by another process"),
        hold_store(tmp_path / "store"),
    ):
        pass


def test_a_file_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "store" / "a" / "file"
    with (
        pytest.raises(RunFailedError, match="a/file cannot be written: No such file") as caught,
        hold_store(tmp_path / "store"),
    ):
        path.write_text("content")
    assert "fix the permissions" in (caught.value.hint or "")


def test_a_file_elsewhere_that_is_refused_is_not_said_to_be_written(tmp_path: Path) -> None:
    with (
        pytest.raises(RunFailedError, match="image cannot be read or written: No such file"),
        hold_store(tmp_path / "store"),
    ):
        (tmp_path / "image").read_bytes()


def test_a_changed_source_is_refused_without_the_listing_too(
    noise_folders: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    make(noise_folders, store)
    next(noise_folders.glob("train/*/*")).unlink()
    (store / "source.jsonl").unlink()
    with pytest.raises(UsageError, match=r"has changed since .*: source\.jsonl, which says how"):
        make(noise_folders, store)
