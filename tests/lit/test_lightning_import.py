"""Lightning is imported without the packages that no training uses, and they stay usable."""

import importlib.metadata
import subprocess
import sys

import pytest

from alexcli.lit.lightning_import import NEVER_USED, import_lightning

CODE = """
import importlib
import importlib.metadata
import sys

import scipy

import alexcli.lit

print(*sys.modules)
print(sys.modules["scipy"] is scipy)
for name in ("torchvision", "scipy", "matplotlib"):
    print(importlib.import_module(name).__version__, importlib.metadata.version(name))
"""


def test_hidden_packages_are_found_afterwards_and_what_was_imported_before_stays() -> None:
    command = [sys.executable, "-c", CODE]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    first, scipy_stayed, *versions = output.splitlines()
    modules = set(first.split())
    assert {"lightning", "torchmetrics"} <= modules
    assert not modules & {"torchvision", "matplotlib", "wandb", "pandas"}
    assert scipy_stayed == "True"
    assert len(versions) == len(NEVER_USED)
    for line in versions:
        imported, installed = line.split()
        assert imported.partition("+")[0] == installed.partition("+")[0]


def test_where_torchmetrics_is_imported_already_nothing_is_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics", sys)
    version = importlib.metadata.version
    import_lightning()
    assert importlib.metadata.version is version
