from pathlib import Path

import pytest

from alexcli.data.sources.class_folders import class_files, class_folders, flat_folder, listed
from alexcli.errors import UsageError


def _images(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_hidden_folders_are_no_classes(tmp_path: Path) -> None:
    _images(tmp_path, "b/0.jpg", "a/0.jpg", ".ipynb_checkpoints/0.jpg", "__MACOSX/0.jpg")
    assert list(class_folders(tmp_path)) == ["a", "b"]


def test_a_linked_class_has_the_name_of_the_link(tmp_path: Path) -> None:
    _images(tmp_path / "elsewhere", "0.jpg")
    _images(tmp_path / "split", "a/0.jpg")
    (tmp_path / "split/b").symlink_to(tmp_path / "elsewhere")
    folders = class_folders(tmp_path / "split")
    files = class_files(tmp_path / "split", folders, ["a", "b"], needs_all=True)
    assert files.names == ["a/0.jpg", "b/0.jpg"]


def test_images_in_folders_below_a_class_belong_to_it_and_that_is_said(tmp_path: Path) -> None:
    _images(tmp_path, "cats/0.jpg", "cats/more/1.jpg", "dogs/part1/2.jpg", "dogs/part2/2.jpg")
    files = class_files(tmp_path, class_folders(tmp_path), ["cats", "dogs"], needs_all=True)
    assert files.names == ["cats/0.jpg", "cats/more/1.jpg", "dogs/part1/2.jpg", "dogs/part2/2.jpg"]
    assert files.labels == [0, 0, 1, 1]
    assert "3 images in folders below a class folder, such as cats/more/1.jpg" in files.notes[0]


def test_places_has_its_classes_below_their_first_letters(tmp_path: Path) -> None:
    _images(tmp_path, "a/airfield/0.jpg", "a/alley/0.jpg", "f/field/wild/0.jpg", "b/barn/0.jpg")
    folders = class_folders(tmp_path)
    assert list(folders) == ["a/airfield", "a/alley", "b/barn", "f/field/wild"]
    files = class_files(tmp_path, folders, list(folders), needs_all=True)
    assert files.labels == [0, 1, 2, 3]
    assert files.notes == []


def test_classes_of_one_letter_are_classes(tmp_path: Path) -> None:
    _images(tmp_path, "a/x/0.jpg", "b/y/0.jpg")
    assert list(class_folders(tmp_path)) == ["a", "b"]


def test_two_unicode_forms_of_a_class_in_one_split_are_refused(tmp_path: Path) -> None:
    _images(tmp_path, "caf\u00e9/0.jpg")
    assert list(class_folders(tmp_path)) == ["caf\u00e9"]
    _images(tmp_path, "cafe\u0301/0.jpg")
    with pytest.raises(UsageError, match="Unicode form"):
        class_folders(tmp_path)


def test_a_split_may_lack_classes_and_says_so_and_the_training_set_may_not(tmp_path: Path) -> None:
    _images(tmp_path, "a/0.jpg")
    (tmp_path / "b").mkdir()
    folders = class_folders(tmp_path)
    files = class_files(tmp_path, folders, ["a", "b", "c"], needs_all=False)
    assert files.labels == [0]
    assert files.notes == [f"{tmp_path.name} has no images of b, c"]
    with pytest.raises(UsageError, match="b holds no images"):
        class_files(tmp_path, folders, ["a", "b"], needs_all=True)


def test_formats_that_are_not_read_are_named(tmp_path: Path) -> None:
    _images(tmp_path, "a/0.jpg", "a/1.heic", "b/2.heic")
    folders = class_folders(tmp_path)
    with pytest.raises(UsageError, match=r"b holds no readable images, but 1 \.heic"):
        class_files(tmp_path, folders, ["a", "b"], needs_all=True)
    files = class_files(tmp_path, folders, ["a", "b"], needs_all=False)
    assert "left out, being no images that are read: 2 .heic" in files.notes[0]


def test_a_split_is_flat_without_folders_or_with_one_of_images(tmp_path: Path) -> None:
    split = tmp_path / "val"
    assert flat_folder(_images(split, "0.jpg"), ["a"]) == split
    assert flat_folder(_images(split, "images/0.jpg"), ["a"]) == split / "images"
    assert flat_folder(split, ["a", "images"]) is None
    assert flat_folder(_images(split, "a/0.jpg"), ["a"]) is None


def test_long_lists_of_names_are_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
