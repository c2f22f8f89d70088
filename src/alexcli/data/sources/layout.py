"""Finding the splits of a data folder: their names and their level."""

from dataclasses import dataclass, field
from pathlib import Path

from alexcli.data.file_names import holds_images, subfolders
from alexcli.errors import UsageError, nearest, sibling_names

SPLIT_NAMES = {
    "train": (
        *("train", "training"),
        *("data_256", "data_256_standard", "data_large", "data_large_standard"),  # Places
    ),
    "val": ("val", "valid", "validation", "val_256", "val_large"),
    "test": ("test", "testing", "test_256", "test_large"),
}
"""Names of the folder of each split, in upper or lower case."""

DEEPEST = 4
"""Levels of folders searched for the splits: Kaggle's ILSVRC/Data/CLS-LOC, and one more."""

WIDEST = 100
"""A level with more folders is not searched for splits."""


@dataclass
class Layout:
    """The folders of the splits."""

    typed_root: Path
    root: Path
    """The folder with the splits, which may lie below the one that was typed."""
    folders: dict[str, Path] = field(default_factory=dict)
    """The existing folders by `train`, `val` and `test`."""
    is_bare: bool = False
    """Whether the folder has class folders but no splits."""

    @property
    def note(self) -> str | None:
        """A note on anything unexpected about it."""
        if self.root == self.typed_root:
            return None
        return f"the splits lie in {self.root.relative_to(self.typed_root)}"


def find_layout(root: Path) -> Layout:
    """Find the folders of the splits.

    Args:
        root: `data.root`. The splits may lie some levels below it, but only in one place.

    Raises:
        UsageError: it does not exist, two folders are the same split, the splits are in several
            places, or `root` is itself a split.
    """
    check_root(root)
    folders = split_folders(root)
    has_held_out = not folders.keys() <= {"train"}
    if has_held_out or ("train" in folders and subfolders(folders["train"])):
        return Layout(root, root, folders)
    below = _splits_below(root)
    if below is not None:
        return Layout(root, below, split_folders(below))
    classes = [name for name in subfolders(root) if holds_images(root / name)]
    if len(classes) > 1:  # a class may be called `train`
        return Layout(root, root, is_bare=True)
    return Layout(root, root, folders)


def check_root(root: Path) -> None:
    """Raise UsageError unless the data folder exists."""
    if root.is_dir():
        return
    if root.exists():
        raise UsageError(f"data.root={root} is a file", hint="name the folder of the images")
    similar = nearest(root.name, sibling_names(root))
    raise UsageError(
        f"data.root={root} does not exist",
        hint=f"did you mean {root.parent}/{similar}?" if similar else "check the path",
    )


def split_folders(root: Path) -> dict[str, Path]:
    """The folders of the splits in a folder, by `train`, `val` and `test`.

    Raises:
        UsageError: two folders are the same split.
    """
    folders: dict[str, Path] = {}
    names = subfolders(root)
    for split, spellings in SPLIT_NAMES.items():
        matches = [name for name in names if name.lower() in spellings]
        if len(matches) > 1:
            raise UsageError(
                f"{root} has {' and '.join(matches)}, and each can be the split {split}",
                hint="move or hide all but one: a name that begins with a dot is ignored",
            )
        if matches:
            folders[split] = root / matches[0]
    return folders


def has_splits(root: Path) -> bool:
    """Whether a folder contains the folder of a training set."""
    return root.is_dir() and "train" in split_folders(root)


def split_of_name(name: str) -> str | None:
    """The split that a folder's name stands for."""
    matches = [split for split, names in SPLIT_NAMES.items() if name.lower() in names]
    return matches[0] if matches else None


def _splits_below(root: Path) -> Path | None:
    """The only folder below `root` that has splits with images.

    Raises:
        UsageError: there are several.
    """
    level = [root]
    for _ in range(DEEPEST):
        below = [folder / name for folder in level for name in subfolders(folder)]
        if len(below) > WIDEST:
            return None
        data_sets = [folder for folder in below if _has_split_with_images(folder)]
        if len(data_sets) > 1:
            raise UsageError(
                f"data.root={root} holds several data sets: {', '.join(map(str, data_sets[:5]))}",
                hint=f"name one of them: data.root={data_sets[0]}",
            )
        if data_sets:
            return data_sets[0]
        level = below
    return None


def _has_split_with_images(folder: Path) -> bool:
    """Whether a folder has a split with images; folders of annotations use the same names."""
    for name in subfolders(folder):
        split = split_of_name(name)
        # A flat `train` is a class of that name, while `val` may be flat.
        may_be_split = split == "val" or (split == "train" and bool(subfolders(folder / name)))
        if may_be_split and holds_images(folder / name):
            return True
    return False
