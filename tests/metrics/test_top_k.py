"""Loss and errors of a pass, against those of all its images at once."""

import warnings

import pytest
import torch
import torch.nn.functional as F

from alexcli.metrics.top_k import TopKMeter, most_likely

Batch = tuple[torch.Tensor, torch.Tensor]


def _batches(classes: int) -> list[Batch]:
    """Scores and labels of 263 images in three batches."""
    torch.manual_seed(0)
    return [(torch.randn(n, classes), torch.randint(0, classes, (n,))) for n in (128, 128, 7)]


def _meter(classes: int, batches: list[Batch]) -> TopKMeter:
    meter = TopKMeter(classes)
    for scores, labels in batches:
        meter.update(scores, labels)
    return meter


@pytest.mark.parametrize("classes", [10, 1000])
def test_errors_and_loss_are_those_of_all_images_together(classes: int) -> None:
    batches = _batches(classes)
    meter = _meter(classes, batches)
    scores, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    metrics = meter.compute()
    assert meter.count() == 263
    assert metrics["loss"] == pytest.approx(F.cross_entropy(scores, labels).item(), rel=1e-5)
    best = scores.argsort(1, descending=True)
    assert metrics["top1_err"] == (best[:, 0] != labels).sum().item() / 263
    assert metrics["top5_err"] == (best[:, :5] != labels[:, None]).all(1).sum().item() / 263


def test_a_given_loss_is_weighted_by_the_size_of_its_batch() -> None:
    meter = TopKMeter(10)
    for scores, labels in _batches(10):
        meter.update(scores, labels, loss=torch.tensor(float(len(labels)), requires_grad=True))
    expected = (128 * 128 + 128 * 128 + 7 * 7) / 263
    assert meter.compute()["loss"] == pytest.approx(expected)


@pytest.mark.parametrize(("classes", "has_top5"), [(2, False), (5, False), (6, True)])
def test_top5_needs_more_than_five_classes(classes: int, has_top5: bool) -> None:
    meter = TopKMeter(classes)
    meter.update(torch.randn(4, classes), torch.tensor([0, 1, 0, 1]))
    assert (meter.compute()["top5_err"] is not None) == has_top5


def test_a_pass_resumes_from_saved_sums() -> None:
    batches = _batches(10)
    whole = _meter(10, batches)
    first = _meter(10, batches[:1])
    second = TopKMeter(10)
    second.sums.copy_(first.sums)
    for scores, labels in batches[1:]:
        second.update(scores, labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert second.compute() == whole.compute()
    second.reset()
    assert second.count() == 0


def test_sums_over_replicas_are_those_of_one_meter_that_saw_all_batches() -> None:
    batches = _batches(10)
    replicas = [_meter(10, batches[:1]), _meter(10, batches[1:]), _meter(10, [])]
    total = replicas[0].summed_over(lambda _sums: sum(m.sums for m in replicas[1:]) + _sums)
    assert total.compute() == pytest.approx(_meter(10, batches).compute())
    assert replicas[0].count() == 128


def test_an_empty_share_of_a_batch_changes_nothing() -> None:
    meter = _meter(10, _batches(10))
    before = meter.sums.clone()
    meter.update(torch.empty(0, 10), torch.empty(0, dtype=torch.int64))
    assert torch.equal(meter.sums, before)


def test_sums_are_not_part_of_a_state_dict() -> None:
    assert not TopKMeter(10).state_dict()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_of_equal_scores_the_lowest_class_is_first(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    scores = (torch.randn(64, 200) * 3).round().to(dtype)  # -0.0 and 0.0 among them
    expected = scores.sort(dim=1, descending=True, stable=True)
    values, classes = most_likely(scores, 5)
    assert torch.equal(classes, expected.indices[:, :5])
    assert torch.equal(values, expected.values[:, :5])
    assert values.dtype == dtype
    assert classes[:, 0].tolist() == scores.float().numpy().argmax(1).tolist()


def test_extreme_scores_are_in_order() -> None:
    inf = float("inf")
    scores = torch.tensor([[0.0, -inf, 1e-45, inf, -1e-45, -1.0, 3.4e38, -3.4e38]])
    assert most_likely(scores, 8)[1].tolist() == [[3, 6, 2, 0, 4, 5, 7, 1]]
