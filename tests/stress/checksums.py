"""What checksums cost: of chunks, as a share of a training epoch from a store; of a checkpoint.

    python -m tests.stress.checksums [--rounds 9] [--out results/reliability/checksums.json]

An epoch is trained in turn with and without `data.check_chunks`, each from the start, from a store
of raw images of 256 pixels that the system holds in memory: the least that reading can take, so
that the share is the largest. A small net computes little for an image, a large one much. Seconds
are those of a processor, medians over rounds: others use the machine too.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alexcli.checksum import checksummed, file_checksum, is_intact
from alexcli.config.compose import compose
from alexcli.data.dataset import Dataset
from alexcli.data.images import ArrayImages
from alexcli.data.store_writer import write_store
from alexcli.files import write_atomic
from alexcli.reporter import NullReporter
from alexcli.run import checkpoint
from alexcli.run.environment import describe_environment
from alexcli.run.train import train
from alexcli.schema import Encoding, PrepareSpec, TrainSpec

TRAIN_IMAGES = 2000
VAL_IMAGES = 20
SIDE = 256
CLASSES = 10
SETTING = [
    "data=folder",
    "optim=quickstart",
    "optim.epochs=1",
    "optim.batch_size=50",
    "trainer.threads=1",
    "trainer.precision=float32",
    "logger=none",
]
LARGE = "alexnet at a quarter of its width"
NETS = {"tiny": ["model=tiny"], LARGE: ["model=alexnet", "model.width=0.25"]}
PARAMETERS = 61_000_000
"""About as many as AlexNet has; a checkpoint holds each of them and its momentum."""


def make_store(folder: Path) -> Path:
    """A store of noise."""
    generator = np.random.default_rng(0)
    count = TRAIN_IMAGES + VAL_IMAGES
    images = generator.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
    labels = np.arange(count) % CLASSES
    dataset = Dataset(
        classes=[f"class{number}" for number in range(CLASSES)],
        train=ArrayImages(images[:TRAIN_IMAGES], labels[:TRAIN_IMAGES]),
        val=ArrayImages(images[TRAIN_IMAGES:], labels[TRAIN_IMAGES:]),
        test=None,
        fingerprint="none",
        size=SIDE,
        resize="as it comes: 256",
    )
    write_store(dataset, folder, PrepareSpec(encoding=Encoding.raw, processes=1), NullReporter())
    return folder


def epoch_seconds(store: Path, net: str, *, check: bool, label: str) -> float:
    """Seconds of a processor that a training of one epoch takes, from its start to its end."""
    words = [*SETTING, *NETS[net], f"data.root={store}", f"label={label}"]
    spec = compose([*words, f"data.check_chunks={str(check).lower()}"], TrainSpec)
    return _seconds(lambda: train(spec, NullReporter(), resume="never"))


def measure_epochs(store: Path, net: str, rounds: int) -> dict[str, Any]:
    """The share of comparing chunks in an epoch of a net."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    epoch_seconds(store, net, check=True, label="first")  # compiles and imports
    for number in range(rounds):
        for check in (number % 2 == 0, number % 2 == 1):
            seconds[check].append(epoch_seconds(store, net, check=check, label=f"{number}{check}"))
            print(f"{net}, check {check}: {seconds[check][-1]:.2f} s", flush=True)
    differences = [a - b for a, b in zip(seconds[True], seconds[False], strict=True)]
    unchecked = statistics.median(seconds[False])
    comparing = measure_comparing(store, rounds)
    return {
        "rounds": rounds,
        "checked_seconds": statistics.median(seconds[True]),
        "unchecked_seconds": unchecked,
        "difference_seconds": statistics.median(differences),
        "difference_share": statistics.median(differences) / unchecked,
        "comparing_alone_seconds": comparing,
        "comparing_alone_share": comparing / unchecked,
    }


def measure_comparing(store: Path, rounds: int) -> float:
    """Seconds in which all chunks of the training set are compared with their checksums."""
    chunks = sorted(store.glob("train-*.bin"))
    return _median(lambda: [file_checksum(chunk) for chunk in chunks], rounds)


def measure_checkpoint(folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds for a checkpoint of AlexNet's size, with what its checksum adds."""
    weights = torch.randn(PARAMETERS)
    facts = {"classes": [], "plateau": {}, "finished": True, "seconds": 0.0, "train_errors": []}
    content = {"state_dict": {"w": weights, "momentum": weights * 2}, "alexcli": facts}
    content["global_step"] = 1
    path = folder / "last.ckpt"

    def write_checksummed() -> None:
        with checksummed(path) as file:
            torch.save(content, file)

    return {
        "bytes": 2 * 4 * PARAMETERS,
        "write_without_seconds": _median(lambda: torch.save(content, path), rounds),
        "write_seconds": _median(write_checksummed, rounds),
        "read_seconds": _median(lambda: checkpoint.read(path), rounds),
        "comparing_alone_seconds": _median(lambda: is_intact(path), rounds),
    }


def _median(action: Callable[[], Any], rounds: int) -> float:
    return statistics.median(_seconds(action) for _ in range(rounds))


def _seconds(action: Callable[[], Any]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def main() -> None:
    """Measure, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    out = options.out.absolute() if options.out else None
    root = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        store = make_store(Path(name, "store"))
        epochs = {
            "tiny": measure_epochs(store, "tiny", options.rounds),
            LARGE: measure_epochs(store, LARGE, max(1, options.rounds // 4)),
        }
        saved = measure_checkpoint(Path(name), options.rounds)
        os.chdir(root)
    outcome = {
        "images": TRAIN_IMAGES,
        "bytes": TRAIN_IMAGES * SIDE**2 * 3,
        "epochs": epochs,
        "checkpoint": saved,
        "rounds": options.rounds,
        "command": " ".join(["python -m tests.stress.checksums", *sys.argv[1:]]),
        "on": describe_environment(),
    }
    text = json.dumps(outcome, indent=1) + "\n"
    print(text)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out, text)


if __name__ == "__main__":
    main()
