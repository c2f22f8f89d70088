import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from alexcli.data.dataset import Dataset
from alexcli.data.images import ArrayImages
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run import checkpoint
from alexcli.run.directory import RunDirectory
from alexcli.run.train import train
from alexcli.run.trained import by_net_classes, check_same_classes, eval_config, load, untrained
from tests.conftest import small
from tests.data.class_folders import make_class_folders
from tests.run.trainings import Notes


@pytest.mark.parametrize("override", ["model.width=1", "optim.lr=1", "seed=2", "model=alexnet"])
def test_keys_that_would_change_the_net_are_refused(run: RunDirectory, override: str) -> None:
    with pytest.raises(UsageError, match="already trained"):
        eval_config(run, [override])


def test_the_data_of_a_run_is_downloaded_only_on_request(run: RunDirectory) -> None:
    text = run.config.read_text()
    run.config.write_text(text.replace("download: false", "download: true"))
    assert run.read_config().data.download
    assert not eval_config(run, []).data.download
    assert eval_config(run, ["data.download=true"]).data.download


def test_a_truncated_checkpoint_is_refused(run: RunDirectory) -> None:
    run.last.write_bytes(run.last.read_bytes()[:5000])
    with pytest.raises(UsageError, match=r"last\.ckpt is truncated"):
        load(run, run.last)


def test_a_checkpoint_of_another_model_names_the_layer_and_both_shapes(run: RunDirectory) -> None:
    other = RunDirectory(Path(train(small("model.width=0.5"), NullReporter()).directory))
    run.last.write_bytes(other.last.read_bytes())
    with pytest.raises(UsageError, match=r"tower0\.conv1\.weight has shape \[\d+, 3, \d+, \d+\]"):
        load(run, run.last)


def test_a_checkpoint_that_would_execute_code_is_refused_and_does_not(
    run: RunDirectory, tmp_path: Path
) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path(tmp_path / "executed").mkdir, ())  # type: ignore[return-value]

    torch.save({"state_dict": {}, "alexcli": Evil()}, run.last)
    with pytest.raises(UsageError, match="more than tensors"):
        load(run, run.last)
    run.last.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(UsageError):
        load(run, run.last)
    assert not (tmp_path / "executed").exists()


def test_data_may_have_other_classes_which_are_named(run: RunDirectory, tmp_path: Path) -> None:
    root = make_class_folders(tmp_path / "d", {"train": 2, "val": 2})
    overrides = ["data=folder", f"data.root={root}", "data.size=36", "data.workers=0"]
    trained = load(run, run.last, overrides)
    notes = Notes()
    dataset = trained.open_data(notes)
    assert len(dataset.classes) == 3
    assert any("3 classes of 3 that the net does not know" in note for note in notes.notes)
    assert trained.names_of(dataset.classes) == dataset.classes
    trained.names[4] = "four"
    assert trained.names_of([trained.classes[4], "n01440764"]) == ["four", "tench"]


def test_the_same_classes_in_another_order_are_others() -> None:
    check_same_classes(Path("a"), ["cat", "dog"], "b has", ["cat", "dog"], hint="")
    with pytest.raises(UsageError, match="they come in another order"):
        check_same_classes(Path("a"), ["cat", "dog"], "b has", ["dog", "cat"], hint="")
    with pytest.raises(UsageError, match="2 classes and b has 1; they differ in dog"):
        check_same_classes(Path("a"), ["cat", "dog"], "b has", ["cat"], hint="")


def test_a_run_keeps_the_order_of_its_classes_and_their_names(run: RunDirectory) -> None:
    classes_file = run.path / "classes.json"
    stored = json.loads(classes_file.read_text())
    classes = checkpoint.read(run.last)["alexcli"]["classes"]
    assert [entry["class"] for entry in stored] == classes
    assert [entry["index"] for entry in stored] == list(range(10))
    stored[2]["name"] = "three"
    classes_file.write_text(json.dumps(stored))
    assert run.class_names(classes) == [*classes[:2], "three", *classes[3:]]
    classes_file.write_text("{")
    assert run.class_names(["n01440764"]) == ["tench"]


def test_a_net_is_named_after_its_run_and_any_checkpoint_but_last(run: RunDirectory) -> None:
    assert load(run, run.last).name == f"quickstart/{run.path.name}"
    assert load(run, run.path / "best.ckpt").name == f"quickstart/{run.path.name}/best"


def test_batches_are_all_images_of_a_split_in_order(run: RunDirectory) -> None:
    trained = load(run, run.last, ["eval.batch_size=25"])
    val = trained.open_data(NullReporter()).val
    batches = list(trained.batches(val))
    assert [len(batch.labels) for batch in batches] == [25, 25, 10]
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(60))
    assert torch.cat([batch.labels for batch in batches]).tolist() == val.labels.tolist()


def test_an_untrained_net_is_the_one_that_training_starts_with() -> None:
    trained = untrained(small(), NullReporter())
    assert trained.name == "quickstart, seed 0"
    assert not trained.net.training
    assert trained.spec.model.dropout.rate == 0
    again = untrained(small(), NullReporter())
    for name, weight in trained.net.state_dict().items():
        assert torch.equal(weight, again.net.state_dict()[name]), name


def test_an_untrained_net_begins_with_the_weights_that_init_from_names(run: RunDirectory) -> None:
    source = load(run, run.last).net.state_dict()
    begun = untrained(small(f"init_from={run.path}"), NullReporter()).net.state_dict()
    for name, weight in begun.items():
        assert torch.equal(weight, source[name]), name
    with pytest.raises(UsageError, match=r"init\.layers=\[conv1\] needs a run to copy from"):
        untrained(small("init.layers=[conv1]"), NullReporter())


def _data(classes: list[str], labels: list[int]) -> Dataset:
    images = ArrayImages(np.zeros((len(labels), 2, 2, 3), np.uint8), np.array(labels))
    return Dataset.from_splits(classes, {"val": images}, fingerprint="", size=2, resize="")


def test_labels_are_found_by_the_names_of_the_nets_classes() -> None:
    dataset = _data(["a", "caf\u00e9"], [0, 1, 1])
    net_classes = ["cafe\u0301", "b", "a"]
    images, note = by_net_classes(dataset, dataset.val, Path("last.ckpt"), net_classes)
    assert images.labels.tolist() == [2, 0, 0]
    assert note is not None
    assert "2 of the net's 3 classes" in note
    assert dataset.val.labels.tolist() == [0, 1, 1]


def test_a_class_that_the_net_does_not_know_is_refused_only_where_it_has_images() -> None:
    dataset = _data(["a", "b", "x"], [0, 1])
    images, _ = by_net_classes(dataset, dataset.val, Path("last.ckpt"), ["b", "a"])
    assert images.labels.tolist() == [1, 0]
    dataset = _data(["a", "b", "x"], [0, 2])
    with pytest.raises(UsageError, match="1 class that it does not know: x"):
        by_net_classes(dataset, dataset.val, Path("last.ckpt"), ["b", "a"])


def test_equal_classes_change_nothing() -> None:
    dataset = _data(["a", "b"], [0, 1])
    images, note = by_net_classes(dataset, dataset.val, Path("last.ckpt"), ["a", "b"])
    assert images is dataset.val
    assert note is None
