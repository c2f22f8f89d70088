"""The table of a sweep: what people and other programs read of it."""

import csv
import io
import json

from alexcli.records.sweep import SweepJob
from alexcli.render.sweeps import sweep_text
from alexcli.render.tables import Format
from tests.records.test_sweep import summary

JOBS = [
    SweepJob(["optim.epochs=2", "seed=0"], 0, summary("a/s0-1", 0.3)),
    SweepJob(["optim.epochs=2", "seed=1"], 1, None),
    SweepJob(["optim.epochs=2", "seed=2"], 0, summary("a/s2-3", 0.25, test_err=0.26)),
    SweepJob(["optim.epochs=2", "seed=3"], None, None),
]


def test_the_best_comes_first_and_a_failed_job_is_named_by_what_is_its_own() -> None:
    lines = sweep_text(JOBS, Format.md).splitlines()
    assert lines[2].startswith("| seed=2 | 25.00% | 26.00% | 2/2 |")
    assert lines[3].startswith("| seed=0 | 30.00% | - |")
    assert "| seed=1 | - | - | - | - | failed (exit code 1) | - |" in lines
    assert "| seed=3 | - | - | - | - | not started | - |" in lines
    assert "optim.epochs" not in "".join(lines), "all jobs share it"


def test_json_and_csv_have_the_words_and_exact_errors() -> None:
    best, _, failed, not_started = json.loads(sweep_text(JOBS, Format.json))
    assert best == {
        "overrides": "optim.epochs=2 seed=2",
        "state": "finished",
        "exit_code": 0,
        "directory": "runs/a/s2-3",
        "epochs": "2/2",
        "val_err": 0.25,
        "test_err": 0.26,
        "seconds": 61.0,
    }
    assert (failed["state"], failed["exit_code"]) == ("failed", 1)
    assert (not_started["state"], not_started["exit_code"]) == ("not started", None)
    rows = list(csv.DictReader(io.StringIO(sweep_text(JOBS, Format.csv))))
    assert [row["val_err"] for row in rows] == ["0.25", "0.3", "", ""]


def test_errors_on_other_images_are_not_passed_off_as_comparable() -> None:
    jobs = [
        SweepJob(["data.seed=0"], 0, summary("a/s0-1", 0.3)),
        SweepJob(["data.seed=1"], 0, summary("a/s0-2", 0.2)),
    ]
    assert "judged by other images" in sweep_text(jobs, Format.md)
    assert "judged by other images" not in sweep_text(JOBS, Format.md)


def test_a_job_alone_shows_all_its_words() -> None:
    assert "| optim.epochs=2 seed=0 |" in sweep_text(JOBS[:1], Format.md)
