"""What each epoch leaves of units and weights, and that it changes nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from alexcli.lit import fit as lit_fit
from alexcli.lit import unit_recording
from alexcli.model.towers import Towers
from alexcli.records.training import QUANTILES
from alexcli.run.result_file import is_units_row
from tests.lit.small_run import build, run_fit


def _rows(directory: Path) -> list[dict[str, Any]]:
    text = (directory / "units.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_every_epoch_leaves_dead_units_and_quantiles_of_the_weights(tmp_path: Path) -> None:
    module, data = build()
    run_fit(module, data, tmp_path)
    rows = _rows(tmp_path)
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 3), (2, 6)]
    assert all(is_units_row(row) for row in rows)
    net = module.net
    assert isinstance(net, Towers)
    assert rows[-1]["images"] == len(data.dataset.val)
    assert list(rows[-1]["dead"]) == [shape.name for shape in net.shapes[:-1]]
    weights = torch.cat([net.layer(tower, "conv1").weight.flatten() for tower in net.local_towers])
    expected = torch.quantile(weights.detach(), torch.tensor(QUANTILES))
    assert rows[-1]["weights"]["conv1"] == pytest.approx(expected.tolist(), rel=1e-4)


def test_a_unit_that_never_fires_is_counted(tmp_path: Path) -> None:
    module, data = build("optim.epochs=1")
    net = module.net
    assert isinstance(net, Towers)
    with torch.no_grad():
        net.layer(0, "fc6").bias.fill_(-1e6)
    run_fit(module, data, tmp_path)
    (row,) = _rows(tmp_path)
    assert row["dead"]["fc6"] >= 0.5


def test_the_training_is_the_same_to_the_bit_without_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoRecorder(unit_recording.UnitRecorder):
        on_validation_batch_start = lambda *_: None  # noqa: E731
        on_validation_epoch_end = lambda *_: None  # noqa: E731

    states = []
    for name in ("with", "without"):
        module, data = build()
        run_fit(module, data, tmp_path / name)
        states.append(module.state_dict())
        monkeypatch.setattr(lit_fit, "UnitRecorder", NoRecorder)
    assert not (tmp_path / "without" / "units.jsonl").exists()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])
    texts = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("with", "without")]
    losses = [[json.loads(line)["loss"] for line in text.splitlines()] for text in texts]
    assert losses[0] == losses[1]


def test_a_compiled_net_is_watched_on_sample_images_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, data = build("optim.epochs=1")
    module.net.is_compiled = True
    monkeypatch.setattr(unit_recording, "EAGER_IMAGES", 7)
    run_fit(module, data, tmp_path)
    (row,) = _rows(tmp_path)
    assert row["images"] == 7
    assert is_units_row(row)


def test_few_weights_of_a_large_layer_stand_for_all_and_fall_on_every_column() -> None:
    columns = torch.arange(4096).repeat(1024, 1)
    some = unit_recording._sample(columns, towers=1)
    assert len(some) == unit_recording.MOST_WEIGHTS
    assert len(some.unique()) > 2000
    assert unit_recording._sample(torch.ones(5), towers=2).tolist() == [1.0] * 5
