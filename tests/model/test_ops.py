"""Dropout, pooling and activations by themselves."""

import pytest
import torch
from torch import nn

from alexcli.model.lrn import LocalResponseNorm, SpatialResponseNorm
from alexcli.model.ops import Dropout, build_activation, build_op
from alexcli.model.shapes import trace
from alexcli.rng import DropoutContext
from alexcli.schema import Activation, DropoutKind, Norm, Op
from tests.conftest import model


def _dropout(kind: DropoutKind = DropoutKind.test_scale, tower: int = 0) -> Dropout:
    return Dropout(0.5, kind, layer="fc6", tower=tower)


def test_test_scale_drops_without_rescaling_and_halves_at_test() -> None:
    dropout = _dropout()
    x = torch.ones(64, 1000)
    out = dropout(x, DropoutContext(0, 0))
    assert set(out.unique().tolist()) == {0.0, 1.0}
    assert out.mean().item() == pytest.approx(0.5, abs=0.01)
    assert torch.equal(dropout.eval()(x, None), x * 0.5)


def test_inverted_rescales_in_training_and_does_nothing_at_test() -> None:
    dropout = _dropout(DropoutKind.inverted)
    x = torch.ones(64, 1000)
    assert set(dropout(x, DropoutContext(0, 0)).unique().tolist()) == {0.0, 2.0}
    assert torch.equal(dropout.eval()(x, None), x)


def test_a_mask_is_a_function_of_seed_step_unit_and_row() -> None:
    dropout = _dropout()
    x = torch.ones(8, 100)
    whole = dropout(x, DropoutContext(0, 5))
    assert torch.equal(dropout(x, DropoutContext(0, 5)), whole)
    assert not torch.equal(dropout(x, DropoutContext(0, 6)), whole)
    assert not torch.equal(dropout(x, DropoutContext(1, 5)), whole)
    assert torch.equal(dropout(x[:3], DropoutContext(0, 5, row=5)), whole[5:])


def test_two_towers_masks_are_the_halves_of_one() -> None:
    whole = _dropout()(torch.ones(4, 200), DropoutContext(0, 1))
    halves = [_dropout(tower=t)(torch.ones(4, 100), DropoutContext(0, 1)) for t in (0, 1)]
    assert torch.equal(torch.cat(halves, 1), whole)


def test_training_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="place in training"):
        _dropout()(torch.ones(1, 2), None)


def test_a_rate_of_zero_drops_nothing_and_needs_no_place() -> None:
    x = torch.randn(3, 5)
    dropout = Dropout(0.0, DropoutKind.test_scale, layer="fc6", tower=0)
    assert torch.equal(dropout(x, None), x)
    assert torch.equal(dropout.eval()(x, None), x)


@pytest.mark.parametrize("activation", Activation)
def test_every_activation_is_torchs_module_of_that_name(activation: Activation) -> None:
    module = build_activation(activation)
    assert type(module).__module__.startswith("torch.nn.")
    assert type(module).__name__.lower() == activation.replace("_", "")
    assert module(torch.randn(2, 3)).shape == (2, 3)


def test_relu_alone_works_in_place() -> None:
    x = torch.randn(2, 3)
    assert build_activation(Activation.relu)(x) is x
    assert build_activation(Activation.tanh)(x) is not x


@pytest.mark.parametrize(
    ("norm", "layer", "expected"),
    [
        (Norm.lrn, "conv1", LocalResponseNorm),
        (Norm.spatial_lrn, "conv1", SpatialResponseNorm),
        (Norm.batch, "conv1", nn.BatchNorm2d),
        (Norm.batch, "fc6", nn.BatchNorm1d),
    ],
)
def test_norm_stands_for_what_the_model_says(
    norm: Norm, layer: str, expected: type[nn.Module]
) -> None:
    spec = model(f"model.norm={norm}")
    shape = next(shape for shape in trace(spec) if shape.name == layer)
    assert type(build_op(Op.norm, shape, spec, tower=0)) is expected
