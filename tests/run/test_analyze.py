import ast
import dataclasses
import importlib
import inspect
import json
import re
import shutil
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from alexcli.analysis.lr import RangeTest
from alexcli.analysis.registry import ANALYSES
from alexcli.analysis.subject import Subject
from alexcli.errors import UsageError
from alexcli.records.analysis import Analysis
from alexcli.reporter import NullReporter
from alexcli.run.analyze import FROM_NETS, FROM_RUNS, PROVIDERS, analyze
from alexcli.run.directory import RunDirectory
from alexcli.run.trained import load
from alexcli.schema import AnalyzeSpec, ModelSpec, TrainSpec
from tests.source import syntax_tree


def _analyze(name: str, *overrides: str, runs: tuple[str, ...] = ()) -> Analysis:
    return analyze(name, overrides, runs, Path("runs"), NullReporter())


def _add_analysis(monkeypatch: pytest.MonkeyPatch, run: object, keys: tuple[str, ...] = ()) -> None:
    """Make `analyze probe` call a function, which reads some keys."""
    module = types.ModuleType("alexcli.analysis.probe")
    module.run = run  # type: ignore[attr-defined]
    module.KEYS = keys  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "alexcli.analysis.probe", module)


@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_lists_the_keys_that_its_code_reads(name: str) -> None:
    keys = {field.name for field in dataclasses.fields(AnalyzeSpec)}
    read: set[str] = set()
    for node in ast.walk(syntax_tree(ANALYSES[name])):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "spec":
                read |= {node.attr} & keys
            elif node.attr == "read_sample":  # a method of the subject
                read |= {"images", "count"}
    listed = getattr(importlib.import_module(f"alexcli.analysis.{name}"), "KEYS", ())
    assert set(listed) == read


def test_the_docstring_of_a_key_begins_with_the_analyses_that_read_it() -> None:
    readers: dict[str, set[str]] = {}
    for name in ANALYSES:
        for key in getattr(importlib.import_module(f"alexcli.analysis.{name}"), "KEYS", ()):
            readers.setdefault(key, set()).add(name)
    source = Path(inspect.getfile(AnalyzeSpec))
    declared = next(
        node
        for node in ast.walk(syntax_tree(source))
        if isinstance(node, ast.ClassDef) and node.name == AnalyzeSpec.__name__
    )
    for field, docstring in zip(declared.body[1::2], declared.body[2::2], strict=True):
        assert isinstance(field, ast.AnnAssign)
        assert isinstance(docstring, ast.Expr)
        key = ast.unparse(field.target)
        words = " ".join(ast.literal_eval(docstring.value).split())
        names = words.partition(":")[0]
        assert set(names.split(", ")) == readers.pop(key)
    assert not readers


@pytest.mark.parametrize("name", ANALYSES)
def test_every_input_that_an_analysis_names_is_provided(name: str) -> None:
    run = importlib.import_module(f"alexcli.analysis.{name}").run
    assert set(inspect.signature(run).parameters) <= set(PROVIDERS)


def test_every_input_is_explained_where_analyses_are() -> None:
    explained = inspect.getdoc(importlib.import_module("alexcli.analysis")) or ""
    assert all(f"| `{name}` " in explained for name in PROVIDERS)
    assert set(PROVIDERS) >= FROM_RUNS >= FROM_NETS


