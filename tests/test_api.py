"""alexcli from Python."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import alexcli
from alexcli import api
from alexcli.errors import UsageError
from tests.conftest import SMALL
from tests.source import ROOT

WORDS = ("experiment=quickstart", *SMALL, "optim.epochs=1")

HEAVY = {"torch", "numpy", "typer", "yaml", "hydra", "omegaconf", "rich", "typing"}


def test_the_package_imports_nothing_until_it_is_asked() -> None:
    code = (
        "import sys; before = set(sys.modules); import alexcli; print(*set(sys.modules) - before);"
        "alexcli.load; print('torch' in sys.modules);"
        "alexcli.params('tiny'); print('torch' in sys.modules)"
    )
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines == ["alexcli", "False", "False"]


def test_the_package_offers_the_functions_of_the_api() -> None:
    assert set(api.__all__) <= set(dir(alexcli))
    for name in api.__all__:
        assert getattr(alexcli, name) is getattr(api, name)
        assert name in (Path(alexcli.__file__).with_suffix(".pyi")).read_text()
    with pytest.raises(AttributeError, match="'alexcli' has no attribute 'lod'"):
        alexcli.lod  # type: ignore[attr-defined]  # noqa: B018


@pytest.fixture
def trained() -> alexcli.TrainedNet:
    """A net of one epoch."""
    result = alexcli.train(*WORDS, progress=False)
    assert not result.skipped
    return alexcli.load(result.directory)


def test_a_trained_net_predicts_evaluates_and_gives_features(trained: alexcli.TrainedNet) -> None:
    assert "10 classes" in repr(trained)
    assert len(trained.classes) == len(trained.class_names) == 10
    for name in ("a", "b"):
        Image.effect_noise((40, 30), 50).convert("RGB").save(f"{name}.png")
    (prediction,) = trained.predict("a.png", top=3)
    assert len(prediction.predictions) == 3
    assert len(trained.predict([Path("a.png"), "b.png"], ten_crop=True)) == 2

    features = trained.features(["a.png", "b.png"])
    assert features.files == ["a.png", "b.png"]
    assert features.values.shape[0] == 2
    assert features.values.dtype == np.float32
    assert features.values.tolist() == trained.features(["a.png", "b.png"]).values.tolist()
    held_out = trained.features(split="val", layer="conv1", at="product")
    assert held_out.values.shape[0] == 60
    assert held_out.values.min() < 0, "before the activation"

    evaluation = trained.evaluate(ten_crop=True)
    assert [row.protocol["views"] for row in evaluation.results] == [1, 10]
    assert evaluation.results[0].n == 60
    pixels = torch.zeros(1, 40, 40, 3, dtype=torch.uint8)
    assert trained.net(trained.preprocess.crop(pixels)).shape == (1, 10)  # type: ignore[operator]


def test_no_class_at_all_is_not_predicted(trained: alexcli.TrainedNet) -> None:
    Image.new("RGB", (40, 40), "red").save("a.png")
    with pytest.raises(UsageError, match="--top 0 asks for no label"):
        trained.predict("a.png", top=0)


def test_a_run_is_found_by_path_name_and_label(trained: alexcli.TrainedNet) -> None:
    assert alexcli.load().name == trained.name
    assert alexcli.load("quickstart").name == trained.name
    assert alexcli.load(trained.name).name == trained.name
    assert alexcli.load(trained.name, "data.val_count=30").evaluate().results[0].n == 30
    assert alexcli.train(*WORDS, progress=False).skipped
    with pytest.raises(UsageError, match="there is no run or checkpoint quikstart"):
        alexcli.load("quikstart")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "takes images or a split"),
        ({"images": "x.png", "split": "val"}, "takes images or a split"),
        ({"images": "none.png"}, "none.png does not exist"),
        ({"split": "all"}, "split='all' is not one of train, val, test"),
        ({"split": "val", "at": "end"}, "at='end' is not one of product, activation, output"),
        ({"split": "val", "layer": "conv9"}, "conv9"),
    ],
)
def test_features_of_nothing_are_refused(
    arguments: dict[str, str], message: str, request: pytest.FixtureRequest
) -> None:
    trained = request.getfixturevalue("shared_net")
    with pytest.raises(UsageError, match=message):
        trained.features(**arguments)


@pytest.fixture(scope="session")
def shared_net(tmp_path_factory: pytest.TempPathFactory) -> alexcli.TrainedNet:
    """A net that tests of refusals share."""
    runs = tmp_path_factory.mktemp("api")
    result = alexcli.train(*WORDS, f"runs={runs}", progress=False)
    return alexcli.load(result.directory)


def test_a_net_is_built_with_the_weights_of_its_seed() -> None:
    net = alexcli.build("tiny", "model.classes=7", seed=3)
    assert net(torch.zeros(2, 3, net.spec.input.size, net.spec.input.size)).shape == (2, 7)
    again = alexcli.build("tiny", "model.classes=7", seed=3)
    other = alexcli.build("tiny", "model.classes=7")
    weights = [next(each.parameters()) for each in (net, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    with pytest.raises(UsageError, match="does not exist"):
        alexcli.build("alexnt")


def test_the_counts_are_those_of_the_paper() -> None:
    assert alexcli.params("alexnet")["totals"]["params"] == 60_965_224
    assert alexcli.params("alexnet", "batch=1")["batch"] == 1


def test_a_placement_of_several_processes_is_left_to_the_command_line() -> None:
    with pytest.raises(UsageError, match="placement=distributed takes several processes") as error:
        alexcli.train("placement=distributed", progress=False)
    assert error.value.hint == "alexcli train placement=distributed"


@pytest.mark.slow
def test_a_study_is_repeated() -> None:
    (result,) = alexcli.ablate("lrn", overrides=SMALL, seeds=1, progress=False)
    assert [arm.name for arm in result.arms] == ["baseline", "without"]
    assert result.missing == 0


def test_a_study_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="no study is named"):
        alexcli.ablate()
    with pytest.raises(UsageError, match="seeds=0 is out of range"):
        alexcli.ablate("lrn", seeds=0)
    with pytest.raises(UsageError, match="'lrm' does not exist"):
        alexcli.ablate("lrm", seeds=1)


def test_the_notebook_runs_cell_by_cell() -> None:
    notebook = json.loads((ROOT / "docs/python.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert not any(cell["outputs"] for cell in cells), "outputs that no one would renew"
    names: dict[str, Any] = {}
    for cell in cells:
        exec("".join(cell["source"]), names)
        if "parameters" in cell["metadata"].get("tags", ()):
            assert names["setting"] == ["experiment=quickstart"]
            names["setting"] = list(WORDS)
    assert names["counts"]["totals"]["params"] == 60_965_224
    assert names["features"].values.shape[0] == 60
    assert names["scores"].shape == (2, 10)
