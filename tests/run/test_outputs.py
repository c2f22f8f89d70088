import math

import pytest
import torch

from alexcli.placement.single import SinglePlacement
from alexcli.run.outputs import Outputs

CPU = torch.device("cpu")


def test_the_best_five_and_the_loss_follow_from_the_probabilities() -> None:
    p = torch.tensor([[0.05, 0.1, 0.4, 0.15, 0.2, 0.1]])
    outputs = Outputs.from_softmax(p, torch.tensor([3]), keep_p=False)
    assert outputs.top[0, :3].tolist() == [2, 4, 3]
    assert outputs.top.shape == (1, 5)
    assert outputs.top_p[0].tolist() == pytest.approx([0.4, 0.2, 0.15, 0.1, 0.1])
    assert outputs.loss.item() == pytest.approx(-math.log(0.15))
    assert outputs.p is None


def test_a_vanished_probability_has_a_finite_loss() -> None:
    outputs = Outputs.from_softmax(torch.tensor([[1.0, 0.0]]), torch.tensor([1]), keep_p=True)
    assert outputs.loss.item() == pytest.approx(-math.log(1e-30))


def test_few_classes_have_as_many_predictions_as_classes() -> None:
    p = torch.tensor([[0.2, 0.5, 0.3]])
    assert Outputs.from_softmax(p, torch.tensor([0]), keep_p=False).top.tolist() == [[1, 2, 0]]


def test_batches_are_put_where_their_images_are() -> None:
    p = torch.softmax(torch.randn(5, 7, generator=torch.Generator().manual_seed(0)), dim=1)
    labels = torch.arange(5)
    expected = Outputs.from_softmax(p, labels, keep_p=True)
    outputs = Outputs.zeros(5, 7, CPU, keep_p=True)
    for indices in (torch.tensor([4, 0]), torch.tensor([1, 2, 3])):
        batch = Outputs.from_softmax(p[indices], labels[indices], keep_p=True)
        outputs.put(indices, batch)
    gathered = outputs.gathered(SinglePlacement(CPU, towers=1))
    assert torch.equal(gathered.top, expected.top)
    assert torch.equal(gathered.top_p, expected.top_p)
    assert torch.equal(gathered.loss, expected.loss)
    assert gathered.p is not None
    assert torch.equal(gathered.p, p)
