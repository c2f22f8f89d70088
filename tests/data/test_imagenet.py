import hashlib
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image
from torchvision.datasets import imagenet

from alexcli.data import sources
from alexcli.data.sources import open_dataset, open_source
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, PrepareSpec, Source

WNIDS = ("n01440764", "n01443537", "n02084071")
TRUTH = [2, 0, 1, 1]  # class of each validation picture


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """ILSVRC-2012 in small: class folders to train, a flat validation set."""
    for name in WNIDS:
        (tmp_path / "in" / "train" / name).mkdir(parents=True)
        Image.new("RGB", (9, 9)).save(tmp_path / "in" / "train" / name / f"{name}_1.JPEG")
    (tmp_path / "in" / "val").mkdir()
    for number in range(len(TRUTH)):
        path = tmp_path / "in" / "val" / f"ILSVRC2012_val_{number + 1:08}.JPEG"
        Image.new("RGB", (9, 9)).save(path)
    return tmp_path / "in"


def _labels(root: Path, **keys: object) -> tuple[list[int], str]:
    opened = open_dataset(DataSpec(Source.folder, str(root), size=8, **keys))  # type: ignore[arg-type]
    assert opened.note is not None
    return opened.val.labels.tolist(), opened.note


def test_kaggles_list_is_found_above_its_pictures(root: Path, tmp_path: Path) -> None:
    deep = tmp_path / "kaggle" / "ILSVRC" / "Data" / "CLS-LOC"
    deep.parent.mkdir(parents=True)
    root.rename(deep)
    names = sorted(p.stem for p in (deep / "val").iterdir())
    lines = [f"{n},{WNIDS[t]} 1 2 3 4" for n, t in zip(names, TRUTH, strict=True)]
    text = "\n".join(["ImageId,PredictionString", *reversed(lines)])
    (tmp_path / "kaggle" / "LOC_val_solution.csv").write_text(text)
    found, note = _labels(deep)
    assert found == TRUTH
    assert "by class name" in note


def test_the_devkits_ids_are_read_through_its_own_table(root: Path) -> None:
    # ILSVRC's own numbers follow no order of names: 3 is the first class here.
    ids = {0: 3, 1: 1, 2: 2}
    data = root / "ILSVRC2012_devkit_t12" / "data"
    data.mkdir(parents=True)
    truth = data / "ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("".join(f"{ids[t]}\n" for t in TRUTH))
    with pytest.raises(UsageError, match=r"meta\.mat tells"):
        _labels(root)
    dtype = [("ILSVRC2012_ID", "O"), ("WNID", "O")]
    synsets = np.array([(i, WNIDS[c]) for c, i in ids.items()], dtype=dtype)
    scipy.io.savemat(data / "meta.mat", {"synsets": synsets})
    assert _labels(root)[0] == TRUTH


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_are_recognised_as_counted_from_nought_or_one(root: Path, first: int) -> None:
    names = sorted(p.name for p in (root / "val").iterdir())
    lines = [f"{name} {t + first}" for name, t in zip(names, TRUTH, strict=True)]
    (root / "val.txt").write_text("\n".join(lines))
    found, note = _labels(root)
    assert found == TRUTH
    assert f"counted from {first}" in note


def test_a_list_that_is_named_comes_first(root: Path) -> None:
    (root / "val.txt").write_text("0\n0\n0\n0\n")
    (root / "mine.txt").write_text("".join(f"{WNIDS[t]}\n" for t in TRUTH))
    assert _labels(root, val_labels=str(root / "mine.txt"))[0] == TRUTH


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "is flat, and no list"),
        ("0\n1\n", "2 labels and .* 4 pictures"),
        ("0\n1\n2\n7\n", "labels from 0 to 7, and the net has 3 classes"),
        ("0\n1\n2\ncat\n", "'cat' is neither"),
    ],
)
def test_a_flat_set_without_sound_labels_is_refused(
    root: Path, text: str | None, said: str
) -> None:
    if text is not None:
        (root / "val.txt").write_text(text)
    with pytest.raises(UsageError, match=said):
        _labels(root)


