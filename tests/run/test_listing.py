"""Listing, comparing and removing runs."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from filelock import FileLock

from alexcli.errors import UsageError
from alexcli.files import write_atomic
from alexcli.lit.checkpointing import save_checkpoint
from alexcli.run.directory import RunDirectory
from alexcli.run.listing import STATES, find_runs, is_being_trained, remove, started_from, summarize


def _copy(run: RunDirectory, name: str) -> RunDirectory:
    """A run of another name beside a finished one."""
    path = run.path.parent.parent / name
    shutil.copytree(run.path, path)
    return RunDirectory(path)


def test_runs_are_found_by_label_name_or_path(run: RunDirectory) -> None:
    other = _copy(run, "other/s1-12345678")
    runs = run.path.parent.parent
    assert [found.path for found in find_runs(runs)] == [other.path, run.path]
    for pattern in ("other", "other/s1-*", "oth*", str(other.path)):
        assert [found.path for found in find_runs(runs, [pattern])] == [other.path]
    assert len(find_runs(runs, ["other", "oth*"])) == 1, "each once"
    with pytest.raises(UsageError, match=r"no run in .* is called othr") as error:
        find_runs(runs, ["othr"])
    assert error.value.hint == "did you mean other?"


def test_a_finished_run_says_what_it_reached(run: RunDirectory) -> None:
    summary = summarize(run)
    result = run.result() or {}
    assert summary.state == "finished"
    assert (summary.model, summary.data, summary.epochs) == ("tiny", "synthetic", "2/2")
    assert summary.val_err == result["last"]["val"]["top1_err"]
    assert summary.test_err == result["test"]["top1_err"]
    assert summary.bytes > run.last.stat().st_size


def test_unfinished_and_damaged_runs_are_told_apart(run: RunDirectory) -> None:
    stopped = _copy(run, "quickstart/s1-00000000")
    stopped.result_file.unlink()
    stopped.metrics.unlink()
    summary = summarize(stopped)
    assert (summary.state, summary.epochs, summary.val_err) == ("stopped", "0/2", None)
    with FileLock(stopped.path.parent / f".{stopped.path.name}.lock"):
        pass
    assert summarize(stopped).state == "stopped", "a lock that nobody holds says nothing"
    damaged = _copy(run, "quickstart/s2-00000000")
    damaged.config.write_text("[")
    assert summarize(damaged).state == "damaged"
    damaged.config.write_bytes(run.config.read_bytes())
    damaged.result_file.write_text("{")
    assert summarize(damaged).state == "damaged"
    damaged.result_file.write_text(json.dumps({"test": 3}))
    assert summarize(damaged).state == "damaged"
    assert {"stopped", "damaged", "finished"} < set(STATES)


def test_imported_weights_have_no_epochs(run: RunDirectory) -> None:
    run.result_file.write_text(json.dumps({**(run.result() or {}), "kind": "import"}))
    assert summarize(run).epochs == ""


def test_a_run_is_removed_with_its_directory(run: RunDirectory) -> None:
    other = _copy(run, "other/s1-12345678")
    events = other.path / "tensorboard" / "events.out.tfevents.1.host.2.0"
    events.parent.mkdir()
    events.touch()
    for name in ("conf/model/mine.yaml", "conf/experiment/mine.yaml"):
        (other.path / name).parent.mkdir(parents=True)
        (other.path / name).touch()
    other.process_log.touch()
    assert remove(other) == []
    assert not other.path.parent.exists(), "a label without runs"
    assert run.path.exists()


def test_what_a_killed_process_was_writing_is_removed_with_its_run(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _copy(run, "other/s1-12345678")
    user_file = other.kept_conf / "model" / "mine.yaml"
    user_file.parent.mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: None)
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        trainer = SimpleNamespace(
            is_global_zero=True, save_checkpoint=lambda path, **_: path.write_bytes(b"half of it")
        )
        for target in (other.last, other.best):
            save_checkpoint(trainer, target)  # type: ignore[arg-type]
        for target in (other.result_file, other.metrics, user_file):
            write_atomic(target, "half of it")
    assert len(list(other.path.rglob("*.tmp"))) == 5
    mine = other.path / "notes.tmp"
    mine.write_text("mine")
    assert remove(other) == [mine]


def _record_of_wandb(run: RunDirectory, name: str) -> Path:
    """A record as `wandb` lays it out, with its links."""
    folder = run.path / "wandb" / name
    (folder / "files").mkdir(parents=True)
    (folder / "tmp" / "code").mkdir(parents=True)
    (folder / "files" / "requirements.txt").write_text("torch")
    for link in ("latest-run", "debug.log", "debug-internal.log"):
        path = folder.parent / link
        path.unlink(missing_ok=True)
        path.symlink_to(name if link == "latest-run" else f"{name}/logs/{link}")
    return folder


def test_the_records_of_wandb_are_removed_with_their_run(run: RunDirectory) -> None:
    for name in ("other/s1-12345678", "other/s1-12345678~1"):
        other = _copy(run, name)
        _record_of_wandb(other, "run-20260101_000000-other-s1-12345678")
        _record_of_wandb(other, "offline-run-20260102_000000-other-s1-12345678")
        assert remove(other) == []
        assert not other.path.exists()


def test_a_record_of_wandb_of_something_else_is_left(run: RunDirectory) -> None:
    other = _copy(run, "other/s1-12345678")
    _record_of_wandb(other, "offline-run-20260101_000000-other-s1-12345678")
    mine = _record_of_wandb(other, "offline-run-20260101_000000-mine")
    assert remove(other) == [other.path / "wandb"]
    assert [path.name for path in mine.parent.iterdir()] == [mine.name]
    assert (mine / "files" / "requirements.txt").exists()


def test_the_size_of_a_run_is_that_of_all_its_files_and_of_no_others(
    run: RunDirectory, tmp_path: Path
) -> None:
    before = summarize(run).bytes
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "large.bin").write_bytes(bytes(100_000))
    (run.path / "conf").symlink_to(outside)
    (run.path / "large.bin").symlink_to(outside / "large.bin")
    assert summarize(run).bytes == before
    deep = run.path / "wandb" / "run-1" / "files"
    deep.mkdir(parents=True)
    (deep / "log.bin").write_bytes(bytes(1000))
    assert summarize(run).bytes == before + 1000


def test_the_files_of_others_are_left(run: RunDirectory, tmp_path: Path) -> None:
    other = _copy(run, "other/s1-12345678")
    mine = other.path / "notes.txt"
    mine.write_text("mine")
    outside = tmp_path / "outside.txt"
    outside.write_text("mine, too")
    (other.path / "train.log").unlink()
    (other.path / "train.log").symlink_to(outside)
    assert remove(other) == [mine]
    assert mine.read_text() == "mine"
    assert outside.read_text() == "mine, too", "a link is removed, not what it leads to"
    assert not other.last.exists()


def test_what_a_linked_folder_holds_is_left(run: RunDirectory, tmp_path: Path) -> None:
    other = _copy(run, "other/s1-12345678")
    outside = tmp_path / "my_conf" / "model" / "mine.yaml"
    outside.parent.mkdir(parents=True)
    outside.write_text("name: mine")
    (other.path / "conf").symlink_to(tmp_path / "my_conf")
    assert remove(other) == [other.path / "conf"]
    assert outside.read_text() == "name: mine"


def test_the_runs_that_started_from_a_run_are_known(run: RunDirectory) -> None:
    runs = run.path.parent.parent
    assert started_from(run, runs) == []
    other = _copy(run, "other/s1-12345678")
    for source in (run.path, run.last):
        config = yaml.safe_load((run.path / "config.yaml").read_text())
        (other.path / "config.yaml").write_text(
            yaml.safe_dump({**config, "init_from": str(source)})
        )
        assert [each.path for each in started_from(run, runs)] == [other.path]
    assert started_from(other, runs) == []


def test_a_run_that_is_being_trained_is_not_removed(run: RunDirectory) -> None:
    with run.locked():
        with pytest.raises(UsageError, match="another process is training") as caught:
            remove(run)
        assert caught.value.hint == "stop that process first"
        run.result_file.unlink()
        assert summarize(run).state == "training"


def test_no_training_begins_in_a_run_while_it_is_removed(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings: list[bool] = []
    monkeypatch.setattr(
        "alexcli.run.listing._remove_empty", lambda _: trainings.append(is_being_trained(run))
    )
    remove(run)
    assert trainings
    assert all(trainings), "for others the lock is that of a training"
