"""Expected calibration error, against a plain count."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_calibration_error

from alexcli.metrics.calibration import BINS, calibration_error


def _best_only(confidences: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions of class 0 with these probabilities."""
    top = torch.zeros(len(confidences), 1, dtype=torch.int64)
    return top, torch.tensor(confidences)[:, None]


def test_confidence_that_equals_accuracy_has_no_error() -> None:
    top, top_p = _best_only([0.5, 0.5, 1.0])
    assert calibration_error(top, top_p, np.array([0, 1, 0])) == pytest.approx(0)


def test_the_error_is_the_mean_gap_between_confidence_and_accuracy_of_the_bins() -> None:
    top, top_p = _best_only([0.9, 0.9, 0.9, 0.5])
    # Three images of confidence 0.9, of which one is right, and one of 0.5, which is right.
    labels = np.array([0, 1, 1, 0])
    expected = (3 * abs(0.9 - 1 / 3) + 1 * abs(0.5 - 1)) / 4
    assert calibration_error(top, top_p, labels) == pytest.approx(expected)


def test_it_is_that_of_fifteen_bins_counted_plainly() -> None:
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(200, 10, generator=generator).pow(4).softmax(1)
    best = probabilities.mul(4).softmax(1).topk(5)
    labels = torch.randint(0, 10, (200,), generator=generator).numpy()
    correct = best.indices[:, 0].numpy() == labels
    confidence = best.values[:, 0].numpy().astype(float)
    bins = np.ceil(confidence * 15)
    gaps = [abs((correct[bins == b] - confidence[bins == b]).sum()) for b in range(1, 16)]
    error = calibration_error(best.indices, best.values, labels)
    assert error == pytest.approx(sum(gaps) / 200, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_that_of_torchmetrics_on_the_edges_of_bins_too(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    edges = torch.linspace(0, 1, BINS + 1)
    below = torch.nextafter(edges[1:], edges[:-1])
    confidence = torch.cat([torch.rand(200, generator=generator), edges, below])
    correct = torch.rand(len(confidence), generator=generator) < confidence
    top = torch.zeros(len(confidence), 1, dtype=torch.int64)
    error = calibration_error(top, confidence[:, None], 1 - correct.long().numpy())
    expected = binary_calibration_error(confidence, correct.long(), n_bins=BINS, norm="l1")
    assert error == pytest.approx(float(expected), abs=1e-6)
    assert error > 0.01
