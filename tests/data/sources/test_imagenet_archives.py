import hashlib
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image
from torchvision.datasets import imagenet

from alexcli.data.open import open_dataset
from alexcli.data.sources.archives import UNPACKING
from alexcli.data.sources.imagenet_archives import META_FILE
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, Source
from tests.data.sources.conftest import RecordingReporter
from tests.data.sources.small_imagenet import ILSVRC_IDS, VAL_LABELS, WNIDS, make_small_imagenet


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the three archives of ILSVRC-2012, in small, whose md5 torchvision accepts."""
    root = make_small_imagenet(tmp_path / "in")
    packed = tmp_path / "packed"
    packed.mkdir()
    for name in WNIDS:  # the archive of all classes holds one archive for each class
        _tar(root / "train" / f"{name}.tar", root / "train" / name)
        shutil.rmtree(root / "train" / name)
    _tar(packed / "ILSVRC2012_img_train.tar", root / "train")
    _tar(packed / "ILSVRC2012_img_val.tar", root / "val")
    _write_devkit(tmp_path / "kit" / "ILSVRC2012_devkit_t12" / "data")
    _tar(packed / "ILSVRC2012_devkit_t12.tar.gz", tmp_path / "kit")
    for split, (name, _) in imagenet.ARCHIVE_META.items():
        md5 = hashlib.md5((packed / name).read_bytes()).hexdigest()
        monkeypatch.setitem(imagenet.ARCHIVE_META, split, (name, md5))
    return packed


def _tar(path: Path, folder: Path) -> None:
    """Pack what is in a folder."""
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for member in sorted(folder.iterdir()):
            tar.add(member, member.name)


def _write_devkit(folder: Path) -> None:
    """Write the devkit's table of classes and its labels of the validation set."""
    folder.mkdir(parents=True)
    columns = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children")
    rows = [
        (ilsvrc_id, WNIDS[label], f"class {label}, same", "gloss", 0)
        for label, ilsvrc_id in ILSVRC_IDS.items()
    ]
    rows.append((4, "n00000001", "all", "", 3))  # what has children is no class
    synsets = np.array(rows, dtype=[(column, "O") for column in columns])
    scipy.io.savemat(folder / "meta.mat", {"synsets": synsets})
    lines = "".join(f"{ILSVRC_IDS[label]}\n" for label in VAL_LABELS)
    (folder / "ILSVRC2012_validation_ground_truth.txt").write_text(lines)


def _spec(root: Path) -> DataSpec:
    return DataSpec(Source.folder, str(root), size=8)


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "ILSVRC2012_img_train.tar").write_bytes(b"no archive")
    with pytest.raises(UsageError, match=r"ILSVRC2012_img_train\.tar cannot be unpacked"):
        open_dataset(DataSpec(Source.folder, str(tmp_path)))


@pytest.mark.filterwarnings("ignore:Python 3.14 will, by default, filter:DeprecationWarning")
def test_archives_as_distributed_are_unpacked(packed: Path, reporter: RecordingReporter) -> None:
    dataset = open_dataset(_spec(packed), reporter)
    assert dataset.classes == sorted(WNIDS)
    assert dataset.train.labels.tolist() == [0, 1, 2]
    expected = {
        f"ILSVRC2012_val_{number:08}.JPEG": label for number, label in enumerate(VAL_LABELS, 1)
    }
    file_names = [Path(name).name for name in dataset.val.names()]
    labels = dataset.val.labels.tolist()
    assert dict(zip(file_names, labels, strict=True)) == expected
    assert (packed / META_FILE).exists()
    assert [note.split(" (")[0] for note in reporter.notes] == [
        f"unpacking {packed / 'ILSVRC2012_img_train.tar'}",
        f"unpacking {packed / 'ILSVRC2012_img_val.tar'}",
    ]


@pytest.mark.filterwarnings("ignore:Python 3.14 will, by default, filter:DeprecationWarning")
def test_what_an_interruption_leaves_is_not_taken_for_the_data(
    packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract = imagenet.extract_archive
    extracted: list[str] = []

    def interrupted(archive: str, *rest: object, **keywords: object) -> None:
        if len(extracted) == 2:  # the devkit, and the archive of archives
            raise KeyboardInterrupt
        extracted.append(archive)
        extract(archive, *rest, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(imagenet, "extract_archive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            open_dataset(_spec(packed))
    assert not (packed / "train").exists()  # half of it would be a smaller data set

    (packed / UNPACKING / "train" / WNIDS[0]).mkdir(parents=True)  # left by a killed process
    dataset = open_dataset(_spec(packed))
    assert dataset.classes == sorted(WNIDS)
    assert dataset.train.labels.tolist() == [0, 1, 2]


def test_unpacked_archives_are_left_alone(tmp_path: Path, reporter: RecordingReporter) -> None:
    root = make_small_imagenet(tmp_path / "in")
    for split in ("train", "val"):
        (root / f"ILSVRC2012_img_{split}.tar").write_bytes(b"no archive")
    shutil.rmtree(root / "val")
    for name in WNIDS:
        (root / "val" / name).mkdir(parents=True)
        Image.new("RGB", (9, 9)).save(root / "val" / name / "0.JPEG")
    assert len(open_dataset(_spec(root), reporter).val) == 3
    assert not reporter.notes
