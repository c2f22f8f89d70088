"""Unpacking the original archives of ILSVRC-2012 with torchvision."""

from pathlib import Path

from alexcli.data.sources.archives import only_files_unpacked, torchvision_module, unpack_aside
from alexcli.errors import UsageError
from alexcli.reporter import Reporter

META_FILE = "meta.bin"
"""The file beside the archives where torchvision stores the devkit's classes and labels."""


def unpack_imagenet(root: Path, reporter: Reporter) -> None:
    """Unpack the archives of ILSVRC-2012 in a folder into its class folders `train` and `val`.

    Nothing happens if there are no archives, or if they are already unpacked.

    Args:
        root: the data folder.
        reporter: receives a note, because unpacking takes minutes.

    Raises:
        UsageError: an archive is damaged, or the devkit is missing.
    """
    for split in ("train", "val"):
        archive = root / f"ILSVRC2012_img_{split}.tar"
        if archive.exists() and not (root / split).is_dir():
            _unpack_split(root, split, archive, reporter)


def _unpack_split(root: Path, split: str, archive: Path, reporter: Reporter) -> None:
    """Unpack one archive into the class folders of a split."""
    parse_archive = f"parse_{split}_archive"
    imagenet = torchvision_module("datasets.imagenet", ["parse_devkit_archive", parse_archive])

    def unpack(part: Path) -> None:
        getattr(imagenet, parse_archive)(root, folder=str(part.relative_to(root)))

    try:
        with only_files_unpacked():
            if not (root / META_FILE).exists():
                imagenet.parse_devkit_archive(root)
            gigabytes = archive.stat().st_size / 1e9
            reporter.note(f"unpacking {archive} ({gigabytes:.1f} GB), which takes minutes")
            unpack_aside(root / split, unpack)
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"{archive} cannot be unpacked: {error}",
            hint=f"put the archives of ILSVRC-2012, ILSVRC2012_devkit_t12.tar.gz too, in {root}",
        ) from error
