"""torchvision's nets in the place of towers."""

from pathlib import Path

import pytest
import torch
from torchvision.models import get_model

from alexcli.errors import UsageError
from alexcli.model.towers import find_layer
from alexcli.results import Silent
from alexcli.run.build import build_net
from alexcli.run.evaluate import evaluate
from alexcli.run.rundir import RunDirectory
from alexcli.run.train import train
from tests.conftest import model, small


@pytest.mark.parametrize("name", ["googlenet", "resnet18", "resnet50", "resnet152"])
def test_it_is_the_net_that_torchvision_builds(name: str) -> None:
    extras = {"aux_logits": False, "init_weights": True} if name == "googlenet" else {}
    with torch.device("meta"):
        ours = build_net(small(f"model={name}", "model.width=1", "model.classes=1000"))
        theirs = get_model(name, **extras)
    assert {k.removeprefix("net."): v.shape for k, v in ours.state_dict().items()} == {
        k: v.shape for k, v in theirs.state_dict().items()
    }


def test_it_trains_resumes_and_evaluates_like_any_other() -> None:
    words = ("model=resnet18", "model.input.size=32", "optim.rate=0.01")
    done = train(small(*words), Silent())
    run = RunDirectory(Path(done.directory))
    (row,) = evaluate([(run, run.last)], Silent(), split="val").results
    assert row.top1_err == done.result["last"]["val"]["top1_err"]
    assert train(small(*words), Silent()).skipped


def test_its_initial_weights_follow_the_seed() -> None:
    words = ("model=resnet18", "model.input.size=32")
    a, b, c = (build_net(small(*words, f"seed={seed}")).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not torch.equal(a["net.fc.weight"], c["net.fc.weight"])


def test_two_towers_of_it_are_refused() -> None:
    with pytest.raises(UsageError, match="resnet18 is no net of torchvision, or has towers"):
        build_net(small("model=resnet18", "model.towers=2"))


def test_its_layers_are_not_counted_as_if_there_were_none() -> None:
    from alexcli.model.shapes import trace

    with pytest.raises(UsageError, match="torchvision's"):
        trace(model("model=resnet18"))


def test_an_analysis_of_its_layers_is_refused_in_one_message() -> None:
    with pytest.raises(UsageError, match="its layers are not known here"):
        find_layer(build_net(small("model=resnet18")), None)
