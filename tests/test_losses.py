"""The training loss, divided among replicas and smoothed."""

import pytest
import torch
import torch.nn.functional as F

from alexcli.losses import training_loss

ROWS, CLASSES = 7, 5


def scores_and_labels() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(ROWS, CLASSES, generator=generator)
    return scores, torch.randint(CLASSES, (ROWS,), generator=generator)


def test_without_smoothing_it_is_the_summed_cross_entropy_over_the_rows_bit_for_bit() -> None:
    scores, labels = scores_and_labels()
    expected = F.cross_entropy(scores, labels, reduction="sum") / 11
    assert torch.equal(training_loss(scores, labels, 11, label_smoothing=0.0), expected)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_the_parts_of_all_replicas_add_up_to_the_mean_and_its_gradient(
    label_smoothing: float,
) -> None:
    scores, labels = scores_and_labels()
    scores.requires_grad_()
    whole = F.cross_entropy(scores, labels, label_smoothing=label_smoothing)
    (whole_gradient,) = torch.autograd.grad(whole, scores)
    shares = (slice(0, 3), slice(3, 5), slice(5, 7))
    parts = [
        training_loss(scores[share], labels[share], ROWS, label_smoothing=label_smoothing)
        for share in shares
    ]
    total = torch.stack(parts).sum()
    (gradient,) = torch.autograd.grad(total, scores)
    torch.testing.assert_close(total, whole)
    torch.testing.assert_close(gradient, whole_gradient)


def test_smoothing_spreads_its_part_of_each_label_evenly_over_all_classes() -> None:
    scores, labels = scores_and_labels()
    targets = 0.9 * F.one_hot(labels, CLASSES) + 0.1 / CLASSES
    expected = -(targets * scores.log_softmax(dim=1)).sum() / ROWS
    torch.testing.assert_close(training_loss(scores, labels, ROWS, label_smoothing=0.1), expected)


def test_a_replica_without_images_has_loss_0() -> None:
    scores = torch.empty(0, CLASSES)
    labels = torch.empty(0, dtype=torch.int64)
    assert training_loss(scores, labels, 3, label_smoothing=0.1) == 0
