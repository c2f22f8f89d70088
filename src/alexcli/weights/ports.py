"""AlexNets of PyTorch programs, recognized by the shapes of their weights.

A state dict does not contain the order of operations: the net is inferred from shapes and names,
and the user is told what was assumed beyond these.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from alexcli.errors import UsageError
from alexcli.weights.state_dict import natural_order

CONVOLUTIONS = 5
FULLY_CONNECTED = 3
LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
OTHER_NETS = "export another net as ONNX, which says what it is: alexcli import onnx FILE"
MODULES_WITH_NORM = 4
"""In a torch.nn.Sequential, conv2 is four places after conv1 if activation, norm and pooling are
between them, and three without a norm."""


@dataclass
class Port:
    """An AlexNet, as inferred from its weights."""

    base: str
    """A choice of conf/model."""
    overrides: list[str]
    """What differs from it."""
    weights: dict[str, Tensor]
    """By our names."""
    file_names: dict[str, str]
    """The name of each weight in the file, by our name."""
    assumed: list[str] = field(default_factory=list)
    """What was assumed because the file does not tell."""


def recognize(weights: Mapping[str, Tensor], path: Path) -> Port:
    """Infer which AlexNet weights belong to.

    Args:
        weights: by the file's names, without prefixes.
        path: the file, for messages.

    Raises:
        UsageError: they are not five convolutions and three fully connected layers, or some of
            these have no bias; names every weight that has no place.
    """
    names = sorted(weights, key=natural_order)
    convolutions = [name for name in names if weights[name].dim() == 4]
    matrices = [name for name in names if weights[name].dim() == 2]
    products = [*convolutions, *matrices]
    biases = [re.sub(r"weight$", "bias", name) for name in products]
    biases = [bias for bias in biases if bias in weights and bias not in products]
    strangers = [name for name in names if name not in (*products, *biases)]
    _check_count(weights, convolutions, matrices, path)
    if strangers:
        raise UsageError(
            f"{path} has weights that have no place in an AlexNet: {_listed(weights, strangers)}",
            hint=OTHER_NETS,
        )
    for of_kind in (convolutions, matrices):
        _check_biases(of_kind, biases, path)
    port = Port("bvlc_alexnet", [], {}, {})
    for layer, name in zip(LAYERS, products, strict=True):
        _add(port, layer, "weight", name, weights[name])
        bias = re.sub(r"weight$", "bias", name)
        value = weights[bias] if bias in biases else weights[name].new_zeros(len(weights[name]))
        _add(port, layer, "bias", bias, value)
    _describe(port, [weights[name] for name in products])
    _tell_order(port, convolutions)
    return port


def _check_count(
    weights: Mapping[str, Tensor], convolutions: list[str], matrices: list[str], path: Path
) -> None:
    """Raise UsageError unless there are as many products as in AlexNet; names those there are."""
    if (len(convolutions), len(matrices)) != (CONVOLUTIONS, FULLY_CONNECTED):
        products = _listed(weights, [*convolutions, *matrices]) or "none"
        raise UsageError(
            f"{path} is not an AlexNet, which has {CONVOLUTIONS} convolutions and "
            f"{FULLY_CONNECTED} fully connected layers: it has {len(convolutions)} and "
            f"{len(matrices)} ({products})",
            hint=OTHER_NETS,
        )


def _check_biases(products: list[str], biases: list[str], path: Path) -> None:
    """Raise UsageError if some of the layers have a bias and others have none."""
    without = [name for name in products if re.sub(r"weight$", "bias", name) not in biases]
    if 0 < len(without) < len(products):
        missing = ", ".join(re.sub(r"weight$", "bias", name) for name in without)
        raise UsageError(
            f"{path} lacks {missing}, and the other layers of that kind have a bias",
            hint="save all the weights of the net: torch.save(net.state_dict(), FILE)",
        )


def _listed(weights: Mapping[str, Tensor], names: list[str]) -> str:
    return "; ".join(f"{name} {list(weights[name].shape)}" for name in names)


def _add(port: Port, layer: str, kind: str, file_name: str, value: Tensor) -> None:
    ours = f"tower0.{layer}.{kind}"
    port.weights[ours] = value.float()
    port.file_names[ours] = file_name


def _describe(port: Port, products: list[Tensor]) -> None:
    """Add the filters, kernel and groups of each layer; that they fit is checked later."""
    channels = 3
    for layer, weight in zip(LAYERS, products, strict=True):
        key = f"model.layers.{layer}"
        if layer != LAYERS[-1]:
            port.overrides.append(f"{key}.filters={len(weight)}")
        if weight.dim() == 4:
            groups = max(1, channels // weight.shape[1])
            port.overrides += [f"{key}.kernel={weight.shape[2]}", f"{key}.groups={groups}"]
            channels = len(weight)


def _tell_order(port: Port, convolutions: list[str]) -> None:
    """Infer what follows conv1 and conv2 from their places in a Sequential."""
    places = [re.search(r"(?:^|\.)(\d+)\.weight$", name) for name in convolutions[:2]]
    first, second = (int(place[1]) if place else None for place in places)
    distance = None if first is None or second is None else second - first
    has_norm = distance is None or distance >= MODULES_WITH_NORM
    grouped = "model.layers.conv2.groups=2" in port.overrides
    if not has_norm and not grouped:
        port.base = "owt"
        return
    if not has_norm:
        port.overrides.append("model.norm=none")
        port.assumed.append("no response norms, whose places are empty; input of 227 pixels")
        return
    port.assumed.append(
        "response norm before pooling, k=1, input of 227 pixels (other choices: model=caffenet, "
        "which pools first; model.lrn.k=2; model.norm=none)"
    )
