"""Selectivity against gratings, whose orientation, colour and frequency are known."""

from typing import Any

import numpy as np
import pytest
import torch

from alexcli.analysis import filters
from alexcli.errors import UsageError
from alexcli.model.activations import with_layers
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


def test_a_spectrum_wider_than_that_of_noise_has_a_negative_frequency_selectivity() -> None:
    y, x = np.mgrid[:11, :11]
    slow_and_fast = np.cos(0.3 * x) + np.cos(np.pi * (x + y))
    kernels = slow_and_fast[None, None].repeat(3, axis=1)
    assert filters.measure(kernels)["frequency"][0] < -0.3
    note = filters.run(AnalyzeSpec(), tiny_subject()).tables[0].note
    assert "below 0 for a wider spectrum" in (note or "")


def test_kernels_of_zeros_have_no_measure_and_enter_no_median() -> None:
    kernels = _gratings(5, colour=True)
    kernels[3:] = 0
    for values in filters.measure(kernels).values():
        assert np.isnan(values).tolist() == [False] * 3 + [True] * 2
        assert filters.median(values) == np.median(values[:3])
    assert filters.median(np.full(4, np.nan)) is None


def test_kernels_without_contrast_have_a_colour_but_no_frequency() -> None:
    flat = np.ones((2, 3, 5, 5)) * np.array([[1, 1, 1], [2, -1, -1]])[..., None, None]
    measures = filters.measure((flat * 0.1).astype(np.float32).astype(np.float64))
    assert measures["colour"][0] == 0
    assert measures["colour"][1] == pytest.approx(1 / filters.LEAST_SHARE)
    for name in ("orientation", "frequency", "cycles per pixel"):
        assert np.isnan(measures[name]).all()


def test_colour_does_not_depend_on_the_size_of_weights() -> None:
    kernels = np.random.default_rng(0).normal(size=(8, 3, 5, 5))
    colour = filters.measure(kernels)["colour"]
    assert np.allclose(filters.measure(1e-9 * kernels)["colour"], colour)


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
    with_nan = [np.append(samples[0], np.nan), samples[2] + 2]
    assert filters.permutation_p(with_nan) == apart
    assert filters.permutation_p([samples[0], np.array([1.0, np.nan])]) is None


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


def test_a_net_of_zeros_has_dashes_for_measures_and_no_nan_in_files() -> None:
    subject = tiny_subject()
    net = with_layers(subject.net)
    for tower in net.local_towers:
        torch.nn.init.zeros_(net.layer(tower, "conv1").weight)
    analysis = filters.run(AnalyzeSpec(), subject)
    selectivity, kernels = analysis.tables
    assert all(row["tower 0"] is row["p"] is None for row in selectivity.records())
    assert all(row["value"] is None for row in kernels.records())
    assert all(
        np.isfinite(panel.tiles).all() for panel in analysis.panels if isinstance(panel, TilesPanel)
    )


@pytest.mark.parametrize(
    ("layer", "message"),
    [("fc7", "is fully connected: its weights cannot"), ("conv2", "not a convolution of the")],
)
def test_kernels_that_are_no_images_are_refused(layer: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        filters.run(AnalyzeSpec(layer=layer), tiny_subject())
    assert caught.value.hint == "layer=conv1"
