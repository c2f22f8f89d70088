"""A Lightning strategy that leaves all moving of tensors to the placement.

Lightning 2.6 moves the whole module to one device before a run and to the CPU after it, moves all
momentum to one device when it resumes, and with its own distributed strategies overwrites every
process's parameters with those of rank 0. This strategy does none of that.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor

from alexcli.checksum import checksummed
from alexcli.lit.module import AlexNetModule
from alexcli.placement.base import Placement


class PlacementStrategy(SingleDeviceStrategy):
    """Keeps every tower, its gradients and its momentum where the placement puts them.

    To Lightning, each process is alone on one device; the placement does all communication.

    Args:
        placement: of this process.
    """

    strategy_name = "placement"

    def __init__(self, placement: Placement) -> None:
        super().__init__(device=placement.device)
        self.placement = placement
        self.global_rank = placement.rank

    @property
    def is_global_zero(self) -> bool:
        """Whether this process writes files."""
        return self.placement.is_main

    def model_to_device(self) -> None:
        """Move preprocessing and meters to the placement's first device, each tower to its own."""
        module = self._alexnet_module()
        for child in module.children():
            if child is not module.net:
                child.to(self.root_device)
        self.placement.place(module.net)

    def setup(self, trainer: L.Trainer) -> None:
        """Set up like Lightning; from then on, gradients are summed over replicas."""
        super().setup(trainer)
        self.optimizers_to_device()
        self.placement.register_gradient_hooks(self._alexnet_module().net)

    def optimizers_to_device(self) -> None:
        """Move each momentum to its parameter's device, and drop the momentum of other towers.

        The parameters of other processes' towers are placeholders on the meta device.
        """
        for optimizer in self.optimizers:
            for parameter, state in list(optimizer.state.items()):
                if parameter.is_meta:
                    del optimizer.state[parameter]
                else:
                    state.update(move_data_to_device(state, parameter.device))

    def load_model_state_dict(self, checkpoint: Mapping[str, Any], strict: bool = True) -> None:
        """Load the towers of this process from a checkpoint, which contains all of them."""
        module = self._alexnet_module()
        local_weights = module.net.drop_other_towers(checkpoint["state_dict"], prefix="net.")
        module.load_state_dict(local_weights, strict=strict)

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """Load the optimizers' states; each momentum goes to its parameter's device."""
        for optimizer, state in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            optimizer.load_state_dict(state)
        self.optimizers_to_device()

    def save_checkpoint(
        self, checkpoint: dict[str, Any], filepath: Any, storage_options: Any | None = None
    ) -> None:
        """Write one checkpoint with all towers, like placement=single; every process calls this.

        It is written directly to `filepath`. Lightning would keep a second copy in memory, and
        write it through the folder for temporary files, where a killed run would leave it.
        """
        part = {key: checkpoint[key] for key in ("state_dict", "optimizer_states")}
        parts = self.placement.gather_to_main(move_data_to_device(part, torch.device("cpu")))
        if self.is_global_zero:
            merged_checkpoint = {**checkpoint, **merge_towers(parts)}
            with checksummed(Path(filepath)) as file:
                torch.save(merged_checkpoint, file)

    def post_backward(self, closure_loss: Tensor) -> None:
        """Wait for the gradients of all replicas, before the update."""
        self.placement.wait_gradients()

    def barrier(self, *args: Any, **kwargs: Any) -> None:
        """Wait for all processes."""
        self.placement.barrier()

    def teardown(self) -> None:
        """Leave parameters and momentum in place: the net is still used after training."""
        self.precision_plugin.teardown()
        assert self.accelerator is not None
        self.accelerator.teardown()
        self.checkpoint_io.teardown()

    def _alexnet_module(self) -> AlexNetModule:
        """The module that is trained."""
        module = self.lightning_module
        assert isinstance(module, AlexNetModule)
        return module


def merge_towers(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Merge the states of one replica's processes into one checkpoint.

    Args:
        parts: in the order of the towers; each holds a `state_dict` and `optimizer_states`. The
            state of a parameter has the same number in every part.

    Returns:
        `state_dict`, the net's weights first and in the order of the towers, and
        `optimizer_states`, in the order of the parameters' numbers.
    """
    weights: dict[str, Tensor] = {}
    for part in parts:
        weights.update(part["state_dict"])
    net_first = sorted(weights.items(), key=lambda item: not item[0].startswith("net."))
    optimizer_states = []
    for states in zip(*(part["optimizer_states"] for part in parts), strict=True):
        by_number = {
            number: parameter_state
            for state in states
            for number, parameter_state in state["state"].items()
        }
        optimizer_states.append({**states[0], "state": dict(sorted(by_number.items()))})
    return {"state_dict": dict(net_first), "optimizer_states": optimizer_states}


def trainer_devices(placement: Placement) -> dict[str, Any]:
    """Lightning's arguments for a placement.

    The environment is given explicitly: Lightning would otherwise detect torchrun's or Slurm's, and
    refuse one device per process.
    """
    device = placement.device
    on_gpu = device.type == "cuda"
    return {
        "accelerator": "gpu" if on_gpu else "cpu",
        "devices": [device.index or 0] if on_gpu else 1,
        "strategy": PlacementStrategy(placement),
        "plugins": [LightningEnvironment()],
    }
