"""How fast `alexcli data prepare` is, start and statistics included, beside as many cores as there
are at one core's rate of decoding and resizing alone. Prints, and writes to a file:

    python -m tests.bench.prepare DIR OUT.json
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import transforms

from alexcli.bench.data import PICTURES, SIDE, picture_tree
from alexcli.bench.harness import alone, alternate, compare, record, timed
from alexcli.results import Measured, Reporter, Silent

PREPARED = 10  # times PICTURES, so that starting the command does not decide
ROUNDS = 5


square = transforms.Compose([transforms.Resize(SIDE), transforms.CenterCrop(SIDE)])


def decode(path: Path) -> None:
    """What a picture needs at least."""
    with Image.open(path) as picture:
        np.asarray(square(picture.convert("RGB")))


def preparing(source: Path, rounds: int, reporter: Reporter) -> list[Measured]:
    """The command with the time that it takes to start and without it (`going`), and that time.

    It is compared with decoding and resizing alone: one core's rate times the cores, and what as
    many processes reach together, which share the machine's memory.
    """
    torch.set_num_threads(1)  # decoding and resizing are of one core
    cores = os.cpu_count() or 1
    with (
        tempfile.TemporaryDirectory(prefix="alexcli-bench-") as folder,
        ProcessPoolExecutor(cores, get_context("spawn")) as pool,
    ):
        tree = picture_tree(source, Path(folder, "tree"), PREPARED * PICTURES)
        dest, paths = f"{folder}/made", sorted((tree / "train").rglob("*.*"))
        fewer = paths[::PREPARED]
        command = [sys.executable, "-m", "alexcli", "data", "prepare", tree, dest, f"size={SIDE}"]
        whole = partial(subprocess.run, command, check=True, capture_output=True)
        one_core = timed(cores * len(fewer), lambda: [decode(path) for path in fewer])
        together = timed(2 * len(fewer), lambda: [*pool.map(decode, fewer * 2, chunksize=16)])
        all_cores = timed(len(paths), whole)

        def nothing() -> tuple[float, float]:
            seconds = all_cores()[1]
            shutil.rmtree(dest)
            return seconds, 1

        arms = {"one": one_core, "together": together, "all": all_cores, "start": nothing}
        rates = alternate(arms, rounds, reporter, "preparing")
    pairs = zip(rates["all"], rates["start"], strict=True)
    going = [len(paths) / (len(paths) / rate - start) for rate, start in pairs]
    return [
        compare(name, "images/s", ours, against, rates[of])
        for against, of in ((f"{cores}_cores", "one"), ("together", "together"))
        for name, ours in (("data/prepare", rates["all"]), ("data/prepare/going", going))
    ] + [alone("data/prepare/start", "s", rates["start"])]


def main() -> None:
    """Measure, print and write."""
    source, out = sys.argv[1:]
    rows = [asdict(one) for one in preparing(Path(source), ROUNDS, Silent())]
    for one in rows:
        print(one)
    whole = record(rows, f"python -m tests.bench.prepare {source} {out}")
    Path(out).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
