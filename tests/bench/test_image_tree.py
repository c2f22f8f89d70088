"""Class folders for benchmarks."""

from pathlib import Path

import pytest

from alexcli.bench import image_tree as module
from alexcli.bench.image_tree import image_tree
from alexcli.errors import UsageError


def test_images_are_repeated_until_there_are_enough(photos: Path, tmp_path: Path) -> None:
    tree = image_tree(photos, tmp_path / "tree", 5, most_files=10)
    files = sorted((tree / "train").rglob("*.jpg"))
    assert len(files) == 5
    assert {path.parent.name for path in files} == {"class0", "class1"}
    assert all(path.resolve() == (photos / "one.jpg").resolve() for path in files)


def test_without_a_folder_images_are_synthetic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SYNTHETIC_COUNT", 3)
    monkeypatch.setattr(module, "SYNTHETIC_SIDE", 40)
    tree = image_tree(None, tmp_path / "tree", 3, most_files=10)
    assert len(list((tree / "train").rglob("*.jpg"))) == 3


@pytest.mark.parametrize(("name", "problem"), [("empty", "holds no images"), ("none", "is not")])
def test_a_folder_without_images_is_refused(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=problem):
        image_tree(tmp_path / name, tmp_path / "tree", 3, most_files=10)
