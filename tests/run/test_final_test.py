"""The error on the test set, once at the end."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from alexcli.placement.single import SinglePlacement
from alexcli.reporter import NullReporter
from alexcli.run.build import build_data
from alexcli.run.directory import RunDirectory
from alexcli.run.evaluate import evaluate
from alexcli.run.final_test import has_own_test, measure_test, measured_images, measured_split
from alexcli.run.train import train
from tests.conftest import small


def test_the_error_is_that_of_eval_and_stands_in_the_result() -> None:
    trained = train(small(), NullReporter())
    run = RunDirectory(Path(trained.directory))
    row = evaluate([(run, run.last)], NullReporter(), split="test").results[0]
    expected = {"top1_err": row.top1_err, "top5_err": row.top5_err, "loss": row.loss, "n": 50}
    assert trained.result["test"] == measure_test(run, NullReporter()) == expected


def test_it_is_measured_by_one_of_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = train(small(), NullReporter())
    run = RunDirectory(Path(trained.directory))
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    alone = SinglePlacement(torch.device("cpu"), towers=2)
    assert measure_test(run, NullReporter(), alone) == trained.result["test"]


def test_it_is_not_measured_unless_asked_for() -> None:
    trained = train(small("eval.test_at_end=false"), NullReporter())
    assert "test" not in trained.result


def test_a_test_set_that_serves_as_val_is_none_of_its_own() -> None:
    _, dataset = build_data(small(), NullReporter())
    assert has_own_test(dataset)
    assert not has_own_test(replace(dataset, test=dataset.val))
    assert not has_own_test(replace(dataset, test=None))


def test_studies_measure_on_the_test_set_where_it_is_another_than_val() -> None:
    _, dataset = build_data(small(), NullReporter())
    assert measured_split(dataset) == "test"
    assert measured_images(dataset) is dataset.test
    for test in (dataset.val, None):
        without = replace(dataset, test=test)
        assert measured_split(without) == "val"
        assert measured_images(without) is dataset.val
