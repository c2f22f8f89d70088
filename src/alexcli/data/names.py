"""Names of classes for people: what each WordNet ID (WNID) of ImageNet means."""

import re
from collections.abc import Sequence
from pathlib import Path

WNID = re.compile(r"n\d{8}")

NAME_FILES = ("words.txt", "synset_words.txt", "LOC_synset_mapping.txt")
"""The file with the meaning of each WNID, as named by ImageNet, Caffe and Kaggle."""

ILSVRC2012_TRAINING_IMAGES = 1_281_167
"""Section 2 calls them 1.2 million; the number is that of the challenge's page."""

MOST_CLASSES = 1_000_000
"""In a file from elsewhere."""
LONGEST_NAME = 1000
"""Characters of a class's name in such a file; a file system allows 255 bytes for a folder's."""


def ilsvrc2012_wnids() -> list[str]:
    """The 1,000 WNIDs of ILSVRC-2012, sorted, which is the order of torchvision's outputs."""
    return Path(__file__).with_name("ilsvrc2012.txt").read_text(encoding="ascii").split()


def human_names(classes: Sequence[str], root: Path | None = None) -> list[str]:
    """Readable names, in the order of `classes`.

    A class keeps its own name if no other is known.

    Args:
        classes: names of class folders, such as WNIDs.
        root: the data folder, which may hold one of NAME_FILES.
    """
    if not any(WNID.fullmatch(name) for name in classes):
        return list(classes)
    names: dict[str, str] = {}
    wnids = ilsvrc2012_wnids()
    if not set(wnids).isdisjoint(classes):
        from torchvision.models import AlexNet_Weights  # type: ignore[import-untyped]

        categories = AlexNet_Weights.IMAGENET1K_V1.meta["categories"]
        names = dict(zip(wnids, categories, strict=True))
    if root is not None:
        for file in (root / name for name in NAME_FILES):
            if file.is_file():
                names.update(_read_names(file))
    return [names.get(name, name) for name in classes]


def _read_names(file: Path) -> dict[str, str]:
    """Read the names in a file with lines `WNID NAME`; other lines are left out."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = [line.split(None, 1) for line in lines]
    return {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}
