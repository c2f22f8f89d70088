"""`alexcli data`: preparing a store and describing one."""

import time
from pathlib import Path

from alexcli.data.place import Place, is_url
from alexcli.data.prepare import prepare as write_store
from alexcli.data.sources import open_source
from alexcli.data.store import read_manifest
from alexcli.errors import UsageError
from alexcli.memory import reuse_memory
from alexcli.results import Prepared, Reporter
from alexcli.schema import PrepareSpec


def prepare(source: str, dest: str, spec: PrepareSpec, reporter: Reporter) -> Prepared:
    """Make a store of a folder of photographs, or go on where an earlier attempt stopped.

    Args:
        source: a folder, or `cifar10` or `imagenette`.
        dest: a local folder.
        spec: how pictures are resized and kept.
        reporter: told how it goes.

    Raises:
        UsageError: nothing to read, a `dest` that holds something else, undecodable pictures.
        RunFailedError: a full disk.
    """
    if is_url(dest):
        raise UsageError.of("prepare.url", dest=dest)
    reuse_memory()
    began = time.monotonic()
    dataset = open_source(source, spec)
    if dataset.note:
        reporter.note(f"data: {dataset.note}")
    try:
        worked = write_store(dataset, Path(dest), spec, reporter)
    finally:
        reporter.close()
    manifest = read_manifest(Place(dest))
    return Prepared(
        directory=dest,
        encoding=manifest.encoding.value,
        resize=manifest.resize,
        classes=len(manifest.classes),
        counts={name: sum(c.count for c in chunks) for name, chunks in manifest.splits.items()},
        bytes=sum(c.bytes for chunks in manifest.splits.values() for c in chunks),
        skipped=manifest.skipped,
        fingerprint=manifest.fingerprint,
        seconds=time.monotonic() - began,
        worked=worked,
    )
