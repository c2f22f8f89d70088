from pathlib import Path

import pytest

from alexcli.data.label_lookup import LabelLookup
from alexcli.data.labels import LabelList
from alexcli.errors import UsageError


def _labels(listed: list[tuple[str, int]], files: list[str]) -> list[int | None]:
    lines = list(range(1, len(listed) + 1))
    names = [name for name, _ in listed]
    label_list = LabelList(names, [label for _, label in listed], "", lines)
    lookup = LabelLookup(Path("list.txt"), label_list)
    return lookup.labels_of([Path(file) for file in files], files)


def test_the_path_decides_between_files_of_one_name() -> None:
    listed = [("a/000.jpg", 0), ("b/000.jpg", 1)]
    assert _labels(listed, ["b/000.jpg", "a/000.jpg", "c/000.jpg"]) == [1, 0, None]
    assert _labels(listed, ["data/b/000.jpg", "./a/000.jpg"]) == [1, 0]


def test_a_path_of_another_machine_is_found_by_its_end() -> None:
    listed = [("/home/x/val/1.jpg", 2), ("C:\\data\\val\\2.jpg", 3)]
    assert _labels(listed, ["val/1.jpg", "val/2.jpg"]) == [2, 3]


def test_a_name_that_is_unique_needs_no_folder_and_no_ending() -> None:
    assert _labels([("elsewhere/b.png", 1)], ["here/b.png"]) == [1]
    assert _labels([("b", 1)], ["here/b.JPEG"]) == [1]
    assert _labels([("b.JPEG", 1)], ["b.jpg", "c.jpg"]) == [1, None]
    assert _labels([("x/b.png", 1)], ["y/b.png", "z/b.png"]) == [None, None]


def test_the_ending_decides_between_equal_names() -> None:
    assert _labels([("b.png", 1), ("b.jpg", 2)], ["b.jpg", "b.png"]) == [2, 1]


def test_a_name_that_may_be_two_lines_is_refused_with_both() -> None:
    with pytest.raises(UsageError, match=r"lines 1 and 2 may both mean 0\.jpg"):
        _labels([("a/0.jpg", 0), ("b/0.jpg", 1)], ["0.jpg"])
    assert _labels([("a/0.jpg", 1), ("b/0.jpg", 1)], ["0.jpg"]) == [1]


def test_two_labels_of_one_file_are_refused_with_their_lines() -> None:
    with pytest.raises(UsageError, match=r"lines 1 and 3 give a\.jpg different labels"):
        _labels([("a.jpg", 0), ("b.jpg", 0), ("a.jpg", 1)], ["a.jpg"])
    assert _labels([("a.jpg", 0), ("a.jpg", 0)], ["a.jpg"]) == [0]


def test_unicode_forms_of_a_name_are_one() -> None:
    assert _labels([("caf\u00e9.jpg", 1)], ["cafe\u0301.jpg"]) == [1]
