import dataclasses
import json
import zipfile
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
import yaml
from safetensors import safe_open
from torch import Tensor, nn

import alexcli
from alexcli.data.statistics import Statistics
from alexcli.errors import RunFailedError, UsageError
from alexcli.model.lrn import LocalResponseNorm
from alexcli.model.net import Net
from alexcli.placement.single import SinglePlacement
from alexcli.run import export as export_module
from alexcli.run.build import build_net, build_preprocess
from alexcli.run.export import default_path, export
from alexcli.run.export_formats import FORMATS
from alexcli.run.trained import TrainedModel
from alexcli.weights.onnx_graph import read_onnx
from tests.conftest import small

CODE_145 = ("model.rounding=ceil", "model.layers.conv2.ops=[act,norm,spatial_norm,pool]")
# Without biases the scores depend on the image alone, so that a wrong norm cannot hide.
WITHOUT_BIASES = [
    f"model.layers.{layer}.bias=0" for layer in ("conv2", "conv4", "conv5", "fc6", "fc7")
]


def _trained(*overrides: str) -> TrainedModel:
    """A net with its initial weights, and a mean image that is not flat."""
    spec = small("model.lrn.alpha=0.01", "model.init=he", *WITHOUT_BIASES, *overrides)
    mean = torch.rand(36, 36, 3, dtype=torch.float64) * 255
    statistics = Statistics(mean.numpy(), torch.eye(3).numpy(), 9)
    classes = [f"c{number}" for number in range(10)]
    return TrainedModel(
        name="n",
        path=Path("n"),
        spec=spec,
        classes=classes,
        names=classes,
        net=build_net(spec).eval(),
        preprocess=build_preprocess(spec, statistics),
        placement=SinglePlacement(torch.device("cpu"), spec.model.towers),
    )


def _images(count: int) -> Tensor:
    return torch.randint(0, 256, (count, 36, 36, 3), dtype=torch.uint8)


def _run_onnx(path: Path, x: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"x": x.numpy()})[0])


def _installed_at() -> bytes:
    """The folder of the source files, which an exported file must not tell."""
    return str(Path(alexcli.__file__).parent).encode()


@pytest.mark.parametrize(
    ("overrides", "options", "has_lrn"),
    [
        ((*CODE_145, "augment=torchvision"), {"preprocessing": True}, True),
        ((), {"decompose_lrn": True}, False),
        (("model.lrn.size=4",), {}, False),
    ],
)
def test_onnx_gives_the_nets_scores_for_any_batch(
    overrides: tuple[str, ...], options: dict[str, bool], has_lrn: bool
) -> None:
    """With the LRN operator where its window is ours, and without it otherwise."""
    trained = _trained(*overrides)
    path = Path("net.onnx")
    data = export(trained, "onnx", path, **options).data
    assert ("LRN" in data["operators"]) is has_lrn
    assert data["bytes"] == path.stat().st_size
    assert data["opset"] == onnx.load(path).opset_import[0].version
    images = _images(5)
    x = trained.preprocess.crop(images).contiguous()
    with torch.inference_mode():
        expected = trained.net(x)
    assert _installed_at() not in path.read_bytes()
    scores = _run_onnx(path, images if options.get("preprocessing") else x)
    assert (scores - expected).abs().max() < 1e-4 * expected.abs().max()


def test_onnx_that_has_no_place_for_a_net_of_towers_is_not_read_back() -> None:
    export(_trained(), "onnx", Path("net.onnx"))
    with pytest.raises(UsageError, match="exported by alexcli") as caught:
        read_onnx(Path("net.onnx"))
    assert "--format safetensors" in (caught.value.hint or "")


def test_an_opset_that_cannot_be_made_is_refused_without_a_traceback(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(UsageError, match="not 99") as caught:
        export(_trained(), "onnx", Path("net.onnx"), opset=99)
    assert str(onnx.defs.onnx_opset_version()) in (caught.value.hint or "")
    assert "Traceback" not in "".join(capfd.readouterr())
    assert not Path("net.onnx").exists()


def test_torchs_own_program_gives_the_nets_scores() -> None:
    trained = _trained()
    path = Path("net.pt2")
    export(trained, "torch", path, preprocessing=True)
    with zipfile.ZipFile(path) as archive:
        assert all(_installed_at() not in archive.read(name) for name in archive.namelist())
    images = _images(4)
    program = torch.export.load("net.pt2").module()
    with torch.inference_mode():
        scores = program(images)
        expected = trained.net(trained.preprocess.crop(images))
    assert torch.allclose(scores, expected, rtol=1e-4, atol=1e-6)


def test_safetensors_carries_configuration_and_classes() -> None:
    trained = _trained()
    data = export(trained, "safetensors", Path("net.safetensors")).data
    assert data["difference"] == 0
    with safe_open("net.safetensors", "pt") as file:
        metadata = file.metadata()
        weight = file.get_tensor("net.tower1.conv2.weight")
        assert "preprocess.mean_image" in file.keys()  # noqa: SIM118
    assert torch.equal(weight, trained.net.state_dict()["tower1.conv2.weight"])
    assert json.loads(metadata["classes"]) == trained.classes
    assert yaml.safe_load(metadata["config"])["model"]["name"] == "tiny"


def test_a_file_that_disagrees_with_the_net_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    exportable_copy = export_module.exportable_copy

    def scale_alpha(net: nn.Module, factor: float) -> None:
        for module in net.modules():
            if isinstance(module, LocalResponseNorm):
                module.alpha *= factor

    def wrong_copy(net: Net, *, operator: bool) -> Net:
        scale_alpha(net, 1.1)
        wrong = exportable_copy(net, operator=operator)
        scale_alpha(net, 1 / 1.1)
        return wrong

    monkeypatch.setattr(export_module, "exportable_copy", wrong_copy)
    with pytest.raises(RunFailedError, match="differs from the net") as caught:
        export(_trained(), "onnx", Path("net.onnx"))
    assert "--decompose-lrn" in (caught.value.hint or "")
    assert not list(Path().iterdir())


def test_an_existing_file_is_never_overwritten() -> None:
    Path("net.onnx").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        export(_trained(), "onnx", Path("net.onnx"))
    assert Path("net.onnx").read_text() == "mine"


def test_an_option_of_another_format_is_refused() -> None:
    with pytest.raises(UsageError, match="has no --decompose-lrn"):
        export(_trained(), "safetensors", Path("net.safetensors"), decompose_lrn=True)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    onnx_format = dataclasses.replace(FORMATS["onnx"], packages=("onnx", "no_such_package"))
    monkeypatch.setattr(export_module, "FORMATS", {"onnx": onnx_format})
    with pytest.raises(UsageError, match="no_such_package") as caught:
        export(_trained(), "onnx", Path("net.onnx"))
    assert "alexcli[export]" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("format_name", "name"),
    [("onnx", "tiny.onnx"), ("safetensors", "tiny.safetensors"), ("torch", "tiny.pt2")],
)
def test_a_file_is_called_after_the_model_by_default(format_name: str, name: str) -> None:
    assert default_path(_trained(), format_name) == Path(name)


def test_the_suffix_of_another_format_is_refused() -> None:
    with pytest.raises(UsageError, match="has the suffix of --format onnx") as caught:
        export(_trained(), "safetensors", Path("net.onnx"))
    assert caught.value.hint == "--out net.safetensors"
