"""Checkpoints of others."""

import io
from pathlib import Path
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from alexcli.checksum import checksummed
from alexcli.run import checkpoint
from alexcli.run.directory import RunDirectory
from alexcli.run.trained import TrainedModel, load
from tests.fuzz.outcomes import used_or_refused
from tests.fuzz.strategies import changed, damaged, plain_data
from tests.run.trainings import equal_weights

FACTS = {"classes": ["ant", "bee"], "plateau": {}, "finished": True, "seconds": 1.0}
CONTENT: dict[str, Any] = {
    "state_dict": {"net.w": torch.arange(12.0).reshape(3, 4), "net.b": torch.ones(3)},
    "global_step": 3,
    "epoch": 1,
    "optimizer_states": [{"state": {0: {"momentum": torch.ones(3)}}}],
    "alexcli": {**FACTS, "train_errors": [0.5, 0.25]},
}


def saved(content: Any) -> bytes:
    """What torch.save writes."""
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def signed(content: bytes) -> bytes:
    """The same with a checksum that is right."""
    path = Path("signed")
    with checksummed(path) as file:
        file.write(content)
    return path.read_bytes()


INTACT = saved(CONTENT)


@given(damaged(INTACT), st.booleans())
def test_a_damaged_checkpoint_is_refused_or_used(content: bytes, with_checksum: bool) -> None:
    path = Path("last.ckpt")
    path.write_bytes(signed(content) if with_checksum else content)
    used_or_refused("damaged checkpoints", lambda: checkpoint.read(path))


@given(st.data())
def test_what_was_damaged_after_it_was_written_is_refused(data: st.DataObject) -> None:
    """Or it is read as it was written: bytes after the archive have no meaning."""
    path = Path("last.ckpt")
    path.write_bytes(data.draw(damaged(signed(INTACT))))
    content = used_or_refused("damaged checkpoints with checksums", lambda: checkpoint.read(path))
    if content is not None:
        assert equal_weights(content["state_dict"], CONTENT["state_dict"])


tensors = st.sampled_from(
    (
        *(torch.ones(3), torch.ones(3, 4, dtype=torch.float16), torch.ones(0), torch.tensor(2)),
        *(torch.full((3, 4), torch.nan), torch.ones(3, 4).to_sparse(), torch.ones(1).expand(3, 4)),
        *(torch.ones(3, 4, dtype=torch.complex64), torch.ones(3, 4, dtype=torch.bool)),
    )
)


@given(changed(CONTENT | {"more": None}), plain_data | tensors)
def test_a_checkpoint_of_other_content_is_refused_or_used(content: Any, more: Any) -> None:
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content["state_dict"]["net.more"] = more
    path = Path("last.ckpt")
    path.write_bytes(saved(content))
    used_or_refused("checkpoints of other content", lambda: checkpoint.read(path))


@given(st.data())
def test_a_run_with_a_checkpoint_of_anybody_is_refused_or_used(
    run: RunDirectory, data: st.DataObject
) -> None:
    content = torch.load(run.best, map_location="cpu", weights_only=True)
    name = data.draw(st.sampled_from(sorted(content["state_dict"])))
    weights = content["state_dict"][name]
    same_shape = st.sampled_from((weights * torch.nan, weights.double(), weights.to_sparse()))
    content["state_dict"][name] = data.draw(st.just(weights) | same_shape | tensors)
    content["alexcli"] = data.draw(st.just(content["alexcli"]) | changed(content["alexcli"]))
    run.last.write_bytes(saved(content))

    def loaded() -> TrainedModel:
        trained = load(run, run.last)
        side = trained.spec.data.size
        images = torch.zeros((2, side, side, 3), dtype=torch.uint8)
        assert trained.net(trained.preprocess.crop(images)).shape == (2, len(trained.classes))
        return trained

    used_or_refused("checkpoints of runs", loaded)
