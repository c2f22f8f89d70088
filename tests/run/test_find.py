import json
import shutil
from pathlib import Path

import pytest

from alexcli.errors import UsageError
from alexcli.run.directory import RunDirectory
from alexcli.run.find import find_checkpoint, find_checkpoints, find_run, newest, single_checkpoint
from tests.data.class_folders import make_class_folders
from tests.run.trainings import Notes

RUNS = Path("runs")


def test_without_a_finished_run_the_error_says_how_to_make_one() -> None:
    with pytest.raises(UsageError) as caught:
        newest(RUNS)
    assert caught.value.hint == "alexcli train"


def test_the_newest_run_is_finished_and_no_ablations_arm(run: RunDirectory) -> None:
    results = {
        "arm": {**(run.result() or {}), "arm": "no_lrn", "finished": "2999"},
        "other": {"kind": "eval", "finished": "2999"},
    }
    for name, result in results.items():
        folder = RUNS / name / "s0-x"
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps(result))
    (RUNS / "unfinished" / "s0-y").mkdir(parents=True)
    assert newest(RUNS).path == run.path


def test_an_old_run_is_never_the_newest(run: RunDirectory) -> None:
    old = run.path.with_name(f"{run.path.name}~1")
    shutil.copytree(run.path, old)
    (old / "result.json").write_text(json.dumps({**(run.result() or {}), "finished": "2999"}))
    assert newest(RUNS).path == run.path


def test_a_run_directory_means_its_last_checkpoint_and_a_file_itself(run: RunDirectory) -> None:
    assert find_checkpoint(str(run.path), RUNS).path == run.last
    best = run.path / "best.ckpt"
    checkpoint = find_checkpoint(str(best), RUNS)
    assert checkpoint.path == best
    assert checkpoint.run.path == run.path


def test_the_name_that_a_list_of_runs_shows_means_the_run(run: RunDirectory) -> None:
    name = str(run.path.relative_to(RUNS))
    assert find_checkpoint(name, RUNS).path == run.last
    assert [found.path for found in find_checkpoints([f"{name[:-1]}*"], RUNS)] == [run.last]


def test_a_label_or_a_folder_with_one_run_means_that_run(run: RunDirectory) -> None:
    shutil.copytree(run.path, run.path.with_name(f"{run.path.name}~1"))
    for name in ("quickstart", "runs/quickstart", "runs", str(RUNS.resolve()), "quick*", "*/s0-*"):
        assert find_checkpoint(name, RUNS).path.resolve() == run.last.resolve()
        assert find_run(name, RUNS).path.resolve() == run.path.resolve()
        assert len(find_checkpoints([name], RUNS)) == 1
    old = f"quickstart/{run.path.name}~1"
    assert find_checkpoint(old, RUNS).path == RUNS / old / "last.ckpt"
    best = f"quickstart/{run.path.name}/best.ckpt"
    assert find_checkpoint(best, RUNS).path == RUNS / best


def test_a_folder_of_the_same_name_elsewhere_hides_no_label(run: RunDirectory) -> None:
    Path("quickstart").mkdir()
    assert find_checkpoint("quickstart", RUNS).path == run.last


def test_a_name_of_several_runs_is_refused_with_them(run: RunDirectory) -> None:
    other = run.path.with_name("s1-x")
    shutil.copytree(run.path, other)
    for name in ("quickstart", "runs/quickstart", "runs"):
        with pytest.raises(UsageError, match=f"^{name} matches 2 runs$") as caught:
            find_checkpoint(name, RUNS)
        assert caught.value.hint == f"name one of them: {run.path}, {other}"
        with pytest.raises(UsageError, match=f"^{name} matches 2 runs$"):
            find_checkpoints([name], RUNS)
    assert len(find_checkpoints(["quickstart*"], RUNS)) == 2


def test_names_work_where_the_folder_of_runs_has_brackets(run: RunDirectory) -> None:
    folder = RUNS.rename("a[b]")
    assert [each.path.parent.name for each in find_checkpoints(["quick*/s*"], folder)] == [
        run.path.name
    ]


