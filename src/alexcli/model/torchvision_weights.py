"""The weights that torchvision publishes for its alexnet, under the names of our `owt`."""

import contextlib
import io
from collections.abc import Mapping
from typing import cast

from torch import Tensor, hub

from alexcli.errors import UsageError

# Names in torchvision.models.alexnet, and the equal layers of conf/model/owt.yaml.
LAYER_NAMES = {
    "features.0": "conv1",
    "features.3": "conv2",
    "features.6": "conv3",
    "features.8": "conv4",
    "features.10": "conv5",
    "classifier.1": "fc6",
    "classifier.4": "fc7",
    "classifier.6": "fc8",
}

TORCHVISION_MEAN = (0.485, 0.456, 0.406)
"""Mean of ImageNet's R, G and B in [0, 1], which torchvision subtracts from its inputs."""


def from_torchvision(state: Mapping[str, object]) -> dict[str, Tensor]:
    """Rename the weights of torchvision's alexnet to those of our `owt`.

    Args:
        state: the state dict; the prefix `module.` that DataParallel adds is removed.

    Raises:
        UsageError: a weight is missing, or one is present that alexnet does not have.
    """
    weights = {str(name).removeprefix("module."): value for name, value in state.items()}
    new_names = {
        f"{torchvision_layer}.{kind}": f"tower0.{layer}.{kind}"
        for torchvision_layer, layer in LAYER_NAMES.items()
        for kind in ("weight", "bias")
    }
    missing = [name for name in new_names if not isinstance(weights.get(name), Tensor)]
    unexpected = [name for name in weights if name not in new_names]
    if missing or unexpected:
        difference = (
            f"lacks {missing[0]}"
            if missing
            else f"has {unexpected[0]}, which alexnet does not have"
        )
        raise UsageError(
            f"these are not the weights of torchvision's alexnet: the file {difference}",
            hint="torch.save(torchvision.models.alexnet(...).state_dict(), FILE)",
        )
    return {new_name: cast(Tensor, weights[name]) for name, new_name in new_names.items()}


def download_torchvision() -> dict[str, Tensor]:
    """Download the published weights (244 MB), which torch keeps in its own cache.

    Raises:
        UsageError: there is no network, or the download is damaged.
    """
    from torchvision.models import AlexNet_Weights  # type: ignore[import-untyped]

    url = AlexNet_Weights.IMAGENET1K_V1.url
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # torch prints what it downloads
            return hub.load_state_dict_from_url(
                url, progress=False, check_hash=True, weights_only=True, map_location="cpu"
            )
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"{url} could not be downloaded: {error}",
            hint="check the network, or download the file yourself and name it: --weights FILE.pth",
        ) from error
