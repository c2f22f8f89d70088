import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from alexcli.errors import UsageError
from alexcli.render.evaluations import errors
from alexcli.render.figures import write
from alexcli.results import EvalResult, Silent
from alexcli.run import checkpoint
from alexcli.run.evaluate import evaluate
from alexcli.run.predictions import confusion, wilson
from alexcli.run.rundir import RunDirectory, locate, newest
from alexcli.run.train import train
from alexcli.run.trained import choose
from tests.conftest import small


@pytest.fixture
def run() -> RunDirectory:
    """A finished small run."""
    return RunDirectory(Path(train(small(), Silent()).directory))


def _evaluate(
    run: RunDirectory, *words: str, split: str = "val", ten_crop: bool = False
) -> EvalResult:
    protocols = ["ten" if ten_crop else "center"]
    chosen = [(run, run.last)]
    found = evaluate(chosen, Silent(), split=split, protocols=protocols, overrides=words)
    return found.results[0]


def test_evaluation_repeats_the_validation_of_the_last_epoch(run: RunDirectory) -> None:
    found, result = _evaluate(run), run.result()
    assert result is not None
    row = result["last"]["val"]
    assert found.n == 60
    assert (found.top1_err, found.top5_err) == (row["top1_err"], row["top5_err"])
    assert found.loss == pytest.approx(row["loss"], rel=1e-4)
    assert found.protocol == {"resize": "drawn at 36", "crop": 32, "views": 1}


def test_ten_crop_averages_softmax_outputs_and_counts_each_picture_once(run: RunDirectory) -> None:
    from alexcli.data.sources import open_dataset
    from alexcli.data.transforms import TEN_CROPS
    from alexcli.run.build import build_net, build_preprocess

    found = _evaluate(run, ten_crop=True)
    assert (found.n, found.protocol["views"]) == (60, 10)
    spec = run.read_config()
    net = build_net(spec).eval()
    data = open_dataset(spec.data)
    preprocess = build_preprocess(spec, None)
    state = checkpoint.read(run.last)["state_dict"]
    preprocess.mean_image.copy_(state["preprocess.mean_image"])
    net.load_state_dict({n.removeprefix("net."): w for n, w in state.items() if n[:4] == "net."})
    images = torch.from_numpy(data.val.fetch(range(60)))
    with torch.inference_mode():
        p = torch.stack([net(preprocess.view(images, v)).softmax(1) for v in TEN_CROPS]).mean(0)
    labels = torch.from_numpy(data.val.labels)
    assert found.top1_err == (p.argmax(1) != labels).sum().item() / 60
    nll = -p[torch.arange(60), labels].log().mean().item()
    assert found.loss == pytest.approx(nll, rel=1e-5)


def test_test_pictures_are_others_than_val(run: RunDirectory) -> None:
    assert _evaluate(run, split="test").loss != _evaluate(run).loss


def test_the_batch_size_of_evaluation_changes_nothing(run: RunDirectory) -> None:
    one, other = _evaluate(run, "eval.batch_size=7"), _evaluate(run)
    assert one.top1_err == other.top1_err
    assert one.loss == pytest.approx(other.loss, rel=1e-5)


@pytest.mark.parametrize("word", ["model.width=1", "optim.rate=1", "seed=2", "model=alexnet"])
def test_keys_that_would_change_the_net_are_refused(run: RunDirectory, word: str) -> None:
    with pytest.raises(UsageError, match="already trained"):
        _evaluate(run, word)


def test_wilson_intervals_equal_a_published_table() -> None:
    """Newcombe 1998, Statistics in Medicine 17, Table I, method 3: 81 of 263, 0 of 20."""
    a, b = wilson(81 / 263, 263), wilson(0, 20)
    assert (round(a.low, 4), round(a.high, 4)) == (0.2553, 0.3662)
    assert (round(b.low, 4), round(b.high, 4)) == (0.0, 0.1611)