def test_a_file_without_a_configuration_beside_it_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UsageError, match=r"notes\.txt is not a checkpoint of a run"):
        find_checkpoint(str(tmp_path / "notes.txt"), RUNS)


def test_a_misspelled_run_is_suggested(run: RunDirectory) -> None:
    with pytest.raises(UsageError) as caught:
        find_checkpoint(str(run.path)[:-1], RUNS)
    assert str(run.path) in (caught.value.hint or "")


@pytest.mark.usefixtures("run")
def test_an_empty_name_is_refused() -> None:
    with pytest.raises(UsageError, match="the name of a run is empty"):
        find_checkpoints([""], RUNS)


def test_a_directory_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no checkpoint last\.ckpt"):
        find_checkpoint(str(tmp_path / "empty"), RUNS)


def test_without_a_name_the_newest_run_is_meant(run: RunDirectory) -> None:
    (checkpoint,) = find_checkpoints([], RUNS)
    assert checkpoint.path == run.last


def test_the_newest_run_is_named_where_none_is_asked_for(run: RunDirectory) -> None:
    notes = Notes()
    assert single_checkpoint([], RUNS, reporter=notes).path == run.last
    assert notes.notes == [f"the newest finished run: {run.path}"]
    single_checkpoint([str(run.path)], RUNS, reporter=notes)
    assert len(notes.notes) == 1


def test_wildcards_mean_trained_runs_once_and_no_old_ones(run: RunDirectory) -> None:
    shutil.copytree(run.path, run.path.with_name(f"{run.path.name}~1"))
    (run.path.parent / "s9-empty").mkdir()
    shutil.copytree(run.path, run.path.with_name("s8-torn"))
    (run.path.with_name("s8-torn") / "config.yaml").unlink()
    names = [f"{run.path.parent}/s*", str(run.path), str(run.last)]
    checkpoints = find_checkpoints(names, RUNS)
    assert [checkpoint.path for checkpoint in checkpoints] == [run.last]
    with pytest.raises(UsageError, match="no run or checkpoint matches"):
        find_checkpoints([f"{run.path.parent}/x*"], RUNS)


def test_a_name_that_is_no_run_is_answered_with_those_that_exist(run: RunDirectory) -> None:
    with pytest.raises(UsageError) as caught:
        find_checkpoint("nosuchrun", RUNS)
    assert caught.value.hint == f"did you mean {run.path}?"
    for seed in range(1, 5):
        shutil.copytree(run.path, run.path.with_name(f"s{seed}-x"))
    with pytest.raises(UsageError, match="no run or checkpoint nosuchrun") as caught:
        find_checkpoint("nosuchrun", RUNS)
    hint = caught.value.hint or ""
    assert hint.startswith("there are runs/quickstart/s")
    assert hint.endswith("; alexcli runs list shows all")


def test_without_any_run_the_hint_says_how_to_make_one() -> None:
    with pytest.raises(UsageError) as caught:
        find_checkpoint("nosuchrun", RUNS)
    assert caught.value.hint == "alexcli train makes runs"


def test_a_folder_of_images_is_no_run_and_has_a_key(tmp_path: Path) -> None:
    make_class_folders(tmp_path / "photos", {"": 1})
    with pytest.raises(UsageError, match="holds no checkpoint") as error:
        find_checkpoints([str(tmp_path / "photos")], tmp_path)
    assert error.value.hint == f"images are named by a key: data.root={tmp_path / 'photos'}"


def test_a_damaged_run_is_passed_over_as_long_as_there_is_another(run: RunDirectory) -> None:
    damaged = RUNS / "damaged" / "s0-x"
    damaged.mkdir(parents=True)
    (damaged / "result.json").write_text("{")
    assert newest(RUNS).path == run.path
    shutil.rmtree(run.path)
    with pytest.raises(UsageError, match=r"result\.json cannot be read"):
        newest(RUNS)


def test_only_the_usual_folder_of_runs_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    with pytest.raises(UsageError, match="rnus does not exist") as caught:
        newest(tmp_path / "rnus")
    assert caught.value.hint == f"did you mean {tmp_path}/runs?"
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file is a file"):
        newest(tmp_path / "file")
