"""Towers that take the colour, and towers that do not."""

import numpy as np
import pytest
import torch

from alexcli.analysis import filters, selectivity
from alexcli.analysis.subject import Subject
from alexcli.errors import UsageError
from alexcli.model.activations import with_layers
from alexcli.records.analysis import TilesPanel
from alexcli.schema import AnalyzeSpec
from tests.analysis.subjects import tiny_subject


def _alike(seed: int) -> Subject:
    """A net whose first layer is noise in both towers."""
    subject = tiny_subject("model.width=1")
    subject.name = f"alike{seed}"
    net = with_layers(subject.net)
    noise = torch.Generator().manual_seed(seed)
    for tower in net.local_towers:
        net.layer(tower, "conv1").weight.data.normal_(generator=noise)
    return subject


def _apart(seed: int) -> Subject:
    """A net whose first tower sees little colour."""
    subject = _alike(seed)
    subject.name = f"apart{seed}"
    weight = with_layers(subject.net).layer(0, "conv1").weight
    weight.data += 5 * weight.data.mean(1, keepdim=True)
    return subject


def test_each_run_has_a_row_and_a_panel_for_each_tower() -> None:
    analysis = selectivity.run(AnalyzeSpec(), iter([_alike(0), _apart(1)]))
    table, _ = analysis.tables
    alike, apart = table.records()
    assert [alike["run"], apart["run"]] == ["alike0", "apart1"]
    kernels = with_layers(_apart(1).net).layer(0, "conv1").weight.detach().double().numpy()
    assert apart["tower 0"] == pytest.approx(np.median(filters.measure(kernels)["colour"]))
    assert apart["tower 0"] < apart["tower 1"]
    titles = [panel.title for panel in analysis.panels if isinstance(panel, TilesPanel)]
    assert titles == [
        f"{name}, tower {tower}: 16 kernels" for name in ("alike0", "apart1") for tower in (0, 1)
    ]


def test_the_runs_whose_towers_differ_are_counted() -> None:
    subjects = [_alike(0), _alike(2), _apart(1), _apart(3)]
    (row,) = selectivity.run(AnalyzeSpec(), subjects).tables[1].records()
    p = row.pop("p")
    assert row == {"runs": 4, "towers differ": 2, "by chance": pytest.approx(0.2)}
    assert p < 0.01
    (row,) = selectivity.run(AnalyzeSpec(), subjects[:2]).tables[1].records()
    assert row["p"] > 0.05


def test_kernels_of_zeros_are_left_out_and_a_tower_of_them_is_not_tested() -> None:
    with_zeros = _apart(1)
    weight = with_layers(with_zeros.net).layer(0, "conv1").weight
    weight.data[8:] = 0
    empty = _alike(0)
    torch.nn.init.zeros_(with_layers(empty.net).layer(1, "conv1").weight)
    runs, together = selectivity.run(AnalyzeSpec(), [with_zeros, empty]).tables
    kept = weight.detach()[:8].double().numpy()
    assert runs.records()[0]["tower 0"] == pytest.approx(np.median(filters.measure(kept)["colour"]))
    assert runs.records()[1]["tower 1"] is runs.records()[1]["p"] is None
    (row,) = together.records()
    assert (row["runs"], row["by chance"]) == (2, selectivity.CHANCE)
    (row,) = selectivity.run(AnalyzeSpec(), [empty]).tables[1].records()
    assert row["p"] is None


def test_a_net_of_one_tower_is_refused() -> None:
    merged = tiny_subject("model=tiny", "model.towers=1")
    with pytest.raises(UsageError, match="has one tower"):
        selectivity.run(AnalyzeSpec(), [merged])


def test_a_net_that_sees_no_colour_is_refused() -> None:
    subject = tiny_subject()
    net = with_layers(subject.net)
    for tower in net.local_towers:
        layer = net.layer(tower, "conv1")
        layer.weight = torch.nn.Parameter(layer.weight[:, :1])
    with pytest.raises(UsageError, match="reads 1 channel, and colour needs 3"):
        selectivity.run(AnalyzeSpec(), [subject])