def test_no_run_says_how_to_make_one() -> None:
    with pytest.raises(UsageError) as caught:
        newest(Path("runs"))
    assert caught.value.hint == "alexcli train"


def test_the_newest_run_is_finished_and_no_ablations_arm(run: RunDirectory) -> None:
    for name, content in {
        "arm": {"kind": "train", "arm": "no_lrn", "finished": "2999"},
        "other": {"kind": "eval", "finished": "2999"},
    }.items():
        other = Path("runs") / name / "s0-x"
        other.mkdir(parents=True)
        (other / "result.json").write_text(json.dumps(content))
    (Path("runs") / "unfinished" / "s0-y").mkdir(parents=True)
    assert newest(Path("runs")).path == run.path


def test_a_misspelled_run_is_suggested(run: RunDirectory) -> None:
    with pytest.raises(UsageError) as caught:
        locate(str(run.path)[:-1])
    assert str(run.path) in (caught.value.hint or "")


def test_a_truncated_checkpoint_is_refused(run: RunDirectory) -> None:
    run.last.write_bytes(run.last.read_bytes()[:5000])
    with pytest.raises(UsageError, match=r"last\.ckpt is truncated"):
        _evaluate(run)


def test_a_checkpoint_of_another_model_names_the_layer_and_both_shapes(run: RunDirectory) -> None:
    other = RunDirectory(Path(train(small("model.width=0.5"), Silent()).directory))
    (run.path / "last.ckpt").write_bytes(other.last.read_bytes())
    with pytest.raises(UsageError, match=r"tower0\.conv1\.weight has shape \[\d+, 3, \d+, \d+\]"):
        _evaluate(run)


def test_a_checkpoint_that_would_execute_code_is_refused_and_does_not(
    run: RunDirectory, tmp_path: Path
) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path(tmp_path / "executed").mkdir, ())  # type: ignore[return-value]

    torch.save({"state_dict": {}, "alexcli": Evil()}, run.last)
    with pytest.raises(UsageError, match="more than tensors"):
        _evaluate(run)
    run.last.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(UsageError):
        _evaluate(run)
    assert not (tmp_path / "executed").exists()


def test_a_run_without_config_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no checkpoint last\.ckpt"):
        locate(str(tmp_path / "empty"))


def test_data_of_other_classes_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    from tests.data.test_sources import make_folders

    root = make_folders(tmp_path / "d", {"train": 2, "val": 2})
    with pytest.raises(UsageError, match="trained on 10 classes and the data has 3"):
        _evaluate(run, "data=folder", f"data.root={root}", "data.size=36", "data.workers=0")


def _three() -> list[tuple[RunDirectory, Path]]:
    words = ("optim.epochs=1", "data.train_count=100")
    found = [train(small(f"seed={seed}", *words), Silent()).directory for seed in range(3)]
    return [locate(directory) for directory in found]


def test_an_ensemble_is_the_mean_of_the_softmax_outputs() -> None:
    found = evaluate(
        _three(), Silent(), split="val", protocols=["center", "ten"], probabilities=True
    )
    assert [r.protocol["views"] for r in found.results] == [1, 10] * 4
    for protocol in (0, 1):
        single, whole = found.predictions[protocol:6:2], found.predictions[6 + protocol]
        p = np.mean([one.probabilities for one in single], axis=0)
        assert whole.probabilities == pytest.approx(p, abs=1e-7)
        result = found.results[6 + protocol]
        assert result.top1_err == (p.argmax(1) != whole.labels).mean()
        assert result.loss == pytest.approx(-np.log(p[np.arange(60), whole.labels]).mean())
        assert result.members == [r.name for r in found.results[0:6:2]]


