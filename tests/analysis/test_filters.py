"""Selectivity against gratings, whose orientation, colour and frequency are known."""

from typing import Any

import numpy as np
import pytest

from alexcli.analysis import filters
from alexcli.errors import UsageError
from alexcli.records.analysis import TilesPanel
from alexcli.schema import AnalyzeSpec
from tests.analysis.subjects import tiny_subject


def _gratings(count: int, *, colour: bool) -> np.ndarray[Any, Any]:
    """Kernels of one frequency in many directions, (count, 3, 11, 11)."""
    y, x = np.mgrid[:11, :11]
    angles = np.linspace(0, 3, count)
    turned = [np.cos(0.8 * (x * np.cos(angle) + y * np.sin(angle))) for angle in angles]
    gray = np.stack(turned)[:, None].repeat(3, axis=1)
    return gray * np.array([1.0, -1.0, 0.1])[:, None, None] if colour else gray


def test_selectivity_tells_gratings_from_noise_and_colour_from_gray() -> None:
    noise = filters.measure(np.random.default_rng(0).normal(size=(40, 3, 11, 11)))
    gray = filters.measure(_gratings(40, colour=False))
    colour = filters.measure(_gratings(40, colour=True))
    assert np.allclose(gray["colour"], 0)
    assert colour["colour"].min() > 10
    assert np.median(noise["colour"]) == pytest.approx(2, abs=0.3)  # two axes to one
    assert gray["orientation"].min() > 0.65
    assert np.median(noise["orientation"]) < 0.4
    assert gray["frequency"].min() > 0.4
    assert abs(np.median(noise["frequency"])) < 0.2
    assert gray["cycles per pixel"].mean() == pytest.approx(0.8 / 2 / np.pi, rel=0.25)


def test_kernels_of_a_gray_net_have_no_colour_selectivity() -> None:
    assert "colour" not in filters.measure(_gratings(4, colour=False)[:, :1])


def test_the_permutation_test_sees_a_difference_only_where_there_is_one() -> None:
    samples = np.random.default_rng(1).normal(size=(3, 48))
    same = filters.permutation_p([samples[0], samples[1]])
    apart = filters.permutation_p([samples[0], samples[2] + 2])
    assert same is not None
    assert same > 0.05
    assert apart is not None
    assert apart < 0.001
    assert filters.permutation_p([samples[0]]) is None


def test_each_tower_has_a_panel_of_its_kernels_and_a_column_of_medians() -> None:
    subject = tiny_subject()
    analysis = filters.run(AnalyzeSpec(), subject)
    selectivity, kernels = analysis.tables
    assert selectivity.columns == ["measure", "tower 0", "tower 1", "p"]
    assert [panel.title for panel in analysis.panels if isinstance(panel, TilesPanel)] == [
        "tower 0: 4 kernels",
        "tower 1: 4 kernels",
    ]
    for row in selectivity.records():
        values = [
            kernel["value"]
            for kernel in kernels.records()
            if kernel["measure"] == row["measure"] and kernel["tower"] == 1
        ]
        assert row["tower 1"] == pytest.approx(np.median(values))


@pytest.mark.parametrize(
    ("layer", "message"),
    [("fc7", "is fully connected: its weights cannot"), ("conv2", "not a convolution of the")],
)
def test_kernels_that_are_no_images_are_refused(layer: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        filters.run(AnalyzeSpec(layer=layer), tiny_subject())
    assert caught.value.hint == "layer=conv1"
