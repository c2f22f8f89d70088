from pathlib import Path

import pytest

from alexcli.data.names import human_names, ilsvrc2012, read_labels
from alexcli.errors import UsageError


def test_wnids_get_words_and_other_classes_keep_their_names(tmp_path: Path) -> None:
    assert human_names(["n01440764", "n03888257"]) == ["tench", "parachute"]
    assert human_names(["cat", "dog"]) == ["cat", "dog"]
    (tmp_path / "words.txt").write_text("n00004475\torganism, being\nn01440764\ttinca\n")
    assert human_names(["n00004475", "n01440764"], tmp_path) == ["organism, being", "tinca"]
    order = ilsvrc2012()
    assert len(order) == len(set(order)) == 1000
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("text", "labels", "said"),
    [
        ("1\n3\n2\n", [0, 2, 1], "from 1"),
        ("0\n2\n", [0, 2], "from 0"),
        ("1\n2\n", [1, 2], "neither 0 nor 3 occurs"),
        ("c\na\n", [2, 0], "names"),
    ],
)
def test_lists_counted_from_one_are_recognised_and_said(
    text: str, labels: list[int], said: str, tmp_path: Path
) -> None:
    (tmp_path / "l.txt").write_text(text)
    files, found, how = read_labels(tmp_path / "l.txt", ["a", "b", "c"])
    assert (files, found) == (None, labels)
    assert said in how


def test_a_list_may_name_the_files(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("x y.jpg 3\nz.png 1\n")
    files, found, _ = read_labels(tmp_path / "l.txt", ["a", "b", "c"])
    assert files == ["x y.jpg", "z.png"]
    assert found == [2, 0]


@pytest.mark.parametrize("text", ["4\n", "0\n3\n", "-1\n", "d\n", "a\n2\n", "²\n", ""])
def test_labels_that_cannot_be_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text(text)
    with pytest.raises(UsageError):
        read_labels(tmp_path / "l.txt", ["a", "b", "c"])
