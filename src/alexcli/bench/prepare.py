"""`alexcli bench prepare`: `alexcli data prepare` against decoding and resizing alone."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from alexcli.bench.harness import Arm, compare, interleave, single_result, timed
from alexcli.bench.image_tree import image_tree
from alexcli.records.benchmark import BenchResult
from alexcli.reporter import Reporter

SIDE = 256
"""Pixels of a stored image (section 2)."""
IMAGES = 10_240
"""Images at least, by repetition, so that the command's start does not dominate."""
DECODED_PART = 10
"""One image in this many is decoded for comparison."""


def decode(path: Path) -> None:
    """Do the least that an image needs: decode it, resize it, crop the centre."""
    from torchvision import transforms  # type: ignore[import-untyped]

    with Image.open(path) as image:
        resized = transforms.Resize(SIDE)(image.convert("RGB"))
        np.asarray(transforms.CenterCrop(SIDE)(resized))


def run(source: Path | None, rounds: int, reporter: Reporter) -> list[BenchResult]:
    """Images per second of the whole command, its start and statistics included.

    Args:
        source: any folder with images below it; None makes synthetic ones.
        rounds: interleaved measurements.
        reporter: receives progress updates.

    Returns:
        `data/prepare`, and `data/prepare/going` without the start-up time of the command, against
        one core's speed of decoding and resizing times the number of cores (`N_cores`), and against
        the speed of as many processes `together`, which share the machine's memory; then the
        start-up time.
    """
    torch.set_num_threads(1)  # decoding and resizing use one core
    cores = os.cpu_count() or 1
    with (
        tempfile.TemporaryDirectory(prefix="alexcli-bench-") as name,
        ProcessPoolExecutor(cores, get_context("spawn")) as pool,
    ):
        folder = Path(name)
        tree = image_tree(source, folder / "tree", IMAGES, most_files=IMAGES)
        paths = sorted((tree / "train").rglob("*.*"))
        speeds = interleave(
            _arms(tree, folder / "store", paths, cores, pool), rounds, reporter, "preparing"
        )
    return _results(speeds, len(paths), cores)


def _arms(
    tree: Path, store: Path, paths: Sequence[Path], cores: int, pool: ProcessPoolExecutor
) -> dict[str, Arm]:
    """Decoding on one core and on all, the command, and its repetition with nothing left to do."""
    some = paths[::DECODED_PART]
    command = [sys.executable, "-m", "alexcli", "data", "prepare"]
    command += [str(tree), str(store), f"size={SIDE}"]

    def prepare() -> None:
        subprocess.run(command, check=True, capture_output=True)

    def decode_on_one_core() -> None:
        for path in some:
            decode(path)

    def decode_on_all_cores() -> None:
        for _ in pool.map(decode, [*some, *some], chunksize=16):
            pass

    whole = timed(len(paths), prepare)

    def start_again() -> tuple[float, float]:
        """Seconds of the command if everything is finished, returned as units per second."""
        _, seconds = whole()
        shutil.rmtree(store)
        return seconds, 1

    return {
        "one core": timed(cores * len(some), decode_on_one_core),
        "together": timed(2 * len(some), decode_on_all_cores),
        "whole": whole,
        "start": start_again,
    }


def _results(speeds: dict[str, list[float]], count: int, cores: int) -> list[BenchResult]:
    """The command's speed with and without its start-up, against decoding alone.

    Args:
        speeds: images per second of each arm, seconds of `start`, by round.
        count: images.
        cores: of this machine.
    """
    whole = speeds["whole"]
    starts = speeds["start"]
    going = [count / (count / speed - start) for speed, start in zip(whole, starts, strict=True)]
    results = []
    for against, baseline in ((f"{cores}_cores", "one core"), ("together", "together")):
        theirs = speeds[baseline]
        results.append(compare("data/prepare", "images/s", whole, against, theirs))
        results.append(compare("data/prepare/going", "images/s", going, against, theirs))
    return [*results, single_result("data/prepare/start", "s", starts)]
