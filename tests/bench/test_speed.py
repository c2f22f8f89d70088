import pytest
import torch

from alexcli.bench import lrn, step
from alexcli.bench.eval import run as run_eval
from alexcli.bench.step import HalvesNorm, build_rival
from alexcli.config import compose
from alexcli.results import Silent
from alexcli.schema import TrainSpec
from tests.oracles import lrn_by_loop


def test_norms_of_both_layers_are_compared_with_torchs() -> None:
    found = {one.name: one for one in lrn.run(1, 1, Silent())}
    assert {"lrn/conv1", "lrn/conv2"} <= set(found)
    assert all(one.against == "torch" and one.ratio_median for one in found.values())


def test_views_under_ten_crops_are_compared_with_the_centres() -> None:
    spec = compose(["experiment=quickstart", "model.width=0.25"], TrainSpec)
    (found,) = run_eval(spec, 2, 1, Silent())
    assert (found.name, found.against) == ("eval/ten", "center")


@pytest.mark.parametrize(
    ("name", "parameters"),
    # 60,965,224 is the paper's net (2012 code); the ports hold as many.
    [("port", 60_965_224), ("grouped", 60_965_224), ("no_lrn", 60_965_224)],
)
def test_a_port_is_as_large_as_the_papers_net(name: str, parameters: int) -> None:
    with torch.device("meta"):
        net = build_rival(name)
        out = net(torch.empty(2, 3, 227, 227))
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert out.shape == (2, 1000)


def test_the_grouped_ports_norm_keeps_to_its_half() -> None:
    x = torch.randn(1, 8, 2, 2, dtype=torch.float64)
    halves = [lrn_by_loop(half, 5, 1e-4, 0.75, 2.0) for half in x.chunk(2, 1)]
    assert (HalvesNorm(5, 5e-4, 0.75, 2.0)(x) - torch.cat(halves, 1)).abs().max() < 1e-12


def test_step_names_every_rival(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = compose(["data=folder", "model=alexnet", "model.width=0.1"], TrainSpec)
    monkeypatch.setattr(step, "arm_of", lambda *_: lambda: (1, 0.5))
    monkeypatch.setattr(step, "_peak", lambda _: 1.0)
    found = step.run(spec, 1, 1, Silent(), extrapolate=True)
    rivals = {"port", "grouped", "no_lrn", "torchvision", "torchvision_eager"}
    for kind in ("step/train", "step/infer"):
        assert {one.against for one in found if one.name == kind} == rivals
    named = {one.name: one.value for one in found}
    # 90 passes over 1,281,167 pictures at two a second.
    assert named["ilsvrc2012/90_epochs"] == pytest.approx(90 * 1_281_167 / 2 / 86400)
    assert named["step/train/float32"] == pytest.approx(named["step/train/speed"])
