"""What is an analysis, and whether each file says so itself."""

import importlib
import inspect

import pytest

from alexcli.analysis.registry import ANALYSES, inputs, summary

EXPECTED = {"params", "compare", "traffic", "filters", "neighbors", "curves", "init", "tables"}


def test_every_file_with_a_function_run_is_an_analysis_and_no_other() -> None:
    assert set(ANALYSES) >= EXPECTED
    assert not {"registry", "published", "subject", "tiles", "nearest"} & set(ANALYSES)


@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_has_a_summary_and_explains_its_arguments(name: str) -> None:
    run = importlib.import_module(f"alexcli.analysis.{name}").run
    assert len(summary(name)) > 20
    assert summary(name).endswith((".", "them"))
    doc = inspect.getdoc(run) or ""
    for parameter in inspect.signature(run).parameters:
        assert f"    {parameter}: " in doc


@pytest.mark.parametrize("name", ANALYSES)
def test_the_inputs_of_an_analysis_are_known_without_importing_it(name: str) -> None:
    run = importlib.import_module(f"alexcli.analysis.{name}").run
    assert inputs(name) == list(inspect.signature(run).parameters)
