import json
import shutil
from pathlib import Path

import pytest
import yaml

from alexcli.errors import UsageError
from alexcli.records.analysis import Analysis, LinesPanel, MultiplesPanel
from alexcli.records.study import ArmResult, ReusedRecord, StudyResult
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.report import runs_report, study_report
from tests.run.trainings import Notes


def _copy(run: RunDirectory, seed: int, **optim: float) -> RunDirectory:
    """The run as another seed would have left it, with other settings."""
    copy = RunDirectory(run.path.with_name(f"s{seed}-copy"))
    shutil.copytree(run.path, copy.path)
    config = yaml.safe_load(copy.config.read_text())
    config["seed"] = seed
    config["optim"].update(optim)
    copy.config.write_text(yaml.safe_dump(config))
    return copy


def _records(analysis: Analysis, title: str) -> list[dict[str, object]]:
    (table,) = (table for table in analysis.tables if table.title == title)
    return table.records()


def _study(arms: dict[str, list[RunDirectory]]) -> StudyResult:
    return StudyResult(
        name="lrn",
        about="with and without",
        claim="section 3.3",
        metric="top1_err",
        threshold=None,
        setting="tiny",
        n=60,
        arms=[
            ArmResult(name, [], f"alexcli train {name}", {}, [], [str(run.path) for run in runs])
            for name, runs in arms.items()
        ],
        missing=0,
    )


def test_settings_that_differ_have_a_column_for_each_run(run: RunDirectory) -> None:
    other = _copy(run, seed=1, epochs=3)
    analysis = runs_report([run, other], NullReporter())
    rows = {row["key"]: row for row in _records(analysis, "what differs")}
    assert set(rows) == {"seed", "optim.epochs"}
    assert rows["optim.epochs"] == {"key": "optim.epochs", run.name: "2", other.name: "3"}


def test_runs_that_are_alike_have_no_table_of_differences(run: RunDirectory) -> None:
    titles = [table.title for table in runs_report([run], NullReporter()).tables]
    assert "what differs" not in titles
    assert titles[-3:] == ["settings that differ from the default", "to repeat it", "where it ran"]


def test_a_machine_is_named_once_and_a_command_for_each_run(run: RunDirectory) -> None:
    analysis = runs_report([run, _copy(run, seed=1)], NullReporter())
    (table,) = [table for table in analysis.tables if table.title == "where it ran"]
    assert table.columns == ["quantity", "value"]
    assert "torch " in str(dict(table.rows)["versions"])
    assert len(_records(analysis, "to repeat it")) == 2


def test_a_run_that_is_not_finished_is_reported_without_a_machine(run: RunDirectory) -> None:
    result = json.loads(run.result_file.read_text())
    run.result_file.write_text(json.dumps(result | {"on": None, "command": "alexcli train"}))
    analysis = runs_report([run], NullReporter())
    assert _records(analysis, "to repeat it") == [{"command": "alexcli train"}]
    assert _records(analysis, "where it ran")[-1] == {"quantity": "revision", "value": "installed"}
    run.result_file.unlink()
    assert _records(runs_report([run], NullReporter()), "to repeat it") == [{"command": ""}]


def test_the_curves_of_a_study_are_its_arms(run: RunDirectory) -> None:
    arms = {"baseline": [run], "no norm": [_copy(run, seed=1)]}
    analysis = study_report(_study(arms), "alexcli ablate lrn --seeds=1")
    assert analysis.title == "lrn: with and without"
    (panel,) = analysis.panels
    assert isinstance(panel, LinesPanel)
    assert list(panel.lines) == list(arms)
    commands = [row["command"] for row in _records(analysis, "to repeat it")]
    expected = ["alexcli ablate lrn --seeds=1", "alexcli train baseline", "alexcli train no norm"]
    assert commands == expected


def test_runs_from_records_have_no_curves_and_are_named(run: RunDirectory) -> None:
    study = _study({"baseline": [run], "no norm": [RunDirectory(Path("runs/x/s0-abc"))]})
    with pytest.raises(UsageError, match="metrics"):
        study_report(study, "")
    on = {"devices": ["a processor"], "time": "2026-11-30"}
    study.reused = [ReusedRecord("lrn.json", 1, "alexcli ablate lrn", on)]
    analysis = study_report(study, "")
    (panel,) = analysis.panels
    assert isinstance(panel, LinesPanel)
    assert list(panel.lines) == ["baseline"]
    (row,) = _records(analysis, "taken from records")
    assert list(row.values())[:4] == ["lrn.json", 1, "alexcli ablate lrn", "a processor"]


def test_a_study_of_records_alone_is_reported_without_curves() -> None:
    study = _study({"baseline": [RunDirectory(Path("runs/x/s0-abc"))]})
    study.reused = [ReusedRecord("lrn.json", 1, "alexcli ablate lrn", {"devices": "none"})]
    analysis = study_report(study, "alexcli ablate lrn")
    assert not analysis.panels
    assert [table.title for table in analysis.tables] == ["to repeat it", "taken from records"]
    assert _records(analysis, "taken from records")[0]["device"] == ""


def test_a_study_without_a_finished_run_is_refused() -> None:
    with pytest.raises(UsageError, match="no run of lrn is finished") as caught:
        study_report(_study({"baseline": []}), "")
    assert caught.value.hint == "alexcli ablate lrn"


def test_one_run_is_shown_with_its_dead_units_and_weights(run: RunDirectory) -> None:
    analysis = runs_report([run], NullReporter())
    (table,) = (table for table in analysis.tables if "dead units and" in table.title)
    assert [row["layer"] for row in table.records()][-1] == "fc8"
    assert sum(isinstance(panel, LinesPanel) for panel in analysis.panels) == 3


def test_one_run_tells_its_story(run: RunDirectory) -> None:
    analysis = runs_report([run], NullReporter())
    assert analysis.title.startswith(f"{run.name}: ")
    titles = [table.title for table in analysis.tables]
    assert titles[0] == "what came out"
    panels = [getattr(panel, "title", "") for panel in analysis.panels]
    assert any(title.startswith("tower 0: ") for title in panels), "filters"
    assert any(title.startswith("confusion of ") for title in panels)
    assert any(title.startswith("wrong: ") for title in panels)


def test_a_run_whose_net_cannot_be_read_is_shown_without_them(run: RunDirectory) -> None:
    other = _copy(run, seed=1)
    other.last.write_bytes(b"not a checkpoint")
    notes = Notes()
    analysis = runs_report([other], notes)
    assert len(analysis.panels) == 3  # what the run has recorded is there
    assert notes.warnings[0].startswith("what the net shows is left out: ")


def test_one_run_is_shown_over_its_training_if_it_has_recorded_that(run: RunDirectory) -> None:
    analysis = runs_report([run], NullReporter())
    rows = _records(analysis, "dead units over training")
    assert rows[0]["layer"] == "conv1"
    assert sum(isinstance(panel, MultiplesPanel) for panel in analysis.panels) == 2
    run.units.unlink()
    notes = Notes()
    analysis = runs_report([run], notes)
    assert not any(isinstance(panel, MultiplesPanel) for panel in analysis.panels)
    assert notes.notes == [
        f"dead units and weights over training are left out: {run.path} has no units.jsonl, which "
        "newer runs record"
    ]