def test_archives_go_to_torchvision_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "ILSVRC2012_img_train.tar").write_bytes(b"no archive")
    with pytest.raises(UsageError, match=r"ILSVRC2012_img_train\.tar cannot be unpacked"):
        open_dataset(DataSpec(Source.folder, str(tmp_path)))


def _tar(path: Path, folder: Path) -> None:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for inner in sorted(folder.iterdir()):
            tar.add(inner, inner.name)


@pytest.mark.filterwarnings("ignore:Python 3.14 will, by default, filter:DeprecationWarning")
def test_archives_as_distributed_are_unpacked(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    for name in WNIDS:  # an archive of a class's pictures in the archive of all
        _tar(root / "train" / f"{name}.tar", root / "train" / name)
        shutil.rmtree(root / "train" / name)
    _tar(packed / "ILSVRC2012_img_train.tar", root / "train")
    _tar(packed / "ILSVRC2012_img_val.tar", root / "val")
    data = tmp_path / "kit" / "ILSVRC2012_devkit_t12" / "data"
    data.mkdir(parents=True)
    # ILSVRC's own numbers follow no order of names; what has children is no class.
    ids = {0: 3, 1: 1, 2: 2}
    rows = [(i, WNIDS[c], f"class {c}, same", "gloss", 0) for c, i in ids.items()]
    names = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children")
    synsets = np.array([*rows, (4, "n00000001", "all", "", 3)], dtype=[(n, "O") for n in names])
    scipy.io.savemat(data / "meta.mat", {"synsets": synsets})
    truth = "".join(f"{ids[t]}\n" for t in TRUTH)
    (data / "ILSVRC2012_validation_ground_truth.txt").write_text(truth)
    _tar(packed / "ILSVRC2012_devkit_t12.tar.gz", tmp_path / "kit")
    for split, (name, _) in imagenet.ARCHIVE_META.items():  # these archives have their own sums
        there = hashlib.md5((packed / name).read_bytes()).hexdigest()
        monkeypatch.setitem(imagenet.ARCHIVE_META, split, (name, there))
    extract, extracted = imagenet.extract_archive, list[str]()

    def interrupted(archive: str, *rest: object, **more: object) -> None:
        if len(extracted) == 2:  # the devkit, and the archive of archives
            raise KeyboardInterrupt
        extracted.append(archive)
        extract(archive, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(imagenet, "extract_archive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            open_dataset(DataSpec(Source.folder, str(packed), size=8))
    assert not (packed / "train").exists()  # half of it would be a smaller data set
    (packed / sources.UNPACKING / "train" / WNIDS[0]).mkdir(parents=True)  # killed
    opened = open_dataset(DataSpec(Source.folder, str(packed), size=8))
    assert opened.classes == sorted(WNIDS)
    assert opened.train.labels.tolist() == [0, 1, 2]
    where = {f"ILSVRC2012_val_{n + 1:08}.JPEG": label for n, label in enumerate(TRUTH)}
    found = zip(opened.val.names(), opened.val.labels.tolist(), strict=True)
    assert {Path(name).name: label for name, label in found} == where


def test_a_download_is_tried_only_when_allowed(tmp_path: Path) -> None:
    root = str(tmp_path / "nette")
    with pytest.raises(UsageError, match="does not exist") as refused:
        open_dataset(DataSpec(Source.imagenette, root))
    assert "download=true" in (refused.value.hint or "")
    with pytest.raises(UsageError, match="could not be read from or downloaded"):
        open_dataset(DataSpec(Source.imagenette, root, download=True))
    assert not Path(root).exists()


def test_a_folder_that_is_not_there_is_not_taken_for_imagenette(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.root=.* does not exist"):
        open_source(str(tmp_path / "nowhere"), PrepareSpec())
