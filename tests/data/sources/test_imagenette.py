import io
from pathlib import Path

import pytest
from PIL import Image

from alexcli.data.open import open_dataset, open_source
from alexcli.data.sources import imagenette
from alexcli.data.sources.archives import UNPACKING
from alexcli.data.sources.imagenette import ARCHIVE_FOLDER
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, PrepareSpec, Source
from tests.data.class_folders import make_class_folders
from tests.local_site import Site, pack


@pytest.mark.filterwarnings("ignore:Python 3.14 will, by default, filter:DeprecationWarning")
def test_imagenette_is_downloaded_and_unpacked(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(image, "JPEG")
    names = [
        f"{ARCHIVE_FOLDER}/{split}/{wnid}/{number}.JPEG"
        for split in ("train", "val")
        for wnid in ("n1", "n2")
        for number in "ab"
    ]
    archive = pack({name: image.getvalue() for name in names})
    url, md5 = site.add(f"{ARCHIVE_FOLDER}.tgz", archive)
    monkeypatch.setattr(imagenette, "ARCHIVE_URL", url)
    monkeypatch.setattr(imagenette, "ARCHIVE_MD5", md5)
    spec = DataSpec(Source.imagenette, str(tmp_path / "root"), size=24, download=True)
    left_by_interruption = tmp_path / "root" / UNPACKING / ARCHIVE_FOLDER / "train" / "n1"
    left_by_interruption.mkdir(parents=True)

    dataset = open_dataset(spec)
    assert not left_by_interruption.exists()
    assert dataset.classes == ["n1", "n2"]
    assert (len(dataset.train), len(dataset.val)) == (4, 4)

    (site.folder / f"{ARCHIVE_FOLDER}.tgz").unlink()
    assert open_dataset(spec).fingerprint == dataset.fingerprint  # nothing is downloaded again


def test_the_address_and_the_checksum_are_those_that_torchvision_uses() -> None:
    from torchvision.datasets import Imagenette

    archives = getattr(Imagenette, "_ARCHIVES", None)
    if archives is None:
        pytest.skip("this torchvision keeps its address elsewhere")
    assert archives["full"] == (imagenette.ARCHIVE_URL, imagenette.ARCHIVE_MD5)


def test_a_download_is_tried_only_when_allowed(tmp_path: Path) -> None:
    root = str(tmp_path / "nette")
    with pytest.raises(UsageError, match="does not exist") as caught:
        open_dataset(DataSpec(Source.imagenette, root))
    assert "download=true" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="could not be read from or downloaded"):
        open_dataset(DataSpec(Source.imagenette, root, download=True))
    assert not Path(root).exists()


def test_a_missing_root_near_a_real_one_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "imagenette").mkdir()
    with pytest.raises(UsageError) as caught:
        open_dataset(DataSpec(Source.imagenette, str(tmp_path / "imagenete")))
    assert f"did you mean {tmp_path / 'imagenette'}?" in (caught.value.hint or "")


def test_class_folders_need_no_archive(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2, "val": 1})
    dataset = open_dataset(DataSpec(Source.imagenette, str(root), size=8))
    assert dataset.classes == ["a", "b", "c"]


def test_the_folder_that_holds_the_unpacked_archive_can_be_prepared(tmp_path: Path) -> None:
    make_class_folders(tmp_path / ARCHIVE_FOLDER, {"train": 2, "val": 1})
    dataset = open_source(str(tmp_path), PrepareSpec(size=8))
    assert (len(dataset.train), len(dataset.val)) == (6, 3)
