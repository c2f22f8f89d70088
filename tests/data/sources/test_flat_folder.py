from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from alexcli.data.open import open_dataset
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, Source
from tests.data.sources.small_imagenet import ILSVRC_IDS, VAL_LABELS, WNIDS, make_small_imagenet


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_small_imagenet(tmp_path / "in")


def _labels(root: Path, **keys: object) -> tuple[list[int], str]:
    """The labels of the validation set, and the note that says how they were read."""
    dataset = open_dataset(DataSpec(Source.folder, str(root), size=8, **keys))  # type: ignore[arg-type]
    assert dataset.note is not None
    return dataset.val.labels.tolist(), dataset.note


def test_kaggles_list_is_found_above_its_images(root: Path, tmp_path: Path) -> None:
    deep = tmp_path / "kaggle" / "ILSVRC" / "Data" / "CLS-LOC"
    deep.parent.mkdir(parents=True)
    root.rename(deep)
    names = sorted(path.stem for path in (deep / "val").iterdir())
    lines = [
        f"{name},{WNIDS[label]} 1 2 3 4" for name, label in zip(names, VAL_LABELS, strict=True)
    ]
    text = "\n".join(["ImageId,PredictionString", *reversed(lines)])
    (tmp_path / "kaggle" / "LOC_val_solution.csv").write_text(text)
    labels, note = _labels(deep)
    assert labels == VAL_LABELS
    assert "by class name" in note


def test_the_devkits_ids_are_read_through_its_own_table(root: Path) -> None:
    data = root / "ILSVRC2012_devkit_t12" / "data"
    data.mkdir(parents=True)
    lines = "".join(f"{ILSVRC_IDS[label]}\n" for label in VAL_LABELS)
    (data / "ILSVRC2012_validation_ground_truth.txt").write_text(lines)
    with pytest.raises(UsageError, match=r"only the devkit's meta\.mat says"):
        _labels(root)

    rows = [(ilsvrc_id, WNIDS[label]) for label, ilsvrc_id in ILSVRC_IDS.items()]
    synsets = np.array(rows, dtype=[("ILSVRC2012_ID", "O"), ("WNID", "O")])
    scipy.io.savemat(data / "meta.mat", {"synsets": synsets})
    labels, _ = _labels(root)
    assert labels == VAL_LABELS


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_are_recognised_as_counted_from_nought_or_one(root: Path, first: int) -> None:
    names = sorted(path.name for path in (root / "val").iterdir())
    lines = [f"{name} {label + first}" for name, label in zip(names, VAL_LABELS, strict=True)]
    (root / "val.txt").write_text("\n".join(lines))
    labels, note = _labels(root)
    assert labels == VAL_LABELS
    assert f"counted from {first}" in note


def test_a_list_that_is_named_comes_first(root: Path) -> None:
    (root / "val.txt").write_text("0\n0\n0\n0\n")
    (root / "mine.txt").write_text("".join(f"{WNIDS[label]}\n" for label in VAL_LABELS))
    labels, _ = _labels(root, val_labels=str(root / "mine.txt"))
    assert labels == VAL_LABELS


def test_a_named_list_that_does_not_exist_is_refused(root: Path) -> None:
    (root / "val.txt").write_text("0\n0\n0\n0\n")
    with pytest.raises(UsageError, match=r"val_labels=.*mine\.txt does not exist"):
        _labels(root, val_labels=str(root / "mine.txt"))


def test_an_image_without_a_label_is_named(root: Path) -> None:
    (root / "val.txt").write_text("".join(f"other_{number}.JPEG 0\n" for number in range(4)))
    with pytest.raises(UsageError, match=r"no label for ILSVRC2012_val_00000001\.JPEG"):
        _labels(root)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "is flat, and no list"),
        ("0\n1\n", "2 labels and .* 4 images"),
        ("0\n1\n2\n7\n", "labels from 0 to 7, and the net has 3 classes"),
        ("0\n1\n2\ncat\n", "'cat' is neither"),
    ],
)
def test_a_flat_set_without_sound_labels_is_refused(
    root: Path, text: str | None, problem: str
) -> None:
    if text is not None:
        (root / "val.txt").write_text(text)
    with pytest.raises(UsageError, match=problem):
        _labels(root)


def test_tiny_imagenet_is_read_as_it_is_distributed(tmp_path: Path) -> None:
    lines = []
    for number, name in enumerate(WNIDS):
        for folder in (f"train/{name}/images", "val/images", "test/images"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9)).save(tmp_path / "train" / name / "images" / f"{name}_0.JPEG")
        (tmp_path / "train" / name / f"{name}_boxes.txt").write_text(f"{name}_0.JPEG\t0\t0\t8\t8\n")
        Image.new("RGB", (9, 9)).save(tmp_path / "val/images" / f"val_{2 - number}.JPEG")
        Image.new("RGB", (9, 9)).save(tmp_path / "test/images" / f"test_{number}.JPEG")
        lines.append(f"val_{2 - number}.JPEG\t{name}\t0\t0\t8\t8\n")
    (tmp_path / "val/val_annotations.txt").write_text("".join(lines))
    dataset = open_dataset(DataSpec(Source.folder, str(tmp_path), size=8))
    assert dataset.classes == list(WNIDS)
    assert dataset.val.labels.tolist() == [2, 1, 0]
    assert dataset.test is dataset.val
    assert "files from column 1, labels from column 2" in (dataset.note or "")
    assert "test is left out: its images have no labels" in (dataset.note or "")
    assert str(tmp_path) not in (dataset.note or ""), "notes are shared with stores and exports"


def test_places_counts_its_classes_in_a_list_of_their_names(tmp_path: Path) -> None:
    for name in ("a/airfield", "f/field/wild"):
        (tmp_path / "data_256" / name).mkdir(parents=True)
        Image.new("RGB", (9, 9)).save(tmp_path / "data_256" / name / "00000001.jpg")
    (tmp_path / "val_256").mkdir()
    for number in (1, 2):
        Image.new("RGB", (9, 9)).save(tmp_path / f"val_256/Places365_val_{number}.jpg")
    (tmp_path / "places365_val.txt").write_text("Places365_val_1.jpg 1\nPlaces365_val_2.jpg 0\n")
    (tmp_path / "categories_places365.txt").write_text("/f/field/wild 0\n/a/airfield 1\n")
    dataset = open_dataset(DataSpec(Source.folder, str(tmp_path), size=8))
    assert dataset.classes == ["a/airfield", "f/field/wild"]
    assert dataset.val.labels.tolist() == [0, 1]
