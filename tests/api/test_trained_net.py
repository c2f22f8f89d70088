"""A trained net from Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import alexcli
from alexcli.errors import UsageError
from tests.conftest import SMALL

WORDS = ("experiment=quickstart", *SMALL, "optim.epochs=1")


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
    with pytest.raises(UsageError, match="top=0 is not a whole number from 1 to 10") as refused:
        trained.predict("a.png", top=0)
    assert refused.value.hint == "top=5"


def test_a_file_that_is_no_image_is_left_out_with_a_warning(shared_net: alexcli.TrainedNet) -> None:
    Path("photos").mkdir()
    Image.new("RGB", (40, 40), "red").save("photos/a.png")
    Path("photos/b.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match=r"1 of 2 images cannot be read:\n  photos/b\.png"):
        (prediction,) = shared_net.predict("photos")
    assert prediction.file == "photos/a.png"
    with pytest.warns(UserWarning, match="1 of 2 images cannot be read"):
        assert shared_net.features("photos").files == ["photos/a.png"]
    with pytest.raises(UsageError, match=r"b\.png cannot be decoded"):
        shared_net.predict("photos/b.png")


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (Image.new("RGB", (40, 40)), "PIL.Image.Image"),
        ([Image.new("RGB", (40, 40))], "PIL.Image.Image"),
        (np.zeros((40, 40, 3), np.uint8), "numpy.ndarray"),
        (torch.zeros(3, 40, 40), "torch.Tensor"),
        (3, "int"),
    ],
)
def test_an_image_in_memory_is_refused_with_what_to_do(
    image: Any, kind: str, shared_net: alexcli.TrainedNet
) -> None:
    with pytest.raises(UsageError, match=f"and this is a {kind}$") as refused:
        shared_net.predict(image)
    assert "image.save(" in (refused.value.hint or "")
    with pytest.raises(UsageError, match=f"and this is a {kind}$"):
        shared_net.features(image)


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
