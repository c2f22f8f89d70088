"""A folder of images without class folders, as ImageNet distributes `val`, with its labels."""

from pathlib import Path

from alexcli.data.labels import GROUND_TRUTH, KAGGLE, read_labels
from alexcli.errors import UsageError, plural

LIST_NAMES = (
    KAGGLE,
    GROUND_TRUTH,
    f"ILSVRC2012_devkit_t12/data/{GROUND_TRUTH}",
    "val.txt",
    "val_labels.txt",
)
"""Where a list of labels is looked for, below the data folder."""


def flat_labels(
    root: Path, folder: Path, classes: list[str], named_list: str | None
) -> tuple[list[Path], list[int], str]:
    """The label of every image of a folder without class folders, as ImageNet distributes `val`.

    Args:
        root: the data folder.
        folder: the folder with the images.
        classes: WNIDs in order.
        named_list: the list of labels that the user names; None finds one of LIST_NAMES.

    Returns:
        The images, their labels, and which list was used and how it was read.

    Raises:
        UsageError: there is no list, it has another length, or its labels are not classes.
    """
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpeg", ".jpg", ".png"))
    list_path = _find_list(root, folder, named_list)
    names, labels, description = read_labels(list_path, classes)
    if len(labels) != len(paths):
        raise UsageError(
            f"{list_path} has {plural(len(labels), 'label')} and {folder} has "
            f"{plural(len(paths), 'image')}",
            hint="val_labels=FILE names another list",
        )
    if names is not None:
        stems = [Path(name).stem for name in names]
        by_stem = dict(zip(stems, labels, strict=True))
        missing = [path.name for path in paths if path.stem not in by_stem]
        if missing:
            raise UsageError(f"{list_path} has no label for {', '.join(missing[:5])}")
        labels = [by_stem[path.stem] for path in paths]
    return paths, labels, f"labels of {folder.name} from {list_path.name}: {description}"


def _find_list(root: Path, folder: Path, named_list: str | None) -> Path:
    """The list of labels that the user names, or else the first of LIST_NAMES that exists."""
    hint = f"name a list, val_labels=FILE, or put one of {', '.join(LIST_NAMES)} there"
    if named_list:
        path = Path(named_list)
        if not path.exists():
            raise UsageError(f"val_labels={named_list} does not exist", hint=hint)
        return path
    folders = [root]
    if root.name == "CLS-LOC":  # Kaggle's images lie three folders below its list
        folders.append(root.parents[2])
    for candidate in folders:
        for name in LIST_NAMES:
            if (candidate / name).exists():
                return candidate / name
    raise UsageError(
        f"the folder {folder} is flat, and no list of its labels is in {root}", hint=hint
    )
