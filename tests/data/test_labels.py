from pathlib import Path

import pytest

from alexcli.data.labels import read_labels
from alexcli.errors import UsageError

CLASSES = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "labels", "description"),
    [
        ("1\n3\n2\n", [0, 2, 1], "from 1"),
        ("0\n2\n", [0, 2], "from 0"),
        ("1\n2\n", [1, 2], "neither 0 nor 3 occurs"),
        ("c\na\n", [2, 0], "names"),
    ],
)
def test_the_way_a_list_counts_is_recognised_and_described(
    text: str, labels: list[int], description: str, tmp_path: Path
) -> None:
    (tmp_path / "l.txt").write_text(text)
    label_list = read_labels(tmp_path / "l.txt", CLASSES)
    assert label_list.files is None
    assert label_list.labels == labels
    assert description in label_list.description


def test_a_list_may_name_the_files(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("x y.jpg 3\nz.png 1\n")
    label_list = read_labels(tmp_path / "l.txt", CLASSES)
    assert label_list.files == ["x y.jpg", "z.png"]
    assert label_list.labels == [2, 0]


@pytest.mark.parametrize("text", ["4\n", "0\n3\n", "-1\n", "d\n", "a\n2\n", "²\n", ""])
def test_labels_that_cannot_be_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text(text)
    with pytest.raises(UsageError):
        read_labels(tmp_path / "l.txt", CLASSES)


def test_a_misspelled_class_gets_the_nearest_one_as_a_hint(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("parrot\nparot\n")
    with pytest.raises(UsageError, match="'parot' is neither a class nor a number") as caught:
        read_labels(tmp_path / "l.txt", ["parrot", "tench"])
    assert caught.value.hint == "did you mean parrot?"


def test_names_and_numbers_in_one_list_are_named(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("a\n2\n")
    with pytest.raises(UsageError, match=r"names of classes \(a\) as well as numbers \(2\)"):
        read_labels(tmp_path / "l.txt", CLASSES)


def test_unclear_columns_are_shown_with_the_number_of_their_line(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("\n\nx.jpg,q,w\ny.jpg,q,w\n")
    with pytest.raises(UsageError, match=r"line 3 reads x\.jpg, q, w"):
        read_labels(tmp_path / "l.txt", CLASSES)


def test_a_long_line_is_refused_in_a_short_message(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("x" * 5000 + "\na.jpg b\n")
    with pytest.raises(UsageError, match="is one word") as caught:
        read_labels(tmp_path / "l.txt", CLASSES)
    assert len(caught.value.message) < 500


def test_an_unknown_class_in_kaggles_list_is_named(tmp_path: Path) -> None:
    path = tmp_path / "LOC_val_solution.csv"
    path.write_text("ImageId,PredictionString\nval_1,z 1 2 3 4\n")
    with pytest.raises(UsageError, match="holds z, which is not a class of the training set"):
        read_labels(path, CLASSES)


@pytest.mark.parametrize("meta", [b"", b"no Matlab file", b"MATLAB 5.0 MAT-file" + bytes(200)])
def test_a_damaged_file_of_the_devkit_is_named(tmp_path: Path, meta: bytes) -> None:
    (tmp_path / "meta.mat").write_bytes(meta)
    path = tmp_path / "ILSVRC2012_validation_ground_truth.txt"
    path.write_text("1\n2\n")
    with pytest.raises(UsageError, match=r"meta\.mat is not the devkit's, or is damaged"):
        read_labels(path, ["ant", "bee"])
