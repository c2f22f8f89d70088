from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import alexnet  # type: ignore[import-untyped]

from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.import_weights import import_weights
from alexcli.run.trained import TrainedModel, load
from alexcli.run.weight_sources import SOURCES, ImportRequest
from alexcli.schema import Resize
from alexcli.weights.pixels import CAFFE_MEAN_BGR, Pixels
from tests.run.trainings import Notes
from tests.weights.caffe_files import caffemodel, mean_file, number
from tests.weights.grouped_net import INPUT, images, random_weights, scores
from tests.weights.onnx_files import write_zoo_net
from tests.weights.test_ports import SEQUENTIAL, sequential

SMALL = (f"model.input.size={INPUT}", "model.lrn.alpha=0.01")
STORED = 80
"""Side of the stored images, from whose middle the net reads INPUT."""


@pytest.fixture(autouse=True)
def names() -> Path:
    Path("names").write_text("".join(f"class{number}\n" for number in range(7)))
    return Path("names")


def _import(source: str, file: str, *overrides: str, **options: object) -> TrainedModel:
    request = ImportRequest(Path(file), overrides=overrides, **options)  # type: ignore[arg-type]
    run = import_weights(source, Path("runs"), NullReporter(), request, classes=Path("names"))
    return load(run, run.last, ["trainer.accelerator=cpu"])


def _refused(source: str, file: str, *overrides: str, **options: object) -> UsageError:
    with pytest.raises(UsageError) as caught:
        _import(source, file, *overrides, **options)
    return caught.value


def _scores(model: TrainedModel, stored: Tensor) -> Tensor:
    with torch.inference_mode():
        return model.net(model.preprocess.crop(stored))  # type: ignore[no-any-return]


def _caffe_input(stored: Tensor, mean: Tensor) -> Tensor:
    """What Caffe's net reads of stored RGB images: the middle, blue green red, less the mean.

    Args:
        stored: (N, S, S, 3) uint8.
        mean: (3,) or (3, S, S), blue, green, red.
    """
    blue_green_red = stored.flip(3).permute(0, 3, 1, 2).float()
    centred = blue_green_red - (mean[:, None, None] if mean.dim() == 1 else mean)
    first = (stored.shape[1] - INPUT) // 2
    return centred[..., first : first + INPUT, first : first + INPUT]


@pytest.mark.parametrize("legacy", [False, True])
def test_a_caffe_net_with_its_mean_image_gives_caffes_scores(legacy: bool) -> None:
    weights = random_weights()
    mean = np.random.default_rng(1).uniform(80, 140, (3, STORED, STORED)).astype(np.float32)
    Path("mean.binaryproto").write_bytes(mean_file(mean))
    Path("net.caffemodel").write_bytes(
        caffemodel(weights, pool_first=True, legacy=legacy, transform=b"\x18" + bytes([INPUT]))
    )
    model = _import("caffe", "net.caffemodel", mean="mean.binaryproto")
    stored = images(size=STORED)
    x = _caffe_input(stored, torch.from_numpy(mean))
    assert torch.allclose(_scores(model, stored), scores(weights, x, pool_first=True), atol=1e-4)
    assert model.spec.data.resize is Resize.warp
    assert model.spec.data.size == STORED


def test_means_and_scale_of_the_file_itself_are_used() -> None:
    weights = random_weights()
    means = (100.0, 110.0, 120.0)
    transform = b"\x18" + bytes([INPUT]) + number(1, 0.5)
    transform += b"".join(number(5, value) for value in means)
    Path("net.caffemodel").write_bytes(caffemodel(weights, transform=transform))
    model = _import("caffe", "net.caffemodel", f"data.size={STORED}")
    stored = images(size=STORED)
    x = _caffe_input(stored, torch.tensor(means)) * 0.5
    assert torch.allclose(_scores(model, stored), scores(weights, x), atol=1e-4)


