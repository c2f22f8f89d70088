"""The update rule of the paper: gradient descent whose velocity contains the learning rate."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT


class PaperSGD(torch.optim.Optimizer):
    """Section 5: v = momentum * v - weight_decay * lr * w - lr * g, then w = w + v.

    The velocity contains the learning rate, so after a change of the learning rate the old velocity
    keeps its size; torch.optim.SGD rescales it at once. In a group with lr 0, weights and
    velocities do not change (2012 code: a tensor with learning rate 0 is not touched); nor do those
    of a parameter without a gradient. `state[p]["velocity"]` has the shape and dtype of p.

    Args:
        params: parameters or groups of parameters; a group may have its own lr, momentum and
            weight_decay.
        lr: weight change per unit of gradient, at least 0.
        momentum: in [0, 1).
        weight_decay: factor of the L2 penalty, at least 0.

    Raises:
        ValueError: a constant is outside its range.
    """

    def __init__(
        self, params: ParamsT, lr: float, momentum: float = 0.9, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        limits = {"lr": math.inf, "weight_decay": math.inf, "momentum": 1}
        for group in self.param_groups:
            for key, limit in limits.items():
                if not 0 <= group[key] < limit:  # written so that NaN is refused too
                    raise ValueError(f"{key} must be in [0, {limit}), not {group[key]}")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one update.

        Args:
            closure: computes the loss; called first, with gradients enabled.

        Returns:
            What `closure` returned, or None without one.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group["lr"] != 0:
                self._update(group)
        return loss

    def _update(self, group: dict[str, Any]) -> None:
        """Update the parameters of one group, device by device."""
        weights = [weight for weight in group["params"] if weight.grad is not None]
        settings = {key: group[key] for key in ("lr", "momentum", "weight_decay")}
        for device in {weight.device for weight in weights}:  # each tower may have its own
            on_device = [weight for weight in weights if weight.device == device]
            gradients = [_gradient_of(weight) for weight in on_device]
            if settings["momentum"] == 0:
                _descend(on_device, gradients, settings["lr"], settings["weight_decay"])
                continue
            velocities = [self._velocity_of(weight) for weight in on_device]
            if hasattr(torch, "_fused_sgd_"):
                _fused_update(on_device, gradients, velocities, **settings)
            else:
                _plain_update(on_device, gradients, velocities, **settings)

    def _velocity_of(self, weight: Tensor) -> Tensor:
        """The velocity v of section 5, zero before the first update."""
        state = self.state[weight]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(weight)
        velocity: Tensor = state["velocity"]
        return velocity


def _gradient_of(weight: Tensor) -> Tensor:
    """The gradient in the weight's memory layout, which the fused kernel assumes unchecked."""
    gradient = weight.grad
    assert gradient is not None
    if gradient.stride() == weight.stride():
        return gradient
    return torch.empty_like(weight).copy_(gradient)


def _fused_update(
    weights: list[Tensor],
    gradients: list[Tensor],
    velocities: list[Tensor],
    *,
    lr: float,
    momentum: float,
    weight_decay: float,
) -> None:
    """Update all tensors in one pass over memory, with the fused kernel of torch's SGD.

    The kernel is private, but it reads and writes every tensor once, while `_plain_update` makes
    three passes, and an update of the paper's 60 million weights is memory-bound. It computes
    b = momentum * b + (1 - dampening) * (g + weight_decay * w), then w = w - lr * b. With
    1 - dampening = -lr (our learning rate) and the kernel's lr = -1, b is section 5's velocity at
    any learning rate.
    """
    torch._fused_sgd_(
        weights,
        gradients,
        velocities,
        weight_decay=weight_decay,
        momentum=momentum,
        lr=-1.0,
        dampening=1 + lr,
        nesterov=False,
        maximize=False,
        is_first_step=False,
    )


def _plain_update(
    weights: list[Tensor],
    gradients: list[Tensor],
    velocities: list[Tensor],
    *,
    lr: float,
    momentum: float,
    weight_decay: float,
) -> None:
    """The same update by public functions, for a torch that lacks the private kernel."""
    for weight, gradient, velocity in zip(weights, gradients, velocities, strict=True):
        decayed_gradient = gradient.add(weight, alpha=weight_decay)
        velocity.mul_(momentum).add_(decayed_gradient, alpha=-lr)
        weight.add_(velocity)


def _descend(
    weights: list[Tensor], gradients: list[Tensor], lr: float, weight_decay: float
) -> None:
    """The update without momentum, for which the fused kernel takes no velocities."""
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.mul_(1 - lr * weight_decay)
        weight.add_(gradient, alpha=-lr)
