from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from alexcli.data.open import open_dataset
from alexcli.data.transforms import TEN_CROPS
from alexcli.errors import UsageError
from alexcli.metrics.confusion import confusion_matrix
from alexcli.placement.single import SinglePlacement
from alexcli.records.evaluation import EvalResult
from alexcli.reporter import NullReporter
from alexcli.run import checkpoint
from alexcli.run.build import build_net, build_preprocess
from alexcli.run.directory import RunDirectory
from alexcli.run.evaluate import EvalInput, _run_net, evaluate
from alexcli.run.find import RunCheckpoint, find_checkpoint
from alexcli.run.train import train
from alexcli.run.trained import load
from alexcli.run_files import DEFAULT_RUNS
from tests.conftest import small
from tests.data.class_folders import make_class_folders

ONE_EPOCH = ("optim.epochs=1", "data.train_count=100")


def _evaluate(
    run: RunDirectory, *overrides: str, split: str = "val", protocol: str = "center"
) -> EvalResult:
    evaluation = evaluate(
        [(run, run.last)], NullReporter(), split=split, protocols=[protocol], overrides=overrides
    )
    return evaluation.results[0]


def _train(*overrides: str) -> RunCheckpoint:
    """The checkpoint of a new run of one epoch."""
    return find_checkpoint(
        train(small(*ONE_EPOCH, *overrides), NullReporter()).directory, DEFAULT_RUNS
    )


def test_evaluation_repeats_the_validation_of_the_last_epoch(run: RunDirectory) -> None:
    evaluated = _evaluate(run)
    result = run.result()
    assert result is not None
    row = result["last"]["val"]
    assert evaluated.n == 60
    assert evaluated.top1_err == row["top1_err"]
    assert evaluated.top5_err == row["top5_err"]
    assert evaluated.loss == pytest.approx(row["loss"], rel=1e-4)
    assert evaluated.protocol == {"resize": "generated at 36", "crop": 32, "views": 1}


def test_ten_crop_averages_softmax_outputs_and_counts_each_image_once(run: RunDirectory) -> None:
    evaluated = _evaluate(run, protocol="ten")
    assert evaluated.n == 60
    assert evaluated.protocol["views"] == 10
    spec = run.read_config()
    net = build_net(spec).eval()
    preprocess = build_preprocess(spec, None)
    state = checkpoint.read(run.last)["state_dict"]
    preprocess.mean_image.copy_(state["preprocess.mean_image"])
    net.load_state_dict(
        {
            name.removeprefix("net."): weight
            for name, weight in state.items()
            if name.startswith("net.")
        }
    )
    val = open_dataset(spec.data).val
    images = torch.from_numpy(val.fetch(range(60)))
    with torch.inference_mode():
        p_of_views = [net(preprocess.crop(images, view)).softmax(1) for view in TEN_CROPS]
    p = torch.stack(p_of_views).mean(0)
    labels = torch.from_numpy(val.labels)
    assert evaluated.top1_err == (p.argmax(1) != labels).sum().item() / 60
    loss = -p[torch.arange(60), labels].log().mean().item()
    assert evaluated.loss == pytest.approx(loss, rel=1e-5)


def test_test_images_are_others_than_val(run: RunDirectory) -> None:
    assert _evaluate(run, split="test").loss != _evaluate(run).loss


def test_the_batch_size_of_evaluation_changes_nothing(run: RunDirectory) -> None:
    small_batches = _evaluate(run, "eval.batch_size=7")
    default_batches = _evaluate(run)
    assert small_batches.top1_err == default_batches.top1_err
    assert small_batches.loss == pytest.approx(default_batches.loss, rel=1e-5)


def test_an_ensemble_is_the_mean_of_the_softmax_outputs() -> None:
    checkpoints = [_train(f"seed={seed}") for seed in range(3)]
    evaluation = evaluate(
        checkpoints, NullReporter(), split="val", protocols=["center", "ten"], probabilities=True
    )
    assert [result.protocol["views"] for result in evaluation.results] == [1, 10] * 4
    for protocol in (0, 1):
        members = evaluation.predictions[protocol:6:2]
        ensemble = evaluation.predictions[6 + protocol]
        p = np.mean([member.probabilities for member in members], axis=0)
        assert ensemble.probabilities == pytest.approx(p, abs=1e-7)
        result = evaluation.results[6 + protocol]
        assert result.top1_err == (p.argmax(1) != ensemble.labels).mean()
        p_of_label = p[np.arange(60), ensemble.labels]
        assert result.loss == pytest.approx(-np.log(p_of_label).mean())
        assert result.members == [row.name for row in evaluation.results[0:6:2]]


def test_nets_of_different_towers_are_averaged_as_if_evaluated_alone() -> None:
    """Towers that never communicate compute class scores without each other, too."""
    own_tower = [f"model.layers.{layer}.reads=own_tower" for layer in ("conv3", "fc6", "fc7")]
    runs = [_train("model.towers=1"), _train(*own_tower)]
    alone = [
        evaluate([run], NullReporter(), split="val", probabilities=True).predictions[0]
        for run in runs
    ]
    for nets in ([0, 1], [1, 0]):
        checkpoints = [runs[net] for net in nets]
        evaluation = evaluate(checkpoints, NullReporter(), split="val", probabilities=True)
        for net, predictions in zip(nets, evaluation.predictions[:2], strict=True):
            assert np.array_equal(predictions.probabilities, alone[net].probabilities)


