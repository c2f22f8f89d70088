"""The plan of a store's content, and its comparison with an earlier attempt's."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from alexcli.data.dataset import Dataset
from alexcli.data.images import FileImages, LocalImages
from alexcli.data.store import FORMAT, LISTING, MANIFEST, PLAN, VERSION
from alexcli.data.store_images import open_store
from alexcli.errors import UsageError, plural
from alexcli.json_text import parse_json
from alexcli.schema import Encoding, PrepareSpec

LOCK = ".lock"
"""Lock file held by the process that writes the store."""

MAX_PIXELS = "max_pixels"
"""Entry of a plan; stores of earlier versions lack it."""

Plan = dict[str, Any]
"""Everything that determines the content of a store, as plain data; the manifest starts with it."""


def list_source(splits: Mapping[str, LocalImages]) -> list[str]:
    """The lines of `source.jsonl`: split, name, stamp and label of each image.

    Args:
        splits: the images of each split.
    """
    return [
        json.dumps([split, name, *stamp, label])
        for split, images in splits.items()
        for name, stamp, label in zip(
            images.names(), images.stamps(), images.labels.tolist(), strict=True
        )
    ]


def make_plan(dataset: Dataset, spec: PrepareSpec, listing: Sequence[str]) -> Plan:
    """Collect everything that the content of a store depends on.

    Args:
        dataset: the images to store.
        spec: how they are encoded.
        listing: from `list_source`.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "encoding": spec.encoding.value,
        "quality": spec.quality if spec.encoding is Encoding.jpeg else 0,
        "size": dataset.size,
        "resize": dataset.resize,
        MAX_PIXELS: spec.max_pixels if isinstance(dataset.train, FileImages) else 0,
        "classes": dataset.classes,
        "source": hashlib.sha256("\n".join(listing).encode()).hexdigest(),
    }


def read_earlier_plan(dest: Path) -> Plan | None:
    """The manifest, or else the plan, that an earlier attempt left in a folder.

    Args:
        dest: the folder of the store, which may not exist yet.

    Returns:
        None if the folder is new or empty.

    Raises:
        UsageError: it is a file, or a folder with anything but a store.
    """
    if not dest.exists():
        return None
    if not dest.is_dir():
        raise UsageError(f"{dest} is a file", hint="name a new or an empty folder")
    for name in (MANIFEST, PLAN):
        with suppress(FileNotFoundError, ValueError):
            plan = parse_json((dest / name).read_bytes())
            if isinstance(plan, dict) and plan.get("format") == FORMAT:
                return plan
    names = sorted({path.name for path in dest.iterdir()} - {LOCK, LISTING})
    if names:
        raise UsageError(
            f"{dest} holds something else ({', '.join(names[:3])})",
            hint="name a new or an empty folder",
        )
    return None


def is_finished(plan: Plan) -> bool:
    """Whether the plan is a manifest, which is written last."""
    return "splits" in plan


def check_resumable(dest: Path, earlier: Plan, plan: Plan, listing: Sequence[str]) -> None:
    """Check that preparing again would make the same store as an earlier attempt.

    Args:
        dest: the folder of the store.
        earlier: from `read_earlier_plan`.
        plan: of the new attempt.
        listing: the current source, from `list_source`.

    Raises:
        UsageError: the store is damaged or of a newer version, the source has changed, or the
            settings differ.
    """
    if is_finished(earlier):
        open_store(str(dest))
    if earlier.get("source") != plan["source"]:
        try:
            before = (dest / LISTING).read_text(encoding="utf-8").splitlines()
            changes = describe_changes(before, listing)
        except OSError as error:
            changes = f"{LISTING}, which says how, cannot be read ({error.strerror})"
        raise UsageError(
            f"the source has changed since {dest} was prepared: {changes}",
            hint=f"prepare it into another folder, or remove {dest} first",
        )
    for key, value in plan.items():
        is_same = earlier.get(key) == value
        if key == MAX_PIXELS:
            is_same = _allows_same_images(earlier, value)
        if not is_same:
            raise UsageError(
                f"{dest} was prepared with {key} {earlier.get(key)}, and now {value} is requested",
                hint=f"name another folder, or remove {dest} first",
            )


def _allows_same_images(earlier: Plan, max_pixels: int) -> bool:
    """Whether a limit of pixels lets an earlier attempt stand.

    An unfinished one redoes the chunks that may differ. A finished one allows a larger limit if no
    image was left out, and any limit if it does not say its own.
    """
    earlier_limit = earlier.get(MAX_PIXELS)
    if not is_finished(earlier) or not isinstance(earlier_limit, int):
        return True
    is_larger = max_pixels > earlier_limit
    return max_pixels == earlier_limit or (is_larger and not earlier["skipped"])


def describe_changes(before: Sequence[str], now: Sequence[str]) -> str:
    """How two listings differ, with an example of each kind of change."""
    old = _by_name(before)
    new = _by_name(now)
    changes = {
        "added": new.keys() - old.keys(),
        "removed": old.keys() - new.keys(),
        "changed": {file for file in old.keys() & new.keys() if old[file] != new[file]},
    }
    parts = [
        f"{plural(len(files), 'file')} {change} (such as {'/'.join(min(files))})"
        for change, files in changes.items()
        if files
    ]
    return ", ".join(parts) or "the order of its files"


def _by_name(listing: Sequence[str]) -> dict[tuple[str, str], str]:
    """The lines of a listing by split and name."""
    by_name = {}
    for line in listing:
        split, name, *_ = parse_json(line)
        by_name[split, name] = line
    return by_name
