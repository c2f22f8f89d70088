"""Yaml files of nets."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from alexcli.analysis import params
from alexcli.config.compose import compose
from alexcli.optim.groups import build_optimizer
from alexcli.rng import DropoutContext
from alexcli.run.build import build_net, check_build
from alexcli.schema import AnalyzeSpec, TrainSpec
from tests.fuzz.outcomes import used_or_refused
from tests.fuzz.strategies import changed, damaged, nets

MOST_BYTES = 10_000_000
"""Of a net that is trained here."""
PARENT = {"defaults": ["tiny", "_self_"]}


def written(text: bytes) -> None:
    """Make a file the model `mine`."""
    path = Path("conf/model/mine.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


def built_and_counted() -> TrainSpec:
    """The net of `mine`, built without memory; its counts are those of the formulas."""
    model = compose(["model=mine"], AnalyzeSpec)
    training = _quickstart()
    data = replace(training.data, size=model.model.input.size)
    spec = replace(training, model=model.model, data=data)
    check_build(spec)
    totals = params.run(model).data["totals"]
    with torch.device("meta"):
        net = build_net(spec)
    assert totals["params"] == sum(weights.numel() for weights in net.parameters())
    if totals["training_bytes"] < MOST_BYTES:
        train_a_step(spec)
    return spec


@cache
def _quickstart() -> TrainSpec:
    return compose(["experiment=quickstart"], TrainSpec)


def train_a_step(spec: TrainSpec) -> None:
    """One update of a net by two images, after which it still answers."""
    net = build_net(spec).train()
    optimizer = build_optimizer(net.named_parameters(), spec.optim)
    generator = torch.Generator().manual_seed(0)
    shape = (2, spec.model.input.channels, spec.model.input.size, spec.model.input.size)
    images = torch.randn(shape, generator=generator)
    scores = net(images, DropoutContext(seed=0, step=0, row=0))
    assert scores.shape == (2, spec.model.classes)
    torch.nn.functional.cross_entropy(scores, torch.tensor([0, 1])).backward()
    optimizer.step()
    with torch.inference_mode():
        assert net.eval()(images).shape == scores.shape


@given(nets)
def test_a_net_is_refused_or_built_counted_and_trained(net: dict[str, Any]) -> None:
    written(yaml.safe_dump(net, sort_keys=False).encode())
    used_or_refused("nets", built_and_counted)


@given(st.data())
def test_a_changed_net_is_refused_or_built_counted_and_trained(data: st.DataObject) -> None:
    net = data.draw(nets)
    base = {**PARENT, **net} if data.draw(st.booleans()) else net
    written(yaml.safe_dump(data.draw(changed(base)), sort_keys=False).encode())
    used_or_refused("changed nets", built_and_counted)


@given(nets.flatmap(lambda net: damaged(yaml.safe_dump({**PARENT, **net}).encode())))
def test_a_damaged_file_of_a_net_is_refused_or_used(text: bytes) -> None:
    written(text)
    used_or_refused("damaged yaml files of nets", built_and_counted)
