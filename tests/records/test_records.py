"""What holds for the records that are nothing but data."""

import json
import subprocess
import sys
from dataclasses import asdict
from typing import get_args

import pytest

import alexcli.records.analysis
import alexcli.records.benchmark
import alexcli.records.check
import alexcli.records.claim
import alexcli.records.features
import alexcli.records.history
import alexcli.records.model_card
import alexcli.records.run_summary
import alexcli.records.study
from alexcli.records.analysis import Analysis, Panel
from alexcli.records.benchmark import BenchResult
from alexcli.records.history import RunHistory
from alexcli.records.study import ArmResult, Difference, StudyResult

MODULES = (
    alexcli.records.analysis,
    alexcli.records.benchmark,
    alexcli.records.check,
    alexcli.records.claim,
    alexcli.records.features,
    alexcli.records.history,
    alexcli.records.model_card,
    alexcli.records.run_summary,
    alexcli.records.study,
)

DIFFERENCE = Difference(
    metric="top1_err",
    mean=0.01,
    low=None,
    high=None,
    seeds=1,
    paper=0.014,
    notes=None,
    verdict="undecided",
)
ARM = ArmResult(
    name="no norm",
    changes=["model.norm: lrn -> none"],
    command="alexcli train model.norm=none",
    values={"top1_err": {0: 0.5, 1: None}},
    differences=[DIFFERENCE],
    runs=["runs/lrn/s0-1"],
)
STUDY = StudyResult(
    name="lrn",
    about="with and without",
    claim="section 3.3",
    metric="top1_err",
    threshold=None,
    setting="tiny",
    n=60,
    arms=[ARM],
    missing=0,
)
BENCHMARK = BenchResult("lrn/conv1", "torch", 1.5, "ms", 4.0, 3.9, 4.1, n=5)
HISTORY = RunHistory("quickstart", {"optim.lr": 0.01}, [{"epoch": 1, "top1_err": 0.5}])


def test_records_are_imported_without_numpy() -> None:
    """Every command imports them, --help included."""
    names = ", ".join(module.__name__ for module in MODULES)
    code = f"import sys, {names}; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "record", [STUDY, BENCHMARK, HISTORY], ids=lambda record: type(record).__name__
)
def test_results_are_plain_data_that_json_holds(record: object) -> None:
    data = asdict(record)  # type: ignore[call-overload]
    text = json.dumps(data)
    assert json.dumps(json.loads(text)) == text


def test_every_panel_is_one_that_a_figure_may_hold() -> None:
    declared = {
        value
        for name, value in vars(alexcli.records.analysis).items()
        if name.endswith("Panel") and isinstance(value, type)
    }
    assert set(get_args(Panel)) == declared


def test_an_analysis_begins_with_arrays_of_its_own() -> None:
    first = Analysis("first", [])
    first.arrays["labels"] = [1]
    assert not Analysis("second", []).arrays