def test_without_a_mean_imagenets_is_taken_and_said() -> None:
    Path("net.caffemodel").write_bytes(
        caffemodel(random_weights(), transform=b"\x18" + bytes([INPUT]))
    )
    reporter = Notes()
    request = ImportRequest(Path("net.caffemodel"), overrides=[f"data.size={STORED}"])
    run = import_weights("caffe", Path("runs"), reporter, request, classes=Path("names"))
    assert "104.007, 116.669, 122.679: B, G, R" in str(reporter.notes)
    stored = images(size=STORED)
    x = _caffe_input(stored, torch.tensor(CAFFE_MEAN_BGR))
    model = load(run, run.last, ["trainer.accelerator=cpu"])
    assert torch.allclose(_scores(model, stored), scores(random_weights(), x), atol=1e-4)


def test_an_onnx_net_of_caffe2_reads_blue_green_red() -> None:
    write_zoo_net(Path("net.onnx"), random_weights(), INPUT)
    model = _import("onnx", "net.onnx", f"data.size={STORED}", mean="104,117,123")
    stored = images(size=STORED)
    x = _caffe_input(stored, torch.tensor([104.0, 117, 123]))
    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    expected = torch.from_numpy(session.run(None, {"data_0": x.numpy()})[0])
    assert torch.allclose(_scores(model, stored), expected, atol=1e-4)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_grouped_port_is_told_by_its_shapes(suffix: str) -> None:
    state = {
        name.replace("features.", "features.module."): value
        for name, value in sequential(SEQUENTIAL).items()
    }
    path = Path(f"port.{suffix}")
    if suffix == "pth":
        torch.save({"epoch": 1, "state_dict": state, "best_acc1": torch.ones(1)}, path)
    else:
        save_file(state, path)
    model = _import("weights", str(path), f"data.size={STORED}", *SMALL, pixels=Pixels.rgb)
    stored = images(size=STORED)
    mean = torch.tensor(CAFFE_MEAN_BGR)
    x = _caffe_input(stored, mean).flip(1)
    assert torch.allclose(_scores(model, stored), scores(random_weights(), x), atol=1e-4)
    pooled_first = _import(
        "weights", str(path), f"data.size={STORED}", *SMALL, "model=caffenet", pixels=Pixels.caffe
    )
    expected = scores(random_weights(), _caffe_input(stored, mean), pool_first=True)
    assert torch.allclose(_scores(pooled_first, stored), expected, atol=1e-4)


def test_a_port_must_be_told_its_pixels() -> None:
    torch.save(sequential(SEQUENTIAL), "port.pth")
    error = _refused("weights", "port.pth", *SMALL)
    assert "does not say which pixels" in error.message
    assert "--pixels caffe" in (error.hint or "")
    error = _refused("weights", "port.pth", *SMALL, pixels=Pixels.torchvision, mean="1,2,3")
    assert "--mean does not go with" in error.message


def test_what_does_not_fit_is_named_layer_by_layer() -> None:
    torch.save(sequential(SEQUENTIAL), "port.pth")
    overrides = ("model.input.size=227", "model.layers.conv3.kernel=5")
    error = _refused("weights", "port.pth", *overrides, pixels=Pixels.caffe)
    assert "conv3.weight (features.8.weight) is [24, 16, 3, 3] in the file" in error.message
    assert "fc6.weight (classifier.1.weight) is [20, 16] in the file" in error.message
    assert not Path("runs").exists()


def test_a_net_that_its_file_describes_cannot_be_changed() -> None:
    write_zoo_net(Path("net.onnx"), random_weights(), INPUT)
    assert "describes itself" in _refused("onnx", "net.onnx", "model.lrn.k=2").message
    write_zoo_net(Path("torch.onnx"), random_weights(), INPUT, producer="pytorch")
    assert "does not say which pixels" in _refused("onnx", "torch.onnx").message