def test_processes_are_not_shared_by_nets_of_different_towers() -> None:
    runs = [_train("model.towers=1"), _train()]
    message = r"placement=distributed .* has 1 tower and \S+ 2"
    with pytest.raises(UsageError, match=message) as error:
        evaluate(runs, NullReporter(), split="val", overrides=["placement=distributed"])
    assert error.value.hint == "placement=single, or evaluate one at a time"


def test_both_protocols_from_one_pass_equal_each_alone(run: RunDirectory) -> None:
    evaluation = evaluate(
        [(run, run.last)], NullReporter(), split="val", protocols=["center", "ten"]
    )
    for together, protocol in zip(evaluation.results, ("center", "ten"), strict=True):
        alone = _evaluate(run, protocol=protocol)
        assert together.top1_err == alone.top1_err
        assert together.top5_err == alone.top5_err
        assert together.loss == pytest.approx(alone.loss, rel=1e-6)


def test_probabilities_are_kept_only_on_request(run: RunDirectory) -> None:
    runs = [(run, run.last), (run, run.path / "best.ckpt")]
    evaluation = evaluate(runs, NullReporter(), split="val")
    assert [predictions.probabilities for predictions in evaluation.predictions] == [None] * 3


class IdleReplica(SinglePlacement):
    """A replica whose share of every batch is empty, as of a batch of one image."""

    replicas = 2
    sums = 0

    def share(self, rows: int) -> tuple[int, int]:
        """Nothing."""
        return rows, rows

    def all_reduce_sum(self, part: Tensor) -> Tensor:
        """Count the sums that this replica takes part in."""
        self.sums += 1
        return part


def test_a_replica_without_images_takes_part_in_every_sum(run: RunDirectory) -> None:
    """Otherwise the other replicas wait for it for ever."""
    placement = IdleReplica(torch.device("cpu"), towers=2)
    trained = load(run, run.last, placement=placement)
    dataset = trained.open_data(NullReporter())
    eval_input = EvalInput(trained, dataset, "val", dataset.val)
    outputs = _run_net(eval_input, ["center"], NullReporter(), keep_p=True)
    assert placement.sums == 4
    assert outputs["center"].top.shape == (60, 5)


def test_nets_of_other_classes_or_images_are_not_averaged(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path / "d", {"train": 4, "val": 2})
    first = _train()
    other_images = _train("data.seed=1")
    other_classes = find_checkpoint(
        train(
            small(
                "optim.epochs=1",
                "data=folder",
                f"data.root={root}",
                "data.size=36",
                "data.workers=0",
            ),
            NullReporter(),
        ).directory,
        DEFAULT_RUNS,
    )
    with pytest.raises(UsageError, match="other images"):
        evaluate([first, other_images], NullReporter(), split="val")
    with pytest.raises(UsageError, match=r"10 classes and .* 3"):
        evaluate([first, other_classes], NullReporter(), split="val")


def test_nets_with_other_numbers_of_test_images_are_averaged_on_the_same(run: RunDirectory) -> None:
    nets = [(run, run.last), _train("data.train_count=150", "data.test_count=20")]
    with pytest.raises(UsageError, match=r"on 50 images of test and .* on 20") as caught:
        evaluate(nets, NullReporter(), split="test")
    assert caught.value.hint == "data.test_count=20 takes the same for all"
    same = evaluate(nets, NullReporter(), split="test", overrides=["data.test_count=20"])
    assert [row.n for row in same.results] == [20, 20, 20]


def test_calibration_error_and_classes_equal_a_plain_count(run: RunDirectory) -> None:
    evaluation = evaluate([(run, run.last)], NullReporter(), split="val", per_class=True)
    predictions = evaluation.predictions[0]
    result = evaluation.results[0]
    right = predictions.top[:, 0] == predictions.labels
    confidence = predictions.top_p[:, 0].astype(float)
    bins = np.ceil(confidence * 15)
    gaps = [abs((right[bins == b] - confidence[bins == b]).sum()) for b in range(1, 16)]
    assert result.calibration_error == pytest.approx(sum(gaps) / 60, abs=1e-6)
    rows = result.per_class or []
    assert [row["class"] for row in rows] == evaluation.classes
    assert sum(row["n"] * row["top1_err"] for row in rows) / 60 == pytest.approx(result.top1_err)
    counts = confusion_matrix(predictions, 10)
    for label, row in enumerate(rows):
        confused = {
            evaluation.classes[predicted]: n
            for predicted, n in enumerate(counts[label])
            if n and predicted != label
        }
        most = sorted(confused.values(), reverse=True)[:3]
        assert [other["n"] for other in row["confused"]] == most
        assert all(confused[other["with"]] == other["n"] for other in row["confused"])
