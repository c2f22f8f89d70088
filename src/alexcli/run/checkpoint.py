"""Reading checkpoints without executing anything in them."""

import hashlib
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from alexcli.errors import UsageError

KEPT = {"classes", "plateau", "finished", "seconds", "train_errors"}  # in `alexcli`, at least


def read_plain(path: Path, *, mmap: bool = False) -> dict[str, Any]:
    """What torch.save wrote, if it is a mapping of plain data and tensors.

    Raises:
        UsageError: missing, truncated, no mapping, or with content that would execute code.
    """
    try:
        with warnings.catch_warnings():
            # torch warns of an unusual pickle before it refuses it, which is what counts.
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except FileNotFoundError:
        raise UsageError.of("checkpoint.none", path=path) from None
    except pickle.UnpicklingError as error:
        raise UsageError.of("checkpoint.unsafe", path=path) from error
    except Exception as error:  # torch's reader of old files answers foreign bytes in many ways
        usual = isinstance(error, (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile))
        first = str(error).splitlines()[0] if usual and str(error) else type(error).__name__
        raise UsageError.of("checkpoint.truncated", path=path, first=first) from error
    if not isinstance(found, dict):
        raise UsageError.of("checkpoint.no_mapping", path=path, kind=type(found).__name__)
    return cast(dict[str, Any], found)


def read(path: Path, *, mmap: bool = False) -> dict[str, Any]:
    """A checkpoint of ours as plain data and tensors; `mmap` leaves the weights on disk until used.

    Raises:
        UsageError: as `read_plain`, or not ours.
    """
    checkpoint = read_plain(path, mmap=mmap)
    weights, kept = checkpoint.get("state_dict"), checkpoint.get("alexcli")
    tensors = isinstance(weights, dict) and all(isinstance(w, Tensor) for w in weights.values())
    ours = isinstance(kept, dict) and set(kept) >= KEPT
    if not tensors or not ours or not isinstance(checkpoint.get("global_step"), int):
        raise UsageError.of("checkpoint.foreign", path=path)
    return checkpoint


def load_weights(module: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """Copy weights into a module of the same model.

    Raises:
        UsageError: another model; names the first differing layer and both shapes.
    """
    check_weights(module, state, source)
    module.load_state_dict(state, strict=False)  # what is of no other use here is left


def check_weights(module: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """UsageError unless the checkpoint has every weight of the module in the same shape."""
    own = module.state_dict()
    parts = {name.split(".")[0] for name in own}
    extra = sorted(name for name in set(state) - set(own) if name.split(".")[0] in parts)
    for name in [*own, *extra]:
        shapes = {"there": _shape(state.get(name)), "here": _shape(own.get(name))}
        if shapes["there"] != shapes["here"]:
            layer = name.removeprefix("net.")
            raise UsageError.of("checkpoint.other_model", source=source, layer=layer, **shapes)


def _shape(tensor: Tensor | None) -> str:
    return "is absent" if tensor is None else f"has shape {list(tensor.shape)}"


def weights_digest(state: dict[str, Tensor]) -> str:
    """Sixteen hexadecimal digits of a checkpoint's weights, whatever else is in its file."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