def test_torchvisions_net_is_told_by_its_shapes_and_keeps_its_pixels() -> None:
    with torch.device("meta"):
        shapes = alexnet(weights=None, num_classes=7).state_dict()
    state = {name: torch.zeros(value.shape) for name, value in shapes.items()}
    torch.save(state, "alexnet.pth")
    request = ImportRequest(Path("alexnet.pth"))
    spec = SOURCES["weights"](request, NullReporter()).spec
    assert (spec.model.name, spec.data.resize) == ("owt", Resize.torchvision)
    assert spec.augment.channel_std is not None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("page.pth", b"<!DOCTYPE html><html>", "web page"),
        ("page.caffemodel", b"<html>", "web page"),
        ("lfs.onnx", b"version https://git-lfs.github.com/spec/v1\n", "git-lfs"),
        ("empty.safetensors", b"", "empty"),
        ("cut.safetensors", b"\xff\0\0\0\0\0\0\0{", "truncated or not a safetensors"),
    ],
)
def test_files_that_hold_no_weights_are_named(name: str, content: bytes, message: str) -> None:
    Path(name).write_bytes(content)
    source = {"caffemodel": "caffe", "onnx": "onnx"}.get(name.split(".")[1], "weights")
    assert message in _refused(source, name).message


@pytest.mark.parametrize(
    ("source", "name", "reader"),
    [
        ("weights", "net.onnx", "onnx"),
        ("torchvision", "net.caffemodel", "caffe"),
        ("onnx", "net.safetensors", "weights"),
        ("caffe", "net.pth", "weights"),
    ],
)
def test_a_file_of_another_source_is_sent_to_it(source: str, name: str, reader: str) -> None:
    Path(name).write_bytes(b"content")
    error = _refused(source, name)
    assert error.message == f"{name} is no file for alexcli import {source}"
    assert error.hint == f"alexcli import {reader} {name}"


def test_a_checkpoint_of_alexcli_needs_no_import() -> None:
    facts = {"classes": [], "plateau": {}, "finished": True, "seconds": 0.0, "train_errors": []}
    weights = {"net.tower0.conv1.weight": torch.zeros(1)}
    torch.save({"state_dict": weights, "global_step": 3, "alexcli": facts}, "last.ckpt")
    error = _refused("weights", "last.ckpt")
    assert "is a checkpoint of alexcli" in error.message
    assert "alexcli eval last.ckpt" in (error.hint or "")


class _Whole(torch.nn.Module):
    """A net of a user's own class."""


def test_a_whole_pickled_net_is_not_executed() -> None:
    torch.save(_Whole(), "whole.pth")
    error = _refused("weights", "whole.pth")
    assert "was not loaded" in error.message
    assert "state_dict()" in (error.hint or "")


def test_a_mean_image_of_another_size_than_the_images_is_refused() -> None:
    np.save("mean.npy", np.full((3, STORED, STORED), 100.0))
    write_zoo_net(Path("net.onnx"), random_weights(), INPUT)
    error = _refused("onnx", "net.onnx", "data.size=96", mean="mean.npy")
    assert "the mean image has a side of 80 pixels, but data.size=96" in error.message


def test_a_size_that_the_file_leaves_out_can_be_said_and_no_other() -> None:
    weights = random_weights()
    Path("net.caffemodel").write_bytes(caffemodel(weights))
    assert "model.input.size" in (_refused("caffe", "net.caffemodel").hint or "")
    model = _import("caffe", "net.caffemodel", f"model.input.size={INPUT}", f"data.size={STORED}")
    stored = images(size=STORED)
    x = _caffe_input(stored, torch.tensor(CAFFE_MEAN_BGR))
    assert torch.allclose(_scores(model, stored), scores(weights, x), atol=1e-4)
    Path("sized.caffemodel").write_bytes(caffemodel(weights, transform=b"\x18" + bytes([INPUT])))
    for file, words in (
        ("sized.caffemodel", f"model.input.size={INPUT}"),
        ("net.caffemodel", "model.dropout.rate=0"),
    ):
        error = _refused("caffe", file, words)
        assert "would change the net" in error.message