def test_an_analysis_gets_what_its_parameters_name(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs: dict[str, object] = {}

    def run(spec: AnalyzeSpec, evaluations: list[dict[str, int]], check: bool) -> Analysis:
        inputs.update(spec=spec, evaluations=evaluations, check=check)
        return Analysis("probe", [])

    _add_analysis(monkeypatch, run, keys=("batch",))
    reporter = NullReporter()
    rows = [{"n": 1}]
    analyze("probe", ["batch=3"], [], Path("runs"), reporter, evaluations=rows, check=True)
    assert inputs["evaluations"] == rows
    assert inputs["check"] is True
    assert isinstance(inputs["spec"], AnalyzeSpec)
    assert inputs["spec"].batch == 3


def test_a_model_is_found_by_the_name_of_its_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    models: list[ModelSpec] = []

    def run(model_named: Callable[[str], ModelSpec]) -> Analysis:
        models.append(model_named("vgg16"))
        return Analysis("probe", [])

    _add_analysis(monkeypatch, run)
    _analyze("probe")
    assert models[0].name == "vgg16"


def test_the_subject_is_the_newest_run_with_its_data_changed(
    monkeypatch: pytest.MonkeyPatch, run: RunDirectory
) -> None:
    subjects: list[Subject] = []

    def probe(spec: AnalyzeSpec, subject: Subject) -> Analysis:
        assert spec.count == 5
        subjects.append(subject)
        return Analysis("probe", [])

    _add_analysis(monkeypatch, probe, keys=("count",))
    _analyze("probe", "count=5", "data.workers=0")
    assert subjects[0].name == run.name
    with pytest.raises(UsageError, match=r"model\.width"):
        _analyze("probe", "model.width=0.5")


def test_an_untrained_net_is_configured_as_for_training(monkeypatch: pytest.MonkeyPatch) -> None:
    subjects: list[Subject] = []

    def probe(untrained: Subject) -> Analysis:
        subjects.append(untrained)
        return Analysis("probe", [])

    _add_analysis(monkeypatch, probe)
    sizes = ("data.train_count=150", "data.val_count=60")
    _analyze("probe", *sizes, "model.width=0.25", "seed=3")
    assert subjects[0].name.endswith("seed 3")
    assert subjects[0].net.spec.width == 0.25
    assert not subjects[0].net.training


@pytest.mark.parametrize("kind", ["train", "import"])
def test_the_first_step_of_imported_weights_begins_with_them(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    subjects: list[Subject] = []

    def probe(untrained: Subject) -> Analysis:
        subjects.append(untrained)
        return Analysis("probe", [])

    _add_analysis(monkeypatch, probe)
    copied = RunDirectory(Path("runs/copied/s0-1234"))
    shutil.copytree(run.path, copied.path)
    copied.result_file.write_text(json.dumps({**(run.result() or {}), "kind": kind}))
    _analyze("probe", runs=(str(copied.path),))
    state = subjects[0].net.state_dict()
    weights = load(run, run.last).net.state_dict()
    same = all(torch.equal(state[name], weights[name]) for name in weights)
    assert same == (kind == "import")


@pytest.mark.parametrize("name", ["params", "architecture"])
def test_counts_can_be_those_of_a_run(run: RunDirectory, name: str) -> None:
    title = _analyze(name, runs=(str(run.path),)).title
    assert run.read_config().model.name in title
    with pytest.raises(UsageError, match=r"model=merged name two nets"):
        _analyze(name, "model=merged", runs=(str(run.path),))


def test_several_runs_are_refused_where_one_is_looked_at(run: RunDirectory) -> None:
    best = run.path / "best.ckpt"
    message = re.escape(f"{run.path} {best} matches 2 runs")
    with pytest.raises(UsageError, match=message) as caught:
        _analyze("filters", runs=(str(run.path), str(best)))
    assert caught.value.hint == f"name one of them, such as {run.last}"


def test_a_run_is_refused_where_none_is_looked_at() -> None:
    with pytest.raises(UsageError, match="tables does not take --run") as caught:
        _analyze("tables", runs=("x",))
    assert caught.value.hint == "alexcli analyze tables without --run"


def test_an_override_that_curves_have_no_use_for_is_refused(run: RunDirectory) -> None:
    with pytest.raises(UsageError, match="data"):
        _analyze("curves", "data.root=elsewhere", runs=(str(run.path),))


def test_a_range_test_of_imported_weights_begins_with_them(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources: list[str | None] = []

    def losses_at(spec: TrainSpec, rates: Sequence[float], _reporter: object) -> RangeTest:
        sources.append(spec.init_from)
        return RangeTest([1.0] * len(rates), 10)

    monkeypatch.setattr("alexcli.run.range_test.losses_at", losses_at)
    name = str(run.path)
    for kind in ("train", "import"):
        result = json.loads(run.result_file.read_text())
        run.result_file.write_text(json.dumps({**result, "kind": kind}))
        _analyze("lr", runs=(name,))
    assert sources == [None, str(run.last)]


def test_an_analysis_says_how_many_images_it_takes_unless_the_user_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: list[int] = []

    def run(spec: AnalyzeSpec) -> Analysis:
        counts.append(spec.count)
        return Analysis("", [])

    _add_analysis(monkeypatch, run, ("count",))
    _analyze("probe")
    monkeypatch.setattr(sys.modules["alexcli.analysis.probe"], "COUNT", 200, raising=False)
    _analyze("probe")
    _analyze("probe", "count=5")
    assert counts == [8, 200, 5]