def test_both_protocols_from_one_pass_equal_each_alone(run: RunDirectory) -> None:
    both = evaluate([(run, run.last)], Silent(), split="val", protocols=["center", "ten"])
    for found, ten in zip(both.results, (False, True), strict=True):
        alone = _evaluate(run, ten_crop=ten)
        assert (found.top1_err, found.top5_err) == (alone.top1_err, alone.top5_err)
        assert found.loss == pytest.approx(alone.loss, rel=1e-6)


def test_nets_of_other_classes_or_pictures_are_not_averaged(tmp_path: Path) -> None:
    from tests.data.test_sources import make_folders

    root = make_folders(tmp_path / "d", {"train": 4, "val": 2})
    words = ("data=folder", f"data.root={root}", "data.size=36", "data.workers=0")
    runs = [
        train(small("optim.epochs=1", *more), Silent()).directory
        for more in ([], ["data.seed=1"], words)
    ]
    with pytest.raises(UsageError, match="other pictures"):
        evaluate([locate(run) for run in runs[:2]], Silent(), split="val")
    with pytest.raises(UsageError, match=r"10 classes and .* 3"):
        evaluate([locate(runs[0]), locate(runs[2])], Silent(), split="val")


def test_calibration_error_and_classes_equal_a_plain_count(run: RunDirectory) -> None:
    found = evaluate([(run, run.last)], Silent(), split="val", classes=True)
    said, result = found.predictions[0], found.results[0]
    right, sure = said.top[:, 0] == said.labels, said.top_p[:, 0].astype(float)
    bins = np.ceil(sure * 15)
    gaps = [abs((right[bins == b] - sure[bins == b]).sum()) for b in range(1, 16)]
    assert result.calibration_error == pytest.approx(sum(gaps) / 60, abs=1e-6)
    rows = result.per_class or []
    assert [row["class"] for row in rows] == found.classes
    assert sum(row["n"] * row["top1_err"] for row in rows) / 60 == pytest.approx(result.top1_err)
    counts = confusion(said, 10)
    for label, row in enumerate(rows):
        others = {found.classes[k]: n for k, n in enumerate(counts[label]) if n and k != label}
        most = sorted(others.values(), reverse=True)[:3]
        assert [c["n"] for c in row["confused"]] == most
        assert all(others[c["with"]] == c["n"] for c in row["confused"])


def test_what_is_written_can_be_read_back(run: RunDirectory, tmp_path: Path) -> None:
    found = evaluate([(run, run.last)], Silent(), split="val", probabilities=True)
    write(errors(found), [tmp_path / name for name in ("results.json", "predictions.npz")])
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as stored:
        assert stored["label"].tolist() == found.predictions[0].labels.tolist()
        assert stored["probabilities"].argmax(2)[0].tolist() == stored["top"][0, :, 0].tolist()
        assert stored["classes"].tolist() == found.classes
    assert json.loads((tmp_path / "results.json").read_text())[0]["n"] == 60


def test_a_run_keeps_the_order_of_its_classes_and_their_words(run: RunDirectory) -> None:
    stored = json.loads((run.path / "classes.json").read_text())
    classes = checkpoint.read(run.last)["alexcli"]["classes"]
    assert [entry["class"] for entry in stored] == classes
    assert [entry["index"] for entry in stored] == list(range(10))
    stored[2]["name"] = "three"
    (run.path / "classes.json").write_text(json.dumps(stored))
    assert run.names(classes) == [*classes[:2], "three", *classes[3:]]
    (run.path / "classes.json").write_text("{")
    assert run.names(["n01440764"]) == ["tench"]


def test_wildcards_mean_trained_runs_once_and_none_put_aside(run: RunDirectory) -> None:
    train(small(), Silent(), resume="never")
    (run.path.parent / "s9-empty").mkdir()
    found = choose([f"{run.path.parent}/s*", str(run.path), str(run.last)], Path("runs"))
    assert [path for _, path in found] == [run.last]
    with pytest.raises(UsageError, match="no run or checkpoint matches"):
        choose([f"{run.path.parent}/x*"], Path("runs"))
