"""`alexcli bench data`: the prepared store beside torchvision's usual pipeline, same pictures.

Both end in the same product: a batch of augmented, centred float pictures in memory.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image

from alexcli.bench.harness import Arm, alone, alternate, compare, for_a_while
from alexcli.data import toy
from alexcli.data.dataset import Dataset
from alexcli.data.folders import SUFFIXES
from alexcli.data.pictures import Reading, decode_jpeg, read_square
from alexcli.data.store import StorePictures, open_store
from alexcli.data.transforms import Preprocess
from alexcli.errors import UsageError
from alexcli.lit.datamodule import DataModule
from alexcli.memory import reuse_memory
from alexcli.results import Measured, Reporter
from alexcli.run.prepare import prepare
from alexcli.schema import Encoding, PrepareSpec, TrainSpec

SIDE, BATCH = 256, 128
PICTURES = 1024  # at least, by repetition
SECONDS = 1.0  # of one measurement
DRAWN, DRAWN_SIDE = 200, 450


def run(source: Path | None, spec: TrainSpec, rounds: int, reporter: Reporter) -> list[Measured]:
    """Pictures per second of each encoding and number of loader processes, as ratios.

    Args:
        source: any folder with pictures below it; None draws some.
        spec: augmentation, and the side that the net sees.
        rounds: alternations.
        reporter: told how it goes.

    Returns:
        `data/raw` and `data/jpeg` on one core against torchvision's `imagefolder`, and
        `data/jpeg` against bare `decode`; the same with a loader process a core; `data/prepare`
        against as many cores as there are at one core's rate of decoding and resizing.
    """
    reuse_memory()
    torch.set_num_threads(1)  # figures are of one core, or of so many loader processes
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="alexcli-bench-") as name:
        folder = Path(name)
        tree = picture_tree(source, folder, PICTURES)
        stores = {}
        for encoding in Encoding:
            made = PrepareSpec(size=SIDE, encoding=encoding)
            prepare(str(tree), str(folder / encoding.value), made, reporter)
            stores[encoding.value] = open_store(str(folder / encoding.value))
        found = _loading(tree, stores, spec, rounds, reporter, 0)
        found += _loading(tree, stores, spec, rounds, reporter, cores)
        found.append(_preparing(tree, folder, rounds, reporter, cores))
    reporter.close()
    return found


def _loading(
    tree: Path,
    stores: dict[str, Dataset],
    spec: TrainSpec,
    rounds: int,
    reporter: Reporter,
    workers: int,
) -> list[Measured]:
    """The stores against torchvision's pipeline with a number of loader processes."""
    arms = {"imagefolder": _imagefolder(tree / "train", spec, workers)}
    arms |= {name: _ours(store, spec, workers) for name, store in stores.items()}
    if not workers:
        arms["decode"] = _decoding(stores["jpeg"].train)  # type: ignore[arg-type]
    timed: dict[str, Arm] = {n: partial(for_a_while, arm, SECONDS) for n, arm in arms.items()}
    what = f"loading, {workers or 'no'} loader processes"
    rates = alternate(timed, rounds, reporter, what)
    ending = f"/workers={workers}" if workers else ""
    rivals = [(name, "imagefolder") for name in stores] + [("jpeg", "decode")] * (not workers)
    found = [
        compare(f"data/{name}{ending}", "images/s", rates[name], rival, rates[rival])
        for name, rival in rivals
    ]
    return [*found, alone(f"imagefolder{ending}", "images/s", rates["imagefolder"])]


def picture_tree(source: Path | None, folder: Path, count: int) -> Path:
    """Class folders of links to the pictures, repeated until there are `count`."""
    if source is None:
        files = _drawn(folder / "drawn")
    else:
        if not source.is_dir():
            raise UsageError(f"{source} is not a folder", hint="name a folder of photographs")
        files = sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES)
        files = files[: 4 * PICTURES]
    if not files:
        raise UsageError(f"{source} holds no pictures", hint="name a folder of photographs")
    repeats = -(-count // len(files))
    for number, path in enumerate(files * repeats):
        place = folder / "tree" / "train" / f"class{number % 2}" / f"{number:06}{path.suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(path.resolve())
    return folder / "tree"


def _drawn(folder: Path) -> list[Path]:
    """Embedded pictures as JPEG files of a photograph's usual size."""
    folder.mkdir()
    images, _ = toy.draw("train", DRAWN, size=DRAWN_SIDE, seed=0)
    paths = [folder / f"{number:04}.jpg" for number in range(DRAWN)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image[: DRAWN_SIDE * 3 // 4]).save(path, quality=90)
    return paths


def _imagefolder(root: Path, spec: TrainSpec, workers: int) -> Iterator[int]:
    """torchvision's usual training pipeline, endless."""
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms  # type: ignore[import-untyped]

    steps = [
        transforms.Resize(SIDE),
        transforms.RandomCrop(spec.model.input.size),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
    pictures = datasets.ImageFolder(str(root), transforms.Compose(steps))
    loader = DataLoader(
        pictures,
        batch_size=BATCH,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        generator=torch.Generator().manual_seed(0),
    )
    while True:
        for images, _ in loader:
            yield len(images)


def _ours(store: Dataset, spec: TrainSpec, workers: int) -> Iterator[int]:
    """The store's batches, augmented, endless."""
    spec = replace(
        spec, data=replace(spec.data, workers=workers), optim=replace(spec.optim, batch_size=BATCH)
    )
    preprocess = Preprocess(spec.augment, spec.model.input, store.statistics, store.size)
    loader = DataModule(spec, store).train_dataloader()
    for epoch in itertools.count(1):
        for batch in loader:
            yield len(preprocess.train_view(batch, seed=0, epoch=epoch))


def _decoding(pictures: StorePictures) -> Iterator[int]:
    """Nothing but decoding the stored JPEGs, already in memory, endless."""
    where = (pictures.index[name].tolist() for name in ("chunk", "offset", "length"))
    content = [(Path(pictures.place.root) / c.file).read_bytes() for c in pictures.chunks]
    files = [content[chunk][at : at + length] for chunk, at, length in zip(*where, strict=True)]
    for jpeg in itertools.cycle(files):
        decode_jpeg(jpeg, SIDE, "")
        yield 1


def _preparing(tree: Path, folder: Path, rounds: int, reporter: Reporter, cores: int) -> Measured:
    """The whole command, start and statistics included, against decoding and resizing alone."""
    paths = sorted((tree / "train").rglob("*.*"))
    reading = Reading(SIDE)

    def one_core() -> tuple[float, float]:
        began = time.perf_counter()
        for path in paths:
            read_square(path, reading)
        return cores * len(paths), time.perf_counter() - began

    def all_cores() -> tuple[float, float]:
        dest = folder / "again"
        shutil.rmtree(dest, ignore_errors=True)
        command = [sys.executable, "-m", "alexcli", "data", "prepare", str(tree), str(dest)]
        began = time.perf_counter()
        subprocess.run([*command, f"size={SIDE}"], check=True, capture_output=True)
        return len(paths), time.perf_counter() - began

    arms: dict[str, Callable[[], tuple[float, float]]] = {"one": one_core, "all": all_cores}
    rates = alternate(arms, rounds, reporter, "preparing")
    return compare("data/prepare", "images/s", rates["all"], f"{cores}_cores", rates["one"])
