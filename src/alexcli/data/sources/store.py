"""Source `store`: a prepared store, in a local folder or behind a URL, see `store.DRIVERS`."""

from collections.abc import Sequence

from alexcli.data.dataset import Dataset
from alexcli.data.sources.root import required_root
from alexcli.data.store_images import open_store
from alexcli.reporter import Reporter
from alexcli.schema import DataSpec


def open_splits(
    spec: DataSpec, _reporter: Reporter, _net_classes: Sequence[str] | None = None
) -> Dataset:
    """Open the store at `data.root`; UsageError if there is none, or it is damaged."""
    return open_store(required_root(spec), check_chunks=spec.check_chunks)
