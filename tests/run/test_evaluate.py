import json
import pickle
from pathlib import Path

import pytest
import torch

from alexcli.errors import UsageError
from alexcli.results import Silent
from alexcli.run import checkpoint
from alexcli.run.evaluate import evaluate, wilson
from alexcli.run.rundir import RunDirectory, locate, newest
from alexcli.run.train import train
from tests.conftest import small


@pytest.fixture
def run() -> RunDirectory:
    """A finished small run."""
    return RunDirectory(Path(train(small(), Silent()).directory))


def _evaluate(run: RunDirectory, *words: str, split: str = "val", ten_crop: bool = False):  # type: ignore[no-untyped-def]
    return evaluate(run, run.last, Silent(), split=split, ten_crop=ten_crop, overrides=words)


def test_evaluation_repeats_the_validation_of_the_last_epoch(run: RunDirectory) -> None:
    found, result = _evaluate(run), run.result()
    assert result is not None
    row = result["last"]["val"]
    assert found.n == 60
    assert (found.top1_err, found.top5_err) == (row["top1_err"], row["top5_err"])
    assert found.loss == pytest.approx(row["loss"], rel=1e-4)
    assert found.protocol == {
        "resize": "drawn at 36",
        "crop": 32,
        "views": 1,
    }


def test_ten_crop_averages_softmax_outputs_and_counts_each_picture_once(
    run: RunDirectory,
) -> None:
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


def test_a_checkpoint_of_another_model_names_the_layer_and_both_shapes(
    run: RunDirectory,
) -> None:
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
