"""Reading checkpoints without executing anything in them."""

import hashlib
import math
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from alexcli.checksum import is_intact
from alexcli.data.names import LONGEST_NAME, MOST_CLASSES
from alexcli.errors import AlexcliError, UsageError
from alexcli.mistaken import mistaken_file

REQUIRED = {"classes", "plateau", "finished", "seconds", "train_errors"}
"""The keys that lit.module always writes under `alexcli`."""

MOST_STEPS = 1 << 53

READ_ERRORS = (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile)
"""The errors of torch's reader on damaged files that have an informative message."""

DAMAGED_HINT = "another checkpoint beside it (best.ckpt, last.ckpt) may be whole"


def read_plain(
    path: Path, *, mmap: bool = False, damaged_hint: str = DAMAGED_HINT
) -> dict[str, Any]:
    """Read what torch.save wrote, if it is a mapping of plain data and tensors.

    Args:
        path: the file.
        mmap: leave tensors on disk until they are used; the checksum, which needs every byte, is
            then not verified.
        damaged_hint: what to do about a damaged file.

    Raises:
        UsageError: missing, truncated, not a mapping, different from what was written, or with
            content that would execute code.
    """
    try:
        if not mmap and is_intact(path) is False:
            raise UsageError(
                f"{path} is damaged: its checksum is not that of its content", hint=damaged_hint
            )
        with warnings.catch_warnings():
            # torch warns of an unusual pickle before it refuses it; only the refusal matters.
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except FileNotFoundError:
        raise UsageError(
            f"there is no checkpoint {path}", hint="alexcli train makes checkpoints"
        ) from None
    except AlexcliError:
        raise
    except pickle.UnpicklingError as error:
        _refuse_other_kinds(path, error)
        raise UsageError(
            f"{path} is damaged or contains more than tensors and plain data, and was not loaded",
            hint="alexcli loads no checkpoint that could execute code; if a whole net was "
            "saved, save its weights alone: torch.save(net.state_dict(), FILE)",
        ) from error
    except Exception as error:  # torch's reader of old files raises many kinds of errors
        _refuse_other_kinds(path, error)
        raise UsageError(
            f"{path} is truncated or not a checkpoint: {_reason(error)}", hint=damaged_hint
        ) from error
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise UsageError(
            f"{path} holds a {kind}, not a mapping of weights",
            hint="save the weights of a net: torch.save(net.state_dict(), FILE)",
        )
    return cast(dict[str, Any], content)


def _refuse_other_kinds(path: Path, error: Exception) -> None:
    """Raise UsageError for a file that is unreadable, or something else such as a web page."""
    try:
        mistaken = mistaken_file(path)
    except OSError as os_error:
        reason = os_error.strerror or type(os_error).__name__
        raise UsageError(
            f"{path} cannot be read: {reason}", hint="check its permissions"
        ) from error
    if mistaken is not None:
        raise UsageError(
            f"{path} is truncated or not a checkpoint: {mistaken.clause}", hint=mistaken.hint
        ) from error


def _reason(error: Exception) -> str:
    """Why a file cannot be read as a checkpoint.

    torch's own messages are for programmers; some advise executing what is in the file.
    """
    reason = str(error).splitlines()[0].split(". ")[0] if str(error) else ""
    if isinstance(error, READ_ERRORS) and reason and "weights_only" not in reason:
        return reason
    return "its bytes are not those of a checkpoint"


def read(path: Path, *, mmap: bool = False) -> dict[str, Any]:
    """Read a checkpoint of alexcli as plain data and tensors.

    Args:
        path: the file.
        mmap: leave tensors on disk until they are used.

    Raises:
        UsageError: see `read_plain`, or it was not written by alexcli.
    """
    checkpoint = read_plain(path, mmap=mmap)
    if not is_of_alexcli(checkpoint):
        raise UsageError(f"{path} is not a checkpoint of alexcli", hint="alexcli train makes them")
    return checkpoint


def is_of_alexcli(checkpoint: dict[str, Any]) -> bool:
    """Whether a mapping has what lit.module writes into a checkpoint."""
    weights = checkpoint.get("state_dict")
    if not isinstance(weights, dict):
        return False
    if not all(isinstance(name, str) for name in weights):
        return False
    if not all(isinstance(weight, Tensor) for weight in weights.values()):
        return False
    step = checkpoint.get("global_step")
    return type(step) is int and 0 <= step <= MOST_STEPS and _are_facts(checkpoint.get("alexcli"))


def _are_facts(facts: Any) -> bool:
    """Whether the entry `alexcli` of a checkpoint has what its readers rely on."""
    if not isinstance(facts, dict) or not set(facts) >= REQUIRED:
        return False
    classes = facts["classes"]
    are_names = isinstance(classes, list) and all(
        isinstance(name, str) and len(name) <= LONGEST_NAME for name in classes
    )
    seconds = facts["seconds"]
    is_time = isinstance(seconds, int | float) and 0 <= seconds < math.inf
    kinds = {"plateau": dict, "finished": bool, "train_errors": list | Tensor}
    have_kinds = all(isinstance(facts[name], kind) for name, kind in kinds.items())
    return are_names and len(classes) <= MOST_CLASSES and is_time and have_kinds


def load_weights(module: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """Copy weights into a module of the same model.

    Raises:
        UsageError: another model; names the first differing layer and both shapes.
    """
    check_weights(module, state, source)
    module.load_state_dict(state, strict=False)  # weights that the module lacks are skipped


def check_weights(module: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """Raise UsageError unless the checkpoint has every weight of the module in the same shape."""
    expected = module.state_dict()
    parts = {name.split(".")[0] for name in expected}
    extra = sorted(name for name in state if name not in expected and name.split(".")[0] in parts)
    for name in [*expected, *extra]:
        in_source = _shape(state.get(name))
        in_module = _shape(expected.get(name))
        if in_source != in_module:
            raise UsageError(
                f"{source} is of another model: {name.removeprefix('net.')} {in_source} there, "
                f"and {in_module} in this model",
                hint="take the model and the data that the checkpoint was trained with",
            )


def _shape(tensor: Tensor | None) -> str:
    return "is absent" if tensor is None else f"has shape {list(tensor.shape)}"


def weights_digest(state: dict[str, Tensor]) -> str:
    """Sixteen hexadecimal digits of a checkpoint's weights, whatever else is in its file."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
