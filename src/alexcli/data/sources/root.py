"""The key `data.root`, which all sources but the synthetic one require."""

from alexcli.errors import UsageError
from alexcli.schema import DataSpec


def required_root(spec: DataSpec) -> str:
    """The folder (or URL) of the images.

    Raises:
        UsageError: `data.root` is not set.
    """
    if spec.root is None:
        raise UsageError(
            f"data={spec.source.value} needs data.root, the folder of the images",
            hint="data.root=DIR, with DIR/train/CLASS/* and DIR/val/CLASS/*, or a prepared store",
        )
    return spec.root
