import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexcli.run.directory import RunDirectory
from tests.cli.command_line import run_command


@pytest.fixture(autouse=True)
def _images(run: RunDirectory) -> None:  # noqa: ARG001
    """A finished run, and two class folders of images."""
    for number, name in enumerate(("cats/a.png", "cats/b.png", "dogs/c.png")):
        path = Path("animals", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (90, 60), (80 * number, 0, 200)).save(path)


def test_a_folder_becomes_features_with_files_and_labels() -> None:
    outcome = run_command("features", "animals", "--layer", "fc6", "--out", "new/f.npz")
    assert (outcome.code, outcome.out) == (0, ""), outcome.err
    with np.load("new/f.npz") as arrays:
        assert arrays["features"].shape == (3, 128)
        assert arrays["features"].dtype == np.float32
        assert arrays["files"].tolist() == [
            "animals/cats/a.png",
            "animals/cats/b.png",
            "animals/dogs/c.png",
        ]
        assert arrays["labels"].tolist() == ["cats", "cats", "dogs"]
        assert arrays["layer"] == "fc6"
    assert [path.name for path in Path("new").iterdir()] == ["f.npz"]


def test_all_formats_hold_the_same_numbers() -> None:
    for name in ("f.npz", "f.npy", "f.csv"):
        arguments = ("--layer", "conv1", "--at", "product", "--out", name)
        outcome = run_command("features", "animals", *arguments)
        assert outcome.code == 0, outcome.err
    expected = np.load("f.npz")["features"]
    assert (expected < 0).any(), "products come before the activation"
    np.testing.assert_array_equal(np.load("f.npy"), expected)
    header, *rows = csv.reader(Path("f.csv").read_text(encoding="utf-8").splitlines())
    assert header[:3] == ["file", "label", "0"]
    assert rows[2][:2] == ["animals/dogs/c.png", "dogs"]
    np.testing.assert_array_equal(np.array([row[2:] for row in rows], np.float32), expected)
    listing = list(csv.reader(Path("f.files.csv").read_text(encoding="utf-8").splitlines()))
    assert listing == [["file", "label"], *(row[:2] for row in rows)]


def test_a_split_of_the_runs_own_data_has_its_classes_as_labels() -> None:
    outcome = run_command(
        "features", "--split", "val", "--layer", "conv5", "--out", "f.npz", "eval.batch_size=7"
    )
    assert outcome.code == 0, outcome.err
    with np.load("f.npz") as arrays:
        assert len(arrays["features"]) == len(arrays["labels"]) == len(set(arrays["files"]))
        assert arrays["features"].shape[1] == arrays["shape"].prod()
        assert {"checked_cross", "striped_cross"} <= set(arrays["labels"])


def test_files_that_are_no_images_are_left_out_and_named() -> None:
    Path("animals/dogs/no.png").write_text("no")
    outcome = run_command("features", "animals", "--out", "f.npy")
    assert outcome.code == 1
    assert "1 of 4 images cannot be read" in outcome.err
    assert len(np.load("f.npy")) == 3


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["animals", "--out", "f.txt"], "f.txt is not one of .npz, .npy, .csv", "--out f.npz"),
        (["animals", "--out", "animals"], "the suffix of", "--out animals.npz"),
        (["--out", "f.npz"], "no images are named", "--split val"),
        (
            ["animals", "--split", "val", "--out", "f.npz"],
            "but animals is named, too",
            "or a split",
        ),
        (["nothing", "--out", "f.npz"], "nothing does not exist", "name image files"),
        (["animals", "--layer", "fc9", "--out", "f.npz"], "layer=fc9 does not exist", "fc"),
        (
            ["animals", "--layer", "fc8", "--at", "activation", "--out", "f.npz"],
            "has no activation function",
            "--at product",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    arguments: list[str], message: str, hint: str
) -> None:
    outcome = run_command("features", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert hint in outcome.err
    assert not list(Path().glob("f.*"))
