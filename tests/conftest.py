"""What all tests share: no network, a cache and a working folder of their own, small nets."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

# Tests run side by side, so each process keeps to one thread; children inherit it.
os.environ["OMP_NUM_THREADS"] = "1"

from alexcli.config.compose import compose
from alexcli.config.files import choices, conf_dir
from alexcli.model.compiled import sources_digest
from alexcli.schema import AnalyzeSpec, ModelSpec, TrainSpec

# Loops are compiled once for all tests, not once in each test's cache.
os.environ.setdefault(
    "NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".numba_cache" / sources_digest())
)

# A run of two epochs on drawn images that takes about a second.
SMALL_TRAINING = (
    "optim.epochs=2",
    "optim.batch_size=50",
    "model.width=0.25",
    "trainer.precision=float32",  # whatever processor the tests run on
)
FEW_IMAGES = ("data.train_count=150", "data.val_count=60", "data.test_count=50")
SMALL = (*SMALL_TRAINING, *FEW_IMAGES)


def _is_torchvisions(name: str) -> bool:
    """Whether a model of conf, or one that it is made from, is a net of torchvision."""
    keys = yaml.safe_load((conf_dir() / "model" / f"{name}.yaml").read_text(encoding="utf-8"))
    parents = [parent for parent in keys.get("defaults", []) if parent != "_self_"]
    return "torchvision" in keys or any(map(_is_torchvisions, parents))


# Every model of conf but torchvision's nets, which have no towers.
TOWER_MODELS = [name for name in choices("model") if not _is_torchvisions(name)]


@pytest.fixture(autouse=True)
def _elsewhere(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run in an empty folder, with a cache that the tests of this process share."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALEXCLI_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse connections beyond this machine."""
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0] if isinstance(address, tuple) else ""
            if host not in ("127.0.0.1", "::1", "localhost"):
                raise OSError(f"tests are offline: {address}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Python's own answer to SIGINT, which a shell's background job starts without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def small(*overrides: str) -> TrainSpec:
    """The quick start, shrunk; later overrides win.

    With images from files, it is the training alone: they are not counted by keys.
    """
    has_files = any(word.startswith("data=") for word in overrides)
    words = SMALL_TRAINING if has_files else SMALL
    return compose(["experiment=quickstart", *words, *overrides], TrainSpec)


def model(*overrides: str) -> ModelSpec:
    """A net by overrides such as `model=alexnet`."""
    return compose(list(overrides), AnalyzeSpec).model
