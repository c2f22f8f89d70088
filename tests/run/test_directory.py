"""What is in a run directory."""

import json
from pathlib import Path

import pytest

from alexcli.errors import RunFailedError, UsageError
from alexcli.run.directory import RunDirectory
from tests.conftest import small


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run that has written what is known before its first step."""
    directory = RunDirectory(tmp_path / "runs/label/s0-01234567")
    directory.create(small(), ["n01440764", "other"])
    return directory


def test_the_configuration_is_read_back_as_it_was(run: RunDirectory) -> None:
    assert run.read_config() == small()


def test_classes_have_names_for_people(run: RunDirectory) -> None:
    assert run.class_names(["n01440764", "other"]) == ["tench", "other"]


def test_names_come_from_the_run_where_it_has_them(run: RunDirectory) -> None:
    entries = [{"index": 0, "class": "n01440764", "name": "my fish"}]
    run.classes_file.write_text(json.dumps(entries))
    assert run.class_names(["n01440764", "unlisted"]) == ["my fish", "unlisted"]


def test_lines_after_a_checkpoint_are_dropped_and_a_cut_one_too(run: RunDirectory) -> None:
    rows = [
        {"step": step, "epoch": step // 3, "split": "val", "top1_err": 0.5} for step in (3, 6, 9)
    ]
    lines = [json.dumps(row) for row in rows]
    run.metrics.write_text("\n".join([*lines, '{"step": 12, "lo']))
    run.forget_after(6)
    assert run.rows() == rows[:2]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "3",
        "[]",
        "{}",
        '{"step": -1, "epoch": 1, "split": "val", "top1_err": 0.5}',
        "[" * 100_000,
    ],
)
def test_a_line_that_is_no_row_is_left_out(run: RunDirectory, line: str) -> None:
    row = {"step": 3, "epoch": 1, "split": "val", "top1_err": 0.5}
    run.metrics.write_text(f"{line}\n{json.dumps(row)}\n")
    assert run.rows() == [row]


def test_a_missing_file_has_no_rows(run: RunDirectory) -> None:
    run.metrics.unlink(missing_ok=True)
    assert run.rows() == []


def test_an_old_run_is_kept_under_the_next_free_name(run: RunDirectory) -> None:
    first = run.keep_old()
    run.create(small(), ["a", "b"])
    second = run.keep_old()
    assert [first.name, second.name] == ["s0-01234567~1", "s0-01234567~2"]
    assert (first / "config.yaml").exists()


def test_a_result_has_kind_name_and_time(run: RunDirectory) -> None:
    assert run.result() is None
    content = run.finish("import", {"seed": 0})
    assert run.result() == content
    assert (content["kind"], content["name"], content["seed"]) == ("import", "label/s0-01234567", 0)


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"kind": "train"}', "[" * 100_000])
def test_a_damaged_result_is_named(run: RunDirectory, content: str) -> None:
    run.result_file.write_text(content)
    with pytest.raises(UsageError, match=r"result\.json cannot be read"):
        run.result()


def test_a_folder_without_a_configuration_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not a run: it has no config\.yaml"):
        RunDirectory(tmp_path).read_config()


def test_one_process_at_a_time_holds_a_run(run: RunDirectory) -> None:
    with (
        run.locked(),
        pytest.raises(UsageError, match="another process"),
        RunDirectory(run.path).locked(),
    ):
        pass


def test_units_after_a_checkpoint_are_forgotten_with_the_metrics(run: RunDirectory) -> None:
    rows = [
        {"step": 3 * epoch, "epoch": epoch, "images": 9, "dead": {"conv1": 0.5}, "weights": {}}
        for epoch in (1, 2)
    ]
    run.units.write_text("\n".join([*map(json.dumps, rows), '{"step": 9, "de']))
    assert run.unit_rows() == rows
    run.forget_after(3)
    assert run.unit_rows() == rows[:1]
    run.units.unlink()
    assert run.unit_rows() == []


def test_a_file_of_others_that_is_refused_is_not_said_to_be_written(
    run: RunDirectory, tmp_path: Path
) -> None:
    for path, action in (
        (tmp_path / "store/train-00003.bin", "read or written"),
        (run.path / "missing/file", "written"),
    ):
        message = f"{path} cannot be {action}: No such file"
        with pytest.raises(RunFailedError, match=message), run.locked():
            path.read_bytes()


def test_a_run_that_resumes_replaces_its_files_whole(run: RunDirectory, tmp_path: Path) -> None:
    files = (run.config, run.environment_file, run.classes_file)
    for file in files:
        file.write_text("before")
        (tmp_path / file.name).hardlink_to(file)
    run.create(small(), ["a", "b"])
    for file in files:
        assert file.read_text() != "before"
        assert (tmp_path / file.name).read_text() == "before"  # nothing is written in place
