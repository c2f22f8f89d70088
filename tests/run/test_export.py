import json
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
import yaml
from safetensors import safe_open

from alexcli.data.dataset import Statistics
from alexcli.errors import RunFailedError, UsageError
from alexcli.model.lrn import LocalResponseNorm
from alexcli.run import exchange as module
from alexcli.run.build import build_net, build_preprocess
from alexcli.run.exchange import export
from alexcli.run.trained import Trained
from tests.conftest import small

CODE_145 = ("model.rounding=ceil", "model.trunk.conv2.ops=[act,norm,spatial_norm,pool]")


def _trained(*words: str) -> Trained:
    """A net with its initial weights, and a mean image that is not flat."""
    # Nothing but the picture makes the scores, so that a wrong norm cannot hide behind biases.
    biases = [f"model.trunk.{n}.bias=0" for n in ("conv2", "conv4", "conv5", "fc6", "fc7")]
    spec = small("model.lrn.alpha=0.01", "model.init=he", *biases, *words)
    mean = torch.rand(36, 36, 3, dtype=torch.float64) * 255
    preprocess = build_preprocess(spec, Statistics(mean.numpy(), torch.eye(3).numpy(), 9))
    names = [f"c{i}" for i in range(10)]
    cpu = torch.device("cpu")
    return Trained("n", Path("n"), spec, names, names, build_net(spec).eval(), preprocess, cpu)


def _run(path: Path, x: torch.Tensor) -> torch.Tensor:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"x": x.numpy()})[0])


@pytest.mark.parametrize(
    ("words", "options", "lrn"),
    [
        ((*CODE_145, "augment=torchvision"), {"preprocessing": True}, True),
        ((), {"decompose_lrn": True}, False),
        (("model.lrn.size=4",), {}, False),
    ],
)
def test_onnx_gives_the_nets_scores_for_any_batch(
    words: tuple[str, ...], options: dict[str, bool], lrn: bool
) -> None:
    """With the LRN operator where its window is ours, and without it otherwise."""
    trained, path = _trained(*words), Path("net.onnx")
    made = export(trained, "onnx", path, **options).data
    assert ("LRN" in made["operators"]) is lrn
    assert (made["bytes"], made["opset"]) == (
        path.stat().st_size,
        onnx.load(path).opset_import[0].version,
    )
    images = torch.randint(0, 256, (5, 36, 36, 3), dtype=torch.uint8)
    x = trained.preprocess.view(images).contiguous()
    with torch.inference_mode():
        expected = trained.net(x)
    found = _run(path, images if options.get("preprocessing") else x)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_torchs_own_program_gives_the_nets_scores() -> None:
    trained = _trained()
    export(trained, "torch", Path("net.pt2"), preprocessing=True)
    images = torch.randint(0, 256, (4, 36, 36, 3), dtype=torch.uint8)
    program = torch.export.load("net.pt2").module()
    with torch.inference_mode():
        found, expected = program(images), trained.net(trained.preprocess.view(images))
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_safetensors_carries_configuration_and_classes() -> None:
    trained = _trained()
    made = export(trained, "safetensors", Path("net.safetensors"))
    assert made.data["difference"] == 0
    with safe_open("net.safetensors", "pt") as file:
        facts = file.metadata()
        weight = file.get_tensor("net.tower1.conv2.weight")
        assert "preprocess.mean_image" in file.keys()  # noqa: SIM118
    assert torch.equal(weight, trained.net.state_dict()["tower1.conv2.weight"])
    assert json.loads(facts["classes"]) == trained.classes
    assert yaml.safe_load(facts["config"])["model"]["name"] == "tiny"


def test_a_file_that_disagrees_with_the_net_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    trained, made = _trained(), module.portable

    def wrong(net: torch.nn.Module, *, operator: bool) -> torch.nn.Module:
        for part in net.modules():
            if isinstance(part, LocalResponseNorm):
                part.alpha *= 1.1
        found = made(net, operator=operator)  # type: ignore[arg-type]
        for part in net.modules():
            if isinstance(part, LocalResponseNorm):
                part.alpha /= 1.1
        return found

    monkeypatch.setattr(module, "portable", wrong)
    with pytest.raises(RunFailedError, match="differs from the net"):
        export(trained, "onnx", Path("net.onnx"))
    assert not list(Path().iterdir())


def test_what_is_there_is_never_overwritten() -> None:
    Path("net.onnx").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        export(_trained(), "onnx", Path("net.onnx"))
    assert Path("net.onnx").read_text() == "mine"


def test_a_missing_package_and_a_strange_option_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="has no --decompose-lrn"):
        export(_trained(), "safetensors", Path("net.safetensors"), decompose_lrn=True)
    monkeypatch.setattr(module, "NEEDED", {"onnx": ("onnx", "no_such_package")})
    with pytest.raises(UsageError, match="no_such_package") as caught:
        export(_trained(), "onnx", Path("net.onnx"))
    assert "alexcli[export]" in (caught.value.hint or "")
