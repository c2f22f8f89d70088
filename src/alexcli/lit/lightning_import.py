"""Importing Lightning without the optional packages that it imports if installed."""

import importlib
import importlib.metadata
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NEVER_USED = ("torchvision", "scipy", "matplotlib")
"""Packages that Lightning's dependency torchmetrics imports if they are installed.

It needs them for metrics that our trainings do not compute, and they take half of the time of
importing Lightning."""


def import_lightning() -> None:
    """Import Lightning in about half of the time.

    Until this process ends, torchmetrics then lacks the metrics that need `NEVER_USED`. Packages
    that are already imported stay visible. Lightning's messages below the level of warnings, about
    devices that it does not see and products, are silenced.
    """
    is_too_late = "torchmetrics" in sys.modules
    hidden = () if is_too_late else NEVER_USED
    with _hidden([name for name in hidden if name not in sys.modules]):
        importlib.import_module("lightning")
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


@contextmanager
def _hidden(names: list[str]) -> Iterator[None]:
    """Make these packages look uninstalled, both to `import` and in their metadata."""
    installed_version = importlib.metadata.version
    hidden = set(names)

    def version(distribution_name: str) -> str:
        if distribution_name in hidden:
            raise importlib.metadata.PackageNotFoundError(distribution_name)
        return installed_version(distribution_name)

    importlib.metadata.version = version
    for name in names:
        sys.modules[name] = None  # type: ignore[assignment]  # makes `import` fail
    try:
        yield
    finally:
        hidden.clear()  # modules that imported `version` meanwhile now get the true answer
        importlib.metadata.version = installed_version
        for name in names:
            del sys.modules[name]
