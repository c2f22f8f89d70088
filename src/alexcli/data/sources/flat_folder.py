"""A folder of images without class folders, as ImageNet distributes `val`, with its labels."""

from pathlib import Path

from alexcli.data.file_names import images_below
from alexcli.data.label_lookup import LabelLookup
from alexcli.data.labels import GROUND_TRUTH, KAGGLE, PLACES, read_labels
from alexcli.data.sources.class_folders import SplitFiles
from alexcli.data.sources.layout import Layout
from alexcli.errors import UsageError, plural

LIST_NAMES = (
    KAGGLE,
    GROUND_TRUTH,
    f"ILSVRC2012_devkit_t12/data/{GROUND_TRUTH}",
    *("val.txt", "val_labels.txt", "val.csv", "val_labels.csv", "val.tsv"),
    "val_annotations.txt",  # Tiny ImageNet
    *(PLACES, f"filelist_places365-standard/{PLACES}"),
)
"""Places where a list of labels is searched, below the data folder and beside the images."""


def flat_files(
    layout: Layout, folder: Path, classes: list[str], named_list: str | None
) -> SplitFiles:
    """The images of a validation set without class folders, as ImageNet distributes it.

    Args:
        layout: the data folder.
        folder: the folder with the images.
        classes: names in order.
        named_list: the list of labels that the user names; None to search for one of LIST_NAMES.

    Returns:
        The images sorted by name, their labels, and which list was used and how it was read.

    Raises:
        UsageError: there is no list, its length differs, or its labels are not classes.
    """
    images = images_below(folder)
    if not images.names:
        raise UsageError(f"{folder} holds no images", hint="remove it, or put the images there")
    list_path = _find_list(layout, folder, named_list)
    listed = read_labels(list_path, classes)
    labels = listed.labels
    if listed.files is None and len(labels) != len(images.names):
        raise UsageError(
            f"{list_path} has {plural(len(labels), 'label')} and {folder} has "
            f"{plural(len(images.names), 'image')}",
            hint="val_labels=FILE names another list",
        )
    if listed.files is not None:
        labels = _labels_by_name(list_path, LabelLookup(list_path, listed), folder, images.names)
    notes = [f"labels of {folder.name} from {list_path.name}: {listed.description}"]
    more = 0 if listed.files is None else len(listed.files) - len(images.names)
    if more > 0:
        notes.append(f"{list_path.name} names {plural(more, 'more file')}, which are not there")
    if images.unread:
        notes.append(f"{folder.name}: left out, not read: {images.described_unread()}")
    return SplitFiles(
        paths=[folder / name for name in images.names],
        labels=labels,
        names=[
            f"{classes[label]}/{name}" for label, name in zip(labels, images.names, strict=True)
        ],
        notes=notes,
    )


def _labels_by_name(
    list_path: Path, lookup: LabelLookup, folder: Path, names: list[str]
) -> list[int]:
    """The label of each image; UsageError names those that have none."""
    labels = lookup.labels_of([folder / name for name in names], names)
    missing = [name for name, label in zip(names, labels, strict=True) if label is None]
    if missing:
        raise UsageError(
            f"{list_path} has no label for {', '.join(missing[:5])} "
            f"({plural(len(missing), 'image')} of {len(names):,})",
            hint="add a line FILE LABEL for each, or val_labels=FILE names another list",
        )
    return [label for label in labels if label is not None]


def _find_list(layout: Layout, folder: Path, named_list: str | None) -> Path:
    """The list of labels that the user names, or else the first of LIST_NAMES that exists."""
    hint = f"name a list, val_labels=FILE, or put one of {', '.join(LIST_NAMES)} there"
    if named_list:
        path = Path(named_list)
        if not path.exists():
            raise UsageError(f"val_labels={named_list} does not exist", hint=hint)
        return path
    folders = [layout.root, folder, folder.parent, layout.typed_root]
    if layout.root.name == "CLS-LOC":  # Kaggle's images lie three levels below its list
        folders.append(layout.root.absolute().parents[2])
    for candidate in folders:
        for name in LIST_NAMES:
            if (candidate / name).is_file():
                return candidate / name
    raise UsageError(
        f"the folder {folder} is flat, and no list of its labels is in {layout.root}", hint=hint
    )
