"""The update rule against a loop by hand, against torch's SGD, and through checkpoints."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from alexcli.optim.paper_sgd import PaperSGD

LEARNING_RATES = [0.1, 0.1, 0.1, 0.01, 0.01, 0.0, 0.02]


def weights(dtype: torch.dtype = torch.float64) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(3)
    shapes = [(3, 2), (5,), (1,)]
    return [nn.Parameter(torch.randn(s, generator=generator, dtype=dtype)) for s in shapes]


def gradient(w: Any) -> Any:
    """Of sum(w**4 / 4 + w), so that it depends on the weights; for tensors, arrays and floats."""
    return w * w * w + 1.0


def run(
    optimizer: torch.optim.Optimizer, params: list[nn.Parameter], learning_rates: list[float]
) -> None:
    """An update with each learning rate in turn."""
    for lr in learning_rates:
        optimizer.param_groups[0]["lr"] = lr
        for p in params:
            p.grad = gradient(p.detach())
        optimizer.step()


def through_a_checkpoint(state: Any) -> Any:
    """What a weights-only load gives back."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_follows_the_formula_of_section_5_through_changes_of_the_learning_rate() -> None:
    params = weights()
    starts = [[float(x) for x in p.detach().flatten()] for p in params]
    run(PaperSGD(params, lr=0.1, momentum=0.9, weight_decay=0.05), params, LEARNING_RATES)
    for p, start in zip(params, starts, strict=True):
        expected = []
        for w in start:
            v = 0.0
            for lr in LEARNING_RATES:
                if lr == 0.0:
                    continue
                v = 0.9 * v - 0.05 * lr * w - lr * gradient(w)
                w = w + v
            expected.append(w)
        np.testing.assert_allclose(p.detach().numpy().ravel(), expected, rtol=1e-12)


