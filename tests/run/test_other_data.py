"""Evaluating a run that split its own validation set off, on other data."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from alexcli.config.compose import compose
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.evaluate import evaluate
from alexcli.run.train import train
from alexcli.run.trained import load
from alexcli.schema import TrainSpec
from tests.data.class_folders import make_class_folders
from tests.run.trainings import Notes

OWN = "own"
IMAGES = 12
"""Of the run's own folder: 3 classes of 4."""


@pytest.fixture
def own_run() -> RunDirectory:
    """A run that was trained on a folder without splits, of which it holds a quarter out."""
    make_class_folders(Path(OWN), {"": 4}, size=(40, 40))
    return trained_on(OWN, "data.val=0.25")


def trained_on(root: str, val: str) -> RunDirectory:
    """A run of one epoch on a folder of images."""
    keys = [f"data.root={root}", val, "data.size=36"]
    words = ["model=tiny", "data=folder", "optim=quickstart", "optim.batch_size=50", *keys]
    spec = compose([*words, "optim.epochs=1", "data.workers=0"], TrainSpec)
    return RunDirectory(Path(train(spec, NullReporter()).directory))


def evaluated(run: RunDirectory, *overrides: str) -> tuple[int, str]:
    """The number of images that are evaluated, and the notes on them."""
    notes = Notes()
    _, images = load(run, run.last, overrides).open_split("val", notes)
    return len(images), "\n".join(notes.notes)


def test_every_image_of_a_folder_of_others_is_evaluated(own_run: RunDirectory) -> None:
    make_class_folders(Path("others"), {"": 5}, size=(40, 40))
    count, notes = evaluated(own_run, "data.root=others")
    assert count == 15
    assert "others has no splits: val is every image in it" in notes


def test_the_val_of_others_is_evaluated_and_not_their_training_images(
    own_run: RunDirectory,
) -> None:
    make_class_folders(Path("others"), {"train": 6, "val": 2}, size=(40, 40))
    assert evaluated(own_run, "data.root=others")[0] == 6
    shutil.rmtree("others/train")
    assert evaluated(own_run, "data.root=others")[0] == 6


def test_images_that_the_net_was_trained_on_stay_out_wherever_they_lie(
    own_run: RunDirectory,
) -> None:
    held_out = evaluated(own_run)[0]
    assert 0 < held_out < IMAGES
    assert evaluated(own_run, f"data.root=./{OWN}")[0] == held_out
    shutil.move(OWN, "moved")
    assert evaluated(own_run, "data.root=moved")[0] == held_out


def test_own_images_stay_split_when_some_were_added(own_run: RunDirectory) -> None:
    Image.new("RGB", (40, 40)).save(f"{OWN}/a/more.png")
    assert evaluated(own_run, f"data.root={OWN}")[0] < IMAGES


def test_a_choice_of_data_does_not_hide_what_the_net_was_trained_on(own_run: RunDirectory) -> None:
    held_out = evaluated(own_run)[0]
    assert evaluated(own_run, "data=folder", f"data.root={OWN}")[0] == held_out
    make_class_folders(Path("others"), {"": 5}, size=(40, 40))
    assert evaluated(own_run, "data=folder", "data.root=others")[0] == 15


def test_a_test_set_that_chose_is_not_asked_of_other_data() -> None:
    make_class_folders(Path(OWN), {"train": 4, "test": 2}, size=(40, 40))
    run = trained_on(OWN, "data.val=test")
    assert evaluated(run)[0] == 6
    make_class_folders(Path("others"), {"": 5}, size=(40, 40))
    assert evaluated(run, "data.root=others")[0] == 15
    make_class_folders(Path("val_alone"), {"val": 3}, size=(40, 40))
    assert evaluated(run, "data.root=val_alone")[0] == 9
    make_class_folders(Path("tests_alone"), {"test": 5}, size=(40, 40))
    assert evaluated(run, "data.root=tests_alone")[0] == 15


def test_a_split_is_evaluated_without_the_others(own_run: RunDirectory) -> None:
    make_class_folders(Path("tests_alone"), {"test": 5}, size=(40, 40))
    make_class_folders(Path("train_alone"), {"train": 6}, size=(40, 40))
    for split, root, count in (("test", "tests_alone", 15), ("train", "train_alone", 18)):
        trained = load(own_run, own_run.last, [f"data.root={root}"])
        assert len(trained.open_split(split, NullReporter())[1]) == count
        with pytest.raises(UsageError, match="no split val") as error:
            trained.open_split("val", NullReporter())
        assert f"alexcli eval --split {split} uses" in str(error.value.hint)
    with pytest.raises(UsageError, match="the data has no test set") as error:
        trained.open_split("test", NullReporter())
    assert error.value.hint == "--split train"


def test_the_training_images_are_evaluated_without_those_that_were_held_out(
    own_run: RunDirectory,
) -> None:
    trained = load(own_run, own_run.last)
    train_count = len(trained.open_split("train", NullReporter())[1])
    assert train_count == IMAGES - evaluated(own_run)[0]


def test_nets_that_held_out_other_images_are_told_how_to_share_some(own_run: RunDirectory) -> None:
    make_class_folders(Path("others"), {"train": 4, "val": 2}, size=(40, 40))
    nets = [own_run, trained_on("others", "data.val=folder")]
    checkpoints = [(run, run.last) for run in nets]
    for order in (checkpoints, checkpoints[::-1]):
        with pytest.raises(UsageError, match="cannot be averaged") as error:
            evaluate(order, NullReporter(), overrides=[f"data.root={OWN}"], split="val")
        assert error.value.hint == "data.val=0.25 takes the same images for all"
    shared = [f"data.root={OWN}", "data.val=0.25"]
    results = evaluate(checkpoints, NullReporter(), overrides=shared, split="val").results
    assert [result.n for result in results] == [evaluated(own_run)[0]] * 3


def test_what_is_typed_is_done(own_run: RunDirectory) -> None:
    make_class_folders(Path("others"), {"": 5}, size=(40, 40))
    assert evaluated(own_run, "data.root=others", "data.val=0.4")[0] == 6


def test_an_unfinished_run_does_not_know_its_own_images(own_run: RunDirectory) -> None:
    own_run.result_file.unlink()
    make_class_folders(Path("others"), {"": 5}, size=(40, 40))
    with pytest.raises(UsageError, match="is not finished") as error:
        evaluated(own_run, "data.root=others")
    assert error.value.hint == "data.val=folder for other images, data.val=0.25 for its own"
    assert evaluated(own_run, "data.root=others", "data.val=folder")[0] == 15
