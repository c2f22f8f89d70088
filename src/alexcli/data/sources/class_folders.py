"""The class folders of a split: their names, and the images below each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alexcli.data.file_names import FolderImages, images_below, normal_form, subfolders
from alexcli.errors import UsageError, plural

SHOWN = 5
"""Most names that a message lists."""

IMAGE_FOLDERS = frozenset(("images", "image", "img", "imgs", "jpegimages"))
"""Names of a folder between a class and its images, in lower case, as in Tiny ImageNet."""


@dataclass
class SplitFiles:
    """The images of a split."""

    paths: list[Path] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """CLASS/FILE of each image, which identifies it wherever the split lies."""
    notes: list[str] = field(default_factory=list)
    """Notes on anything unexpected about how they were found."""


def class_folders(split: Path) -> dict[str, Path]:
    """The class folders of a split by the name of the class, sorted.

    A class is a folder of the split with everything below it. Only in Places, which sorts its
    classes into folders of one letter (a/airfield), is each folder with images a class.

    Raises:
        UsageError: two folders differ only in the Unicode form of their name.
    """
    names = subfolders(split)
    if _is_by_letter(split, names):
        names = _folders_with_images(split, names)
    folders: dict[str, Path] = {}
    for name in names:
        spelling = normal_form(name)
        if spelling in folders:
            raise UsageError(
                f"{split} has two folders {spelling}, whose names differ only in their Unicode "
                "form (an accent is one character or two)",
                hint="move the images of one into the other",
            )
        folders[spelling] = split / name
    return dict(sorted(folders.items()))


def _is_by_letter(split: Path, names: Sequence[str]) -> bool:
    """Whether the folders of a split are the first letters of the classes in them."""
    if not names or not all(len(name) == 1 and name.isalpha() for name in names):
        return False
    below = [(name, inner) for name in names for inner in subfolders(split / name)]
    return bool(below) and all(inner.lower().startswith(name.lower()) for name, inner in below)


def _folders_with_images(split: Path, names: Sequence[str]) -> list[str]:
    """Paths below the split of all folders with images that lie below the named folders."""
    return [
        folder
        for name in names
        for folder in sorted(
            {f"{name}/{image}".rpartition("/")[0] for image in images_below(split / name).names}
        )
    ]


def flat_folder(split: Path, classes: Sequence[str] | None) -> Path | None:
    """The folder with the images of a split without class folders; None if it has some.

    Args:
        split: the folder of the split; the images may lie in a folder `images` in it.
        classes: names of classes; None if they are not known.
    """
    names = subfolders(split)
    if not names:
        return split
    (name, *others) = names
    is_class = classes is not None and normal_form(name) in classes
    return split / name if not others and name.lower() in IMAGE_FOLDERS and not is_class else None


def class_files(
    split: Path, folders: dict[str, Path], classes: Sequence[str], *, needs_all: bool
) -> SplitFiles:
    """Every image of a split and its label, in order of class and name.

    Args:
        split: the folder of the split.
        folders: its class folders by class, from `class_folders`.
        classes: the names of all classes in order.
        needs_all: whether a class without images is an error (of the training set).

    Raises:
        UsageError: a class that needs images has none, or the split has none at all.
    """
    files = SplitFiles()
    nested: list[str] = []
    unread: Counter[str] = Counter()
    lacking: list[str] = []
    for label, name in enumerate(classes):
        class_images = images_below(folders[name]) if name in folders else FolderImages()
        if not class_images.names:
            if needs_all:
                raise _no_images_error(folders[name], class_images)
            lacking.append(name)
        unread += class_images.unread
        files.paths += [folders[name] / image for image in class_images.names]
        files.names += [f"{name}/{image}" for image in class_images.names]
        files.labels += len(class_images.names) * [label]
        nested += [f"{name}/{image}" for image in class_images.names if _is_nested(image)]
    if not files.paths:
        raise _no_images_error(split, FolderImages(unread=unread))
    if nested:
        files.notes.append(
            f"{split.name}: {plural(len(nested), 'image')} in folders below a class folder, such "
            f"as {nested[0]}, {'belongs' if len(nested) == 1 else 'belong'} to that class"
        )
    if unread:
        files.notes.append(
            f"{split.name}: left out, being no images that are read: "
            f"{FolderImages(unread=unread).described_unread()}"
        )
    if lacking:
        files.notes.append(f"{split.name} has no images of {listed(lacking)}")
    return files


def _is_nested(image: str) -> bool:
    """Whether an image lies in a folder below that of its class, other than `images`."""
    folder = image.rpartition("/")[0]
    return bool(folder) and folder.lower() not in IMAGE_FOLDERS


def _no_images_error(folder: Path, images: FolderImages) -> UsageError:
    """The error for a class folder or a split without images."""
    if images.unread:
        return UsageError(
            f"{folder} holds no readable images, but {images.described_unread()}",
            hint="convert them to JPEG or PNG, or give them the file extension of their format",
        )
    return UsageError(f"{folder} holds no images", hint="remove the folder from every split")


def listed(names: Sequence[str]) -> str:
    """The first names as text, and how many more there are."""
    more = len(names) - SHOWN
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {more:,} more" if more > 0 else shown
