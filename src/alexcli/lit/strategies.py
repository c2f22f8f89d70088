"""Lightning's hooks in the hands of a placement, wherever Lightning would move things itself.

Lightning 2.6 moves the whole module to one device before a run and to the CPU after it, moves all
momentum to one device on resumption, and under its own distributed strategies overwrites every
process's parameters with those of rank 0. None of that happens here.
"""

from collections.abc import Mapping
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor

from alexcli.lit.module import Module
from alexcli.placement.single import Single


class Placed(SingleDeviceStrategy):
    """Keeps every tower, its gradients and its momentum where the placement puts them.

    To Lightning each process is alone on one device; what crosses goes through the placement.
    """

    strategy_name = "placed"

    def __init__(self, placement: Single) -> None:
        super().__init__(device=placement.device)
        self.placement = placement
        self.global_rank = placement.rank

    @property
    def is_global_zero(self) -> bool:
        """Whether this process writes."""
        return self.placement.root

    def _own(self) -> Module:
        module = self.lightning_module
        assert isinstance(module, Module)
        return module

    def model_to_device(self) -> None:
        """Preprocessing and metrics to the placement's first device, each tower to its own."""
        module = self._own()
        for child in module.children():
            if child is not module.net:
                child.to(self.root_device)
        self.placement.place(module.net)

    def setup(self, trainer: L.Trainer) -> None:
        """As Lightning, and gradients are summed over replicas from now on."""
        super().setup(trainer)
        self.optimizers_to_device()
        self.placement.watch(self._own().net)

    def optimizers_to_device(self) -> None:
        """Each parameter's momentum to the parameter's device; that of towers elsewhere goes."""
        for optimizer in self.optimizers:
            for parameter, state in list(optimizer.state.items()):
                state.update(move_data_to_device(state, parameter.device))
                if parameter.is_meta:
                    del optimizer.state[parameter]

    def load_model_state_dict(self, checkpoint: Mapping[str, Any], strict: bool = True) -> None:
        """Take the towers of this process out of a checkpoint, which holds all."""
        module = self._own()
        kept = module.net.without_others(checkpoint["state_dict"], prefix="net.")
        module.load_state_dict(kept, strict=strict)

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """Momentum goes to its parameter's device."""
        for optimizer, state in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            optimizer.load_state_dict(state)
        self.optimizers_to_device()

    def save_checkpoint(
        self, checkpoint: dict[str, Any], filepath: Any, storage_options: Any | None = None
    ) -> None:
        """Write one checkpoint with all towers, as placement=single would; every process calls."""
        part = {key: checkpoint[key] for key in ("state_dict", "optimizer_states")}
        parts = self.placement.collect(move_data_to_device(part, torch.device("cpu")))
        if self.is_global_zero:
            whole = {**checkpoint, **merged(parts)}
            super().save_checkpoint(whole, filepath, storage_options)

    def post_backward(self, closure_loss: Tensor) -> None:
        """The update waits for the gradients of all replicas."""
        self.placement.settle()

    def barrier(self, *args: Any, **kwargs: Any) -> None:
        """Wait for all processes."""
        self.placement.barrier()

    def teardown(self) -> None:
        """Leave parameters and momentum where they are: the net goes on to be used."""
        self.precision_plugin.teardown()
        assert self.accelerator is not None
        self.accelerator.teardown()
        self.checkpoint_io.teardown()


def merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One checkpoint's weights and optimizer states from those of all towers.

    Weights come in the order of the towers; state by number, as the whole net numbers it.
    """
    weights: dict[str, Tensor] = {}
    for part in parts:
        weights |= part["state_dict"]
    weights = dict(sorted(weights.items(), key=lambda item: not item[0].startswith("net.")))
    optimizers = []
    for states in zip(*(part["optimizer_states"] for part in parts), strict=True):
        state = {number: kept for one in states for number, kept in one["state"].items()}
        optimizers.append({**states[0], "state": dict(sorted(state.items()))})
    return {"state_dict": weights, "optimizer_states": optimizers}


def trainer_devices(placement: Single) -> dict[str, Any]:
    """Lightning's arguments for a placement.

    The environment is named, because Lightning would find torchrun's or Slurm's and refuse that
    each process has one device.
    """
    device = placement.device
    return {
        "accelerator": "gpu" if device.type == "cuda" else "cpu",
        "devices": [device.index or 0] if device.type == "cuda" else 1,
        "strategy": Placed(placement),
        "plugins": [LightningEnvironment()],
    }
