"""The work of `alexcli data prepare`: making a store from original photographs."""

import time
from contextlib import closing
from pathlib import Path

from alexcli.data.open import open_source
from alexcli.data.store import Store, is_url
from alexcli.data.store_manifest import read_manifest
from alexcli.data.store_writer import write_store
from alexcli.errors import UsageError, plural
from alexcli.malloc import reuse_freed_memory
from alexcli.records.analysis import Analysis
from alexcli.reporter import Reporter
from alexcli.schema import PrepareSpec
from alexcli.tables import Table


def prepare(source: str, dest: str, spec: PrepareSpec, reporter: Reporter) -> Analysis:
    """Make a store from a folder of photographs, or resume an earlier attempt.

    Args:
        source: a folder, or `cifar10`, `cifar100` or `imagenette`.
        dest: a local folder.
        spec: how images are resized and stored.
        reporter: receives progress updates.

    Returns:
        Its data: `{directory, encoding, size, resize, classes, counts, bytes, skipped, fingerprint,
        seconds, worked}`; `counts` are images by split, `bytes` the size of all chunks, `skipped`
        images that could not be decoded; `worked` is false if an earlier attempt had finished.

    Raises:
        UsageError: there is nothing to read; see also `write_store`.
        RunFailedError: the disk is full.
    """
    if is_url(dest):
        raise UsageError(
            f"{dest} is a URL, but a store is written to a folder",
            hint="prepare it locally and copy the folder, e.g. with `aws s3 cp --recursive`",
        )
    reuse_freed_memory()
    began = time.monotonic()
    dataset = open_source(source, spec, reporter)
    if dataset.note:
        reporter.note(f"data: {dataset.note}")
    with closing(reporter):
        worked = write_store(dataset, Path(dest), spec, reporter)
    return _describe(read_manifest(dest), time.monotonic() - began, worked=worked)


def _bytes_text(count: int) -> str:
    """Bytes for people, in the largest unit of which there is at least one: 39.3 MB."""
    units = {"GB": 1e9, "MB": 1e6, "kB": 1e3}
    for unit, scale in units.items():
        if count >= scale:
            return f"{count / scale:,.1f} {unit}"
    return plural(count, "byte")


def _describe(store: Store, seconds: float, *, worked: bool) -> Analysis:
    """The record of a finished store."""
    counts = {split: sum(chunk.count for chunk in chunks) for split, chunks in store.splits.items()}
    size = sum(chunk.bytes for chunks in store.splits.values() for chunk in chunks)
    note = (
        f"{store.root}: {store.encoding.value}, {_bytes_text(size)}, "
        f"{plural(len(store.classes), 'class')}, {store.resize}"
    )
    if worked:
        note += f"; {sum(counts.values()) / seconds:,.0f} images/s"
    data = {
        "directory": store.root,
        "encoding": store.encoding.value,
        "size": store.size,
        "resize": store.resize,
        "classes": len(store.classes),
        "counts": counts,
        "bytes": size,
        "skipped": store.skipped,
        "fingerprint": store.fingerprint,
        "seconds": seconds,
        "worked": worked,
    }
    rows = [{"split": split, "images": count} for split, count in counts.items()]
    table = Table.from_records("store", rows, note=note)
    return Analysis(table.title, [table], data=data)