def test_equals_torch_sgd_while_the_learning_rate_is_constant_and_differs_after_a_change() -> None:
    paper_weights = weights()
    torch_weights = weights()
    paper = PaperSGD(paper_weights, lr=0.1, momentum=0.9, weight_decay=0.05)
    sgd = torch.optim.SGD(torch_weights, lr=0.1, momentum=0.9, weight_decay=0.05)
    run(paper, paper_weights, [0.1] * 4)
    run(sgd, torch_weights, [0.1] * 4)
    for a, b in zip(paper_weights, torch_weights, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
        scaled = -0.1 * sgd.state[b]["momentum_buffer"]
        torch.testing.assert_close(paper.state[a]["velocity"], scaled, rtol=1e-11, atol=1e-14)
    run(paper, paper_weights, [0.01])
    run(sgd, torch_weights, [0.01])
    for a, b in zip(paper_weights, torch_weights, strict=True):
        assert ((a - b).abs() > 1e-3).all()


def test_learning_rate_0_leaves_weights_and_velocities_bit_identical() -> None:
    params = weights(torch.float32)
    optimizer = PaperSGD(params, lr=0.1, weight_decay=0.05)
    run(optimizer, params, [0.1, 0.1])
    before = [(p.detach().clone(), optimizer.state[p]["velocity"].clone()) for p in params]
    run(optimizer, params, [0.0, 0.0])
    for p, (weight, velocity) in zip(params, before, strict=True):
        assert velocity.abs().min() > 0
        assert torch.equal(p.detach(), weight)
        assert torch.equal(optimizer.state[p]["velocity"], velocity)


@pytest.mark.parametrize("weight_decay", [0.0, 0.0005])
def test_fused_update_equals_the_plain_loop_across_changes_of_the_learning_rate(
    weight_decay: float,
) -> None:
    params = weights(torch.float64)
    plain = weights(torch.float64)
    run(PaperSGD(params, lr=0.1, weight_decay=weight_decay), params, LEARNING_RATES)
    with torch.no_grad():
        for w in plain:
            v = torch.zeros_like(w)
            for lr in LEARNING_RATES:
                if lr != 0:
                    g = gradient(w)
                    v.mul_(0.9)
                    if weight_decay:
                        v.add_(w, alpha=-weight_decay * lr)
                    v.add_(g, alpha=-lr)
                    w.add_(v)
    for a, b in zip(params, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("weight_decay", [0.0, 0.0005])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_torch_without_the_fused_kernel_gives_the_same_weights_and_velocities(
    monkeypatch: pytest.MonkeyPatch, weight_decay: float, dtype: torch.dtype
) -> None:
    fused_weights = weights(dtype)
    plain_weights = weights(dtype)
    fused = PaperSGD(fused_weights, lr=0.1, weight_decay=weight_decay)
    run(fused, fused_weights, LEARNING_RATES)
    monkeypatch.delattr(torch, "_fused_sgd_")
    plain = PaperSGD(plain_weights, lr=0.1, weight_decay=weight_decay)
    run(plain, plain_weights, LEARNING_RATES)
    rounding = 8 * torch.finfo(dtype).eps
    for a, b in zip(fused_weights, plain_weights, strict=True):
        torch.testing.assert_close(a, b, rtol=rounding, atol=rounding)
        velocities = fused.state[a]["velocity"], plain.state[b]["velocity"]
        torch.testing.assert_close(*velocities, rtol=rounding, atol=rounding)


def test_without_momentum_it_is_plain_gradient_descent() -> None:
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = PaperSGD([weight], lr=0.1, momentum=0.0, weight_decay=0.5)
    weight.grad = torch.tensor([0.3, 0.4])
    expected = weight.detach() * (1 - 0.1 * 0.5) - 0.1 * weight.grad
    optimizer.step()
    torch.testing.assert_close(weight.detach(), expected)


def test_a_gradient_in_another_memory_layout_is_read_correctly() -> None:
    start = torch.arange(6.0).reshape(2, 3)
    weight = nn.Parameter(start.clone())
    optimizer = PaperSGD([weight], lr=0.5)
    with torch.no_grad():  # autograd would give the gradient the weight's strides
        transposed = torch.arange(6.0).reshape(3, 2).t()
    weight.grad = transposed
    assert weight.grad.stride() != weight.stride()
    optimizer.step()
    torch.testing.assert_close(weight.detach(), start - 0.5 * transposed)


def test_closure_is_evaluated_with_gradients_and_its_loss_returned() -> None:
    w = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    optimizer = PaperSGD([w], lr=0.1)

    def closure() -> float:
        loss = (w * w).sum()
        torch.autograd.backward(loss)
        return loss.item()

    assert optimizer.step(closure) == 4.0
    assert w.item() == pytest.approx(2.0 - 0.1 * 4.0, abs=1e-15)


def test_parameter_without_gradient_is_passed_over() -> None:
    params = weights()
    start = params[1].detach().clone()
    optimizer = PaperSGD(params, lr=0.1, weight_decay=0.5)
    params[0].grad = torch.ones_like(params[0])
    optimizer.step()
    assert torch.equal(params[1].detach(), start)
    assert list(optimizer.state) == [params[0]]


@pytest.mark.parametrize(
    "settings", [{"lr": -0.1}, {"lr": float("nan")}, {"momentum": 1.0}, {"weight_decay": -1.0}]
)
def test_impossible_constants_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        PaperSGD(weights(), **{"lr": 0.1, **settings})


def test_state_survives_a_weights_only_checkpoint_and_training_continues_bit_for_bit() -> None:
    params = weights(torch.float32)
    optimizer = PaperSGD(params, lr=0.1, weight_decay=0.05)
    run(optimizer, params, LEARNING_RATES[:4])
    state = through_a_checkpoint(optimizer.state_dict())
    assert list(state["state"][0]) == ["velocity"]
    copies = [nn.Parameter(p.detach().clone()) for p in params]
    resumed = PaperSGD(copies, lr=0.5)
    resumed.load_state_dict(state)
    run(optimizer, params, LEARNING_RATES[4:])
    run(resumed, copies, LEARNING_RATES[4:])
    assert all(torch.equal(a, b) for a, b in zip(params, copies, strict=True))
