from dataclasses import replace

import pytest
import torch

from alexcli.analysis import units
from alexcli.analysis.subject import Subject
from alexcli.model.towers import Towers
from tests.analysis.subjects import tiny_subject


def _silence(subject: Subject, layer: str, channels: int) -> None:
    """Let the first channels of the first tower's layer never fire."""
    assert isinstance(subject.net, Towers)
    weights = subject.net.layer(0, layer)
    with torch.no_grad():
        weights.bias[:channels] = -1e6


def test_channels_that_never_fire_are_counted_and_compared_with_the_start() -> None:
    subject = tiny_subject(shown=4)
    rows = {row["layer"]: row for row in units.run(subject).tables[0].records()}
    _silence(subject, "conv1", 2)
    after = {row["layer"]: row for row in units.run(subject).tables[0].records()}
    share = 2 / after["conv1"]["channels"]
    assert after["conv1"]["dead"] == pytest.approx(rows["conv1"]["dead"] + share)
    assert after["conv1"]["dead before"] == rows["conv1"]["dead before"]
    assert after["fc8"]["dead"] is None


def test_one_image_that_wakes_a_unit_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = tiny_subject(shown=4)
    whole = units.run(subject).tables[0].records()
    monkeypatch.setattr(units, "BATCH", 1)  # a pass for each image
    assert units.run(subject).tables[0].records() == whole


def test_histograms_hold_every_weight_in_units_of_the_initial_ones() -> None:
    subject = tiny_subject(shown=2)
    assert isinstance(subject.net, Towers)
    with torch.no_grad():
        for tower in subject.net.local_towers:
            subject.net.layer(tower, "fc8").weight.mul_(1e6)
    analysis = units.run(subject)
    lines = analysis.panels[1].lines  # type: ignore[union-attr]
    assert sum(lines["conv1"].y) == pytest.approx(1, abs=1e-5)
    fc8 = lines["fc8"].y
    assert fc8[0] + fc8[-1] == pytest.approx(1, abs=1e-2)  # what lies beyond is in the last bins
    row = analysis.tables[0].records()[0]
    assert row["weight std"] == pytest.approx(row["weight std before"], rel=0.5)


def test_nothing_is_said_of_imported_weights_before_their_training() -> None:
    analysis = units.run(replace(tiny_subject(shown=2), before_training=lambda: None))
    rows = analysis.tables[0].records()
    assert {(row["dead before"], row["weight std before"]) for row in rows} == {(None, None)}
    assert rows[0]["dead"] is not None
    assert len(analysis.panels) == 1
    assert "before: unknown" in (analysis.caption or "")
