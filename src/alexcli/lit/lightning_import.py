"""Importing Lightning without what it only imports because it is installed."""

import importlib
import importlib.metadata
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NEVER_USED = ("torchvision", "scipy", "matplotlib")
"""Packages that Lightning's dependency torchmetrics imports wherever they are installed.

It needs them for metrics that no training of ours computes, and they are half of the time that
importing Lightning takes."""


def import_lightning() -> None:
    """Import Lightning in about half of the time.

    torchmetrics then takes its metrics that need `NEVER_USED` for impossible, until this process
    ends. Packages that are imported already stay visible. What Lightning logs below a warning is of
    devices that it does not see and of products, and nobody hears it.
    """
    is_too_late = "torchmetrics" in sys.modules
    hidden = () if is_too_late else NEVER_USED
    with _hidden([name for name in hidden if name not in sys.modules]):
        importlib.import_module("lightning")
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


@contextmanager
def _hidden(names: list[str]) -> Iterator[None]:
    """Let these packages look as if they were not installed, to `import` and to their metadata."""
    installed_version = importlib.metadata.version
    hidden = set(names)

    def version(distribution_name: str) -> str:
        if distribution_name in hidden:
            raise importlib.metadata.PackageNotFoundError(distribution_name)
        return installed_version(distribution_name)

    importlib.metadata.version = version
    for name in names:
        sys.modules[name] = None  # type: ignore[assignment]  # `import` refuses it then
    try:
        yield
    finally:
        hidden.clear()  # whoever imported `version` meanwhile gets the truth from now on
        importlib.metadata.version = installed_version
        for name in names:
            del sys.modules[name]
