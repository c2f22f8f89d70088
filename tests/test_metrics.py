import warnings

import pytest
import torch
import torch.nn.functional as F

from alexcli.metrics import Errors


def _batches(classes: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(0)
    return [(torch.randn(n, classes), torch.randint(0, classes, (n,))) for n in (128, 128, 7)]


@pytest.mark.parametrize("classes", [10, 1000])
def test_errors_and_loss_are_those_of_all_pictures_together(classes: int) -> None:
    errors, batches = Errors(classes), _batches(classes)
    for scores, labels in batches:
        errors.update(scores, labels)
    scores, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    found = errors.compute()
    assert errors.count() == 263
    assert found["loss"] == pytest.approx(F.cross_entropy(scores, labels).item(), rel=1e-5)
    best = scores.argsort(1, descending=True)
    assert found["top1_err"] == (best[:, 0] != labels).sum().item() / 263
    assert found["top5_err"] == (best[:, :5] != labels[:, None]).all(1).sum().item() / 263


@pytest.mark.parametrize(("classes", "has"), [(2, False), (5, False), (6, True)])
def test_top5_needs_more_than_five_classes(classes: int, has: bool) -> None:
    errors = Errors(classes)
    errors.update(torch.randn(4, classes), torch.tensor([0, 1, 0, 1]))
    assert (errors.compute()["top5_err"] is not None) == has


def test_a_pass_goes_on_from_saved_sums() -> None:
    batches = _batches(10)
    whole, first, second = Errors(10), Errors(10), Errors(10)
    for batch in batches:
        whole.update(*batch)
    first.update(*batches[0])
    second.sums.copy_(first.sums)
    for batch in batches[1:]:
        second.update(*batch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert second.compute() == whole.compute()
    second.reset()
    assert second.count() == 0
