"""Fixtures of these tests."""

from pathlib import Path

import fsspec
import pytest

from alexcli.data.store import DRIVERS
from tests.data.random_data import make_array_store, make_noise_folders


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of raw images."""
    return make_array_store(tmp_path / "store")


@pytest.fixture
def remote_store(store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same store behind a URL that needs no network, and that only tests may read."""
    monkeypatch.setitem(DRIVERS, "memory", "fsspec")
    memory = fsspec.filesystem("memory")
    for path in store.iterdir():
        if path.is_file():
            memory.pipe(f"/bucket/{path.name}", path.read_bytes())
    return "memory://bucket"


@pytest.fixture
def noise_folders(tmp_path: Path) -> Path:
    """Class folders of noise."""
    return make_noise_folders(tmp_path / "source")
