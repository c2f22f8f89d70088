"""Our nets in plain PyTorch."""

import pytest
import torch
from torch import Tensor, nn

from alexcli.bench.plain import SpatialNorm, TowerNorm, copy_weights, plain_net
from alexcli.bench.small import NETS
from alexcli.config.compose import compose
from alexcli.model.towers import Towers
from alexcli.rng import DropoutContext
from alexcli.schema import LrnConvention, LrnSpec, ModelSpec, SpatialLrnSpec, TrainSpec
from tests.conftest import model
from tests.oracles import lrn_by_loop


def _without_dropout(name: str) -> ModelSpec:
    # He's rule, so that activations are large enough for the norms to matter.
    overrides = [f"experiment={name}", "model.dropout.rate=0", "model.init=he"]
    return compose(overrides, TrainSpec).model


def _gradients(net: nn.Module, scores: Tensor) -> list[Tensor]:
    """The gradients of a loss with respect to the parameters, in their order."""
    labels = torch.arange(len(scores)) % scores.shape[1]
    loss = nn.functional.cross_entropy(scores, labels)
    return list(torch.autograd.grad(loss, list(net.parameters())))


@pytest.mark.parametrize("name", NETS)
def test_the_plain_net_computes_what_ours_computes(name: str) -> None:
    spec = _without_dropout(name)
    ours = Towers(spec, seed=3).double()
    for layer_name, parameter in ours.named_parameters():
        if layer_name.endswith("bias"):
            nn.init.normal_(parameter)
    plain = plain_net(spec).double()
    copy_weights(ours, plain)
    x = 50 * torch.randn(3, 3, spec.input.size, spec.input.size, dtype=torch.float64)
    our_scores = ours.train()(x, DropoutContext(0, 0))
    scores = plain.train()(x)
    assert (scores - our_scores).abs().max() < 1e-12 * our_scores.abs().max()

    # Gradients in the plain net's shapes: copied as if they were weights.
    for parameter, gradient in zip(ours.parameters(), _gradients(ours, our_scores), strict=True):
        parameter.data = gradient
    gradients = _gradients(plain, scores)
    copy_weights(ours, plain)
    for gradient, ours_copied in zip(gradients, plain.parameters(), strict=True):
        assert (gradient - ours_copied).abs().max() < 1e-9 * gradient.abs().max()


@pytest.mark.parametrize("name", ["alexnet", "alexnet_bn", "cifar_13"])
def test_towers_are_groups_of_as_many_parameters(name: str) -> None:
    spec = model(f"model={name}", "model.norm=none")
    with torch.device("meta"):
        plain = plain_net(spec)
        ours = Towers(spec)
    assert sum(map(torch.numel, plain.parameters())) == sum(map(torch.numel, ours.parameters()))


def test_norms_have_torchs_convention_of_alpha_and_keep_to_their_tower() -> None:
    x = torch.randn(2, 8, 3, 3, dtype=torch.float64) * 20
    expected = torch.cat([lrn_by_loop(half, 5, 1e-2, 0.75, 2.0) for half in x.chunk(2, 1)], 1)
    paper = LrnSpec(alpha=1e-2)
    code = LrnSpec(alpha=5e-2, convention=LrnConvention.code)
    for spec in (paper, code):
        assert (TowerNorm(2, spec)(x) - expected).abs().max() < 1e-12
    channels_last = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(TowerNorm(2, paper)(channels_last), TowerNorm(2, paper)(x))


def test_the_spatial_norm_counts_zeros_outside_the_map() -> None:
    x = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    out = SpatialNorm(SpatialLrnSpec(size=3, alpha=9.0, beta=1.0))(x)
    # 4 squares of 9 in the corner's window, all 9 in the centre's.
    assert out[0, 0, 0, 0] == pytest.approx(1 / (1 + 4))
    assert out[0, 0, 1, 1] == pytest.approx(1 / (1 + 9))
