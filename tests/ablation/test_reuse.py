"""Runs that a recorded study names are not trained again."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from alexcli.ablation.plan import Ablation
from alexcli.ablation.precision import AutoSeeds, reached_precision
from alexcli.ablation.recorded import read_study_result
from alexcli.ablation.results import study_results
from alexcli.ablation.reuse import read_recorded_runs
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from tests.ablation.finished import finish
from tests.cli.command_line import run_command
from tests.conftest import SMALL

RECORDS = Path("records")


def _record(name: str, seeds: int, *overrides: str) -> Path:
    """Write a study of finished runs to RECORDS, and remove the runs."""
    for job in Ablation([name], [*SMALL, *overrides], seeds).jobs():
        finish(job, 0.1 + 0.01 * job.spec.seed + 0.05 * job.name.endswith("/baseline"))
    words = ["ablate", name, *SMALL, *overrides, "--seeds", str(seeds), "--report-only"]
    result = run_command(*words, "--out", str(RECORDS))
    assert result.code == 0, result.err
    shutil.rmtree("runs")
    (path,) = RECORDS.glob(f"{name}*.json")
    return path


def _values(study: Any) -> list[Any]:
    return [(arm["name"], arm["values"], arm["differences"]) for arm in asdict(study)["arms"]]


@pytest.mark.parametrize("name", ["lrn", "bias_init", "weight_decay"])
def test_a_study_of_recorded_runs_is_the_recorded_one(name: str) -> None:
    """By top-1 error, by epochs until a training error, and by the training error."""
    path = _record(name, seeds=3)
    ablation = Ablation([name], SMALL, 3, recorded=read_recorded_runs(RECORDS))
    assert all(job.finished for job in ablation.jobs())
    (study,) = study_results(ablation, NullReporter())
    assert _values(study) == _values(read_study_result(path))
    assert [(record.file, record.runs) for record in study.reused] == [(path.name, 6)]
    assert study.reused[0].command.startswith(f"alexcli ablate {name}")
    assert study.reused[0].on["packages"]


def test_running_means_and_errors_of_passes_are_not_reused_for_each_other() -> None:
    passes = "trainer.train_eval=true"
    for made, needed in ((), (passes,)), ((passes,), ()):
        _record("bias_init", 2, *made)
        recorded = read_recorded_runs(RECORDS)
        same = Ablation(["bias_init"], [*SMALL, *made], 2, recorded=recorded)
        assert all(job.finished for job in same.jobs())
        other = Ablation(["bias_init"], [*SMALL, *needed], 2, recorded=recorded)
        assert not any(job.finished for job in other.jobs())
        shutil.rmtree(RECORDS)


def test_held_out_errors_are_reused_with_or_without_passes() -> None:
    _record("lrn", 2)
    words = [*SMALL, "trainer.train_eval=true"]
    ablation = Ablation(["lrn"], words, 2, recorded=read_recorded_runs(RECORDS))
    assert all(job.finished for job in ablation.jobs())


def test_more_seeds_are_added_to_recorded_ones() -> None:
    _record("lrn", seeds=2)
    ablation = Ablation(["lrn"], SMALL, 3, recorded=read_recorded_runs(RECORDS))
    unfinished = [job for job in ablation.jobs() if not job.finished]
    assert [str(job) for job in unfinished] == ["lrn/baseline seed 2", "lrn/without seed 2"]
    for job in unfinished:
        finish(job, 0.3)
    (study,) = study_results(ablation, NullReporter())
    assert study.arms[1].values["top1_err"] == {0: 0.1, 1: pytest.approx(0.11), 2: 0.3}
    assert study.missing == 0


def test_arms_of_a_recorded_study_can_be_chosen() -> None:
    _record("width", seeds=1)
    recorded = read_recorded_runs(RECORDS)
    (study,) = Ablation(["width/half"], SMALL, 1, recorded=recorded).studies
    assert [arm.name for arm in study.arms] == ["baseline", "half"]
    assert all(job.finished for job in Ablation(["width/half"], SMALL, 1, recorded=recorded).jobs())


def test_another_configuration_or_seed_is_trained() -> None:
    _record("lrn", seeds=1)
    recorded = read_recorded_runs(RECORDS)
    for words, seeds in (([*SMALL, "optim.lr=0.5"], 1), (SMALL, 2)):
        jobs = Ablation(["lrn"], words, seeds, recorded=recorded).jobs()
        assert not jobs[-1].finished


@pytest.mark.parametrize(("key", "value"), [("n", 49), ("split", "val")])
def test_errors_on_other_images_are_not_taken(key: str, value: object) -> None:
    path = _record("lrn", seeds=1)
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    ablation = Ablation(["lrn"], SMALL, 1, recorded=read_recorded_runs(RECORDS))
    assert not any(job.finished for job in ablation.jobs())


def test_epochs_until_another_training_error_are_not_taken() -> None:
    path = _record("bias_init", seeds=1)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"threshold": 0.4}))
    ablation = Ablation(["bias_init"], SMALL, 1, recorded=read_recorded_runs(RECORDS))
    assert not any(job.finished for job in ablation.jobs())


def test_what_needs_the_nets_themselves_trains_them() -> None:
    """Ten crops are seen by the nets themselves; a record knows their errors alone."""
    for name in ("ten_crop", "width"):
        for job in Ablation([name], SMALL, 1).jobs():
            finish(job, 0.1)
    result = run_command("ablate", "width", *SMALL, "--seeds=1", "--report-only", "--out=records")
    assert result.code == 0, result.err
    shutil.rmtree("runs")
    recorded = read_recorded_runs(RECORDS)
    assert all(job.finished for job in Ablation(["width"], SMALL, 1, recorded=recorded).jobs())
    both = Ablation(["width", "ten_crop"], SMALL, 1, recorded=recorded)
    assert [str(job) for job in both.jobs() if not job.finished] == ["ten_crop/baseline seed 0"]


def test_a_finished_run_counts_before_its_record() -> None:
    _record("lrn", seeds=1)
    recorded = read_recorded_runs(RECORDS)
    for job in Ablation(["lrn"], SMALL, 1).jobs():
        finish(job, 0.7)
    ablation = Ablation(["lrn"], SMALL, 1, recorded=recorded)
    (study,) = study_results(ablation, NullReporter())
    assert study.arms[0].values["top1_err"] == {0: 0.7}
    assert study.reused == []


def test_missing_minutes_are_estimated_where_nothing_was_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _record("lrn", seeds=4)
    monkeypatch.setattr("alexcli.ablation.precision.seconds_per_epoch", lambda _: 60.0)
    path = next(RECORDS.glob("*.json"))
    content = json.loads(path.read_text())
    content["arms"][1]["values"]["top1_err"] |= {"1": 0.9}
    path.write_text(json.dumps(content))
    ablation = Ablation(["lrn"], SMALL, None, recorded=read_recorded_runs(RECORDS))
    (study,) = ablation.studies
    precision = reached_precision(ablation, study, AutoSeeds(), parallel=1)
    assert precision.seeds_wanted is not None
    assert precision.minutes_wanted == pytest.approx(2 * 2 * (precision.seeds_wanted - 4))


def test_records_of_records_are_named() -> None:
    _record("lrn", seeds=1)
    words = ["ablate", "lrn", *SMALL, "--seeds=1", f"--reuse={RECORDS}", "--out=again"]
    result = run_command(*words)
    assert result.code == 0, result.err
    assert "2 of 2 runs are recorded in records" in result.err
    assert "not trained again: 2 runs of lrn-mechanism.json" in result.out
    assert not Path("runs").exists()
    recorded = read_recorded_runs(Path("again"))
    ablation = Ablation(["lrn"], SMALL, 1, recorded=recorded)
    (study,) = study_results(ablation, NullReporter())
    (record,) = study.reused
    (earlier,) = record.earlier
    assert (record.file, record.runs) == (earlier["file"], earlier["runs"])
    assert "--report-only" not in record.command
    assert earlier["on"]["packages"]


def test_a_dry_run_names_the_record() -> None:
    _record("lrn", seeds=1)
    result = run_command("ablate", "lrn", *SMALL, "--seeds=1", f"--reuse={RECORDS}", "--dry-run")
    assert result.code == 0, result.err
    assert result.out.count("in lrn-mechanism.json") == 2


def test_a_folder_without_what_is_wanted_is_said() -> None:
    _record("lrn", seeds=1)
    result = run_command(
        "ablate", "width/half", *SMALL, "--seeds=1", "--reuse=records", "--report-only"
    )
    assert "0 of 2 runs are recorded in records: other seeds, configurations" in result.err


def test_where_all_runs_are_finished_here_none_is_missed_in_the_records() -> None:
    _record("lrn", seeds=1)
    for job in Ablation(["lrn"], SMALL, 1).jobs():
        finish(job, 0.1)
    words = ["ablate", "lrn", *SMALL, "--seeds=1", f"--reuse={RECORDS}", "--dry-run"]
    assert "all 2 runs are finished here" in run_command(*words).err


def test_where_nothing_is_reused_the_command_of_the_record_is_said() -> None:
    path = _record("lrn", seeds=1)
    content = json.loads(path.read_text())
    content["command"] += " label='\x1b[2J"
    path.write_text(json.dumps(content))
    other = ["optim.lr=0.02", "--seeds=1", f"--reuse={RECORDS}", "--dry-run"]
    result = run_command("ablate", "lrn", *SMALL, *other)
    assert result.code == 0, result.err
    assert "0 of 2 runs are recorded" in result.err
    assert f"recorded was alexcli ablate lrn {SMALL[0]}" in result.err
    assert "\x1b" not in result.err


def test_a_folder_without_studies_is_refused() -> None:
    Path("empty").mkdir()
    with pytest.raises(UsageError, match="--reuse empty has no studies"):
        read_recorded_runs(Path("empty"))


def test_a_record_of_a_stranger_gives_numbers_at_most() -> None:
    path = _record("lrn", seeds=1)
    content = json.loads(path.read_text())
    content["arms"][0]["runs"] += ["", "runs/../..", f"runs/s{'9' * 5000}-0", "s7-0", "\x1b[2Js0-0"]
    hostile = path.with_name("\x1b[2J.json")
    path.rename(hostile)
    hostile.write_text(json.dumps(content))
    result = run_command("ablate", "lrn", *SMALL, "--seeds=1", f"--reuse={RECORDS}")
    assert result.code == 0, result.err
    assert "not trained again: 2 runs" in result.out
    assert "\x1b" not in result.out + result.err


def test_a_record_of_another_metric_is_refused() -> None:
    path = _record("lrn", seeds=1)
    content = json.loads(path.read_text())
    content["arms"][0]["values"]["made_up"] = {"0": 0.5}
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="'made_up' is none of top1_err"):
        read_recorded_runs(RECORDS)


def test_a_report_shows_recorded_runs_without_their_curves() -> None:
    record = _record("lrn", seeds=2)
    words = ["report", "lrn", *SMALL, "--seeds", "2"]
    assert run_command(*words).code == 2, "their directories are gone"
    result = run_command(*words, "--reuse", str(RECORDS))
    assert result.code == 0, result.err
    page = Path("report.html").read_text()
    assert f"<td>{record.name}</td>" in page
    assert "arms against the baseline" in page
    assert page.count("<svg") == 1, "the forest plot"
