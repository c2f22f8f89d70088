"""Reading checkpoints of anybody."""

import pickle
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from alexcli.checksum import checksummed
from alexcli.errors import TerminatedRunError, UsageError
from alexcli.run import checkpoint
from alexcli.signals import sigterm_as_error


class Bomb:
    """Writes a file when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("exploded"),)


FACTS = {"classes": [], "plateau": {}, "finished": True, "seconds": 0.0, "train_errors": []}


def _write(path: Path, **changes: object) -> Path:
    content = {"state_dict": {"w": torch.ones(2)}, "global_step": 3, "alexcli": FACTS, **changes}
    torch.save(content, path)
    return path


def test_a_checkpoint_of_ours_is_read_whole(tmp_path: Path) -> None:
    content = checkpoint.read(_write(tmp_path / "last.ckpt"))
    assert content["global_step"] == 3
    assert torch.equal(content["state_dict"]["w"], torch.ones(2))


def test_a_signal_while_a_checkpoint_is_read_is_not_its_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def terminated(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    path = _write(tmp_path / "a.ckpt")
    monkeypatch.setattr(torch, "load", terminated)
    with pytest.raises(TerminatedRunError), sigterm_as_error():
        checkpoint.read(path)


def test_loading_executes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bomb.ckpt"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UsageError, match="was not loaded"):
        checkpoint.read(path)
    torch.save({"state_dict": Bomb()}, path)
    with pytest.raises(UsageError, match="was not loaded"):
        checkpoint.read(path)
    assert not Path("exploded").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"alexcli": None},
        {"alexcli": {"classes": []}},
        {"global_step": "3"},
        {"state_dict": {"w": 1.0}},
        {"state_dict": None},
        {"global_step": -1},
        {"global_step": 10**30},
        {"alexcli": FACTS | {"classes": 3}},
        {"alexcli": FACTS | {"classes": [1]}},
        {"alexcli": FACTS | {"classes": ["x" * 2000]}},
        {"alexcli": FACTS | {"seconds": float("nan")}},
        {"alexcli": FACTS | {"plateau": []}},
        {"alexcli": FACTS | {"train_errors": "none"}},
    ],
)
def test_a_checkpoint_of_another_program_is_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(UsageError, match="is not a checkpoint of alexcli"):
        checkpoint.read(_write(tmp_path / "other.ckpt", **changes))


def test_missing_and_truncated_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no checkpoint"):
        checkpoint.read(tmp_path / "none.ckpt")
    path = _write(tmp_path / "cut.ckpt")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UsageError, match="is truncated or not a checkpoint"):
        checkpoint.read(path)
    torch.save([1, 2], path)
    with pytest.raises(UsageError, match="holds a list, not a mapping"):
        checkpoint.read(path)


def test_a_flipped_bit_is_found_and_a_checkpoint_without_a_checksum_still_loads(
    tmp_path: Path,
) -> None:
    path = _write(tmp_path / "old.ckpt")
    content = checkpoint.read(path)
    with checksummed(path) as file:
        torch.save(content, file)
    assert torch.equal(checkpoint.read(path)["state_dict"]["w"], torch.ones(2))
    whole = path.read_bytes()
    for position in range(0, len(whole) - 40, 97):
        flipped = bytearray(whole)
        flipped[position] ^= 16
        path.write_bytes(flipped)
        with pytest.raises(UsageError, match="is damaged: its checksum is not that of its content"):
            checkpoint.read(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bytes(4000), "it begins with zeros"),
        (b"", "it is empty"),
        (b"\x80", "its bytes are not those of a checkpoint"),
    ],
)
def test_no_message_advises_to_execute_a_file(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "zeroed.ckpt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=f"not a checkpoint: {reason}$"):
        checkpoint.read(path)


def test_weights_of_another_shape_are_named_with_both_shapes(tmp_path: Path) -> None:
    layer = nn.ModuleDict({"net": nn.Linear(2, 3)})
    state = {"net.weight": torch.ones(3, 2), "net.bias": torch.ones(4)}
    with pytest.raises(UsageError, match=r"bias has shape \[4\] there, and has shape \[3\]"):
        checkpoint.check_weights(layer, state, tmp_path)
    state = {"net.weight": torch.ones(3, 2), "net.bias": torch.ones(3), "net.more": torch.ones(1)}
    with pytest.raises(UsageError, match=r"more has shape .* there, and is absent in this model"):
        checkpoint.check_weights(layer, state, tmp_path)


def test_a_digest_follows_names_and_values() -> None:
    state = {"a": torch.ones(2), "b": torch.zeros(2)}
    reordered = dict(reversed(state.items()))
    changed = {**state, "a": torch.zeros(2)}
    assert checkpoint.weights_digest(state) == checkpoint.weights_digest(reordered)
    assert checkpoint.weights_digest(state) != checkpoint.weights_digest(changed)
