from pathlib import Path

import pytest

from alexcli.data.sources.layout import find_layout, has_splits, split_of_name
from alexcli.errors import UsageError


def _images(root: Path, *folders: str) -> Path:
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / "0.jpg").touch()
    return root


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"),
        ("train", "valid", "test"),
        ("training", "validation", "testing"),
        ("Train", "Val", "Test"),
        ("data_256", "val_256", "test_256"),
    ],
)
def test_usual_names_of_splits_are_understood(
    tmp_path: Path, train: str, val: str, test: str
) -> None:
    _images(tmp_path, f"{train}/a", f"{train}/b", f"{val}/a", f"{test}/a")
    layout = find_layout(tmp_path)
    assert layout.folders == {
        "train": tmp_path / train,
        "val": tmp_path / val,
        "test": tmp_path / test,
    }
    assert layout.note is None
    assert has_splits(tmp_path)


def test_two_folders_for_one_split_are_refused_unless_one_is_hidden(tmp_path: Path) -> None:
    _images(tmp_path, "train/a", "val/a", "valid/a")
    with pytest.raises(UsageError, match="val and valid, and each can be the split val"):
        find_layout(tmp_path)
    (tmp_path / "valid").rename(tmp_path / ".valid")
    assert find_layout(tmp_path).folders["val"] == tmp_path / "val"


def test_splits_some_levels_below_are_found_and_said(tmp_path: Path) -> None:
    _images(tmp_path, "ILSVRC/Data/CLS-LOC/train/a", "ILSVRC/Data/CLS-LOC/train/b")
    annotations = tmp_path / "ILSVRC/Annotations/CLS-LOC/train/a"
    annotations.mkdir(parents=True)
    (annotations / "0.xml").touch()
    layout = find_layout(tmp_path)
    assert layout.folders == {"train": tmp_path / "ILSVRC/Data/CLS-LOC/train"}
    assert layout.note == "the splits lie in ILSVRC/Data/CLS-LOC"


def test_two_data_sets_below_are_refused_by_name(tmp_path: Path) -> None:
    _images(tmp_path, "one/train/a", "two/train/a")
    with pytest.raises(UsageError, match=r"several data sets: .*one, .*two") as caught:
        find_layout(tmp_path)
    assert caught.value.hint == f"name one of them: data.root={tmp_path / 'one'}"


def test_class_folders_without_splits_are_bare_even_if_one_is_called_train(tmp_path: Path) -> None:
    layout = find_layout(_images(tmp_path, "train", "bus", "car"))
    assert layout.is_bare
    assert not layout.folders


def test_a_class_may_have_the_name_of_a_split(tmp_path: Path) -> None:
    layout = find_layout(_images(tmp_path, "train/train", "train/bus", "val/train"))
    assert layout.folders == {"train": tmp_path / "train", "val": tmp_path / "val"}


def test_a_file_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file is a file"):
        find_layout(tmp_path / "file")
    with pytest.raises(UsageError, match="fil does not exist") as caught:
        find_layout(tmp_path / "fil")
    assert caught.value.hint == f"did you mean {tmp_path / 'file'}?"


def test_names_of_splits_are_known_in_capitals_too() -> None:
    assert [split_of_name(name) for name in ("VALID", "Training", "cats")] == ["val", "train", None]
