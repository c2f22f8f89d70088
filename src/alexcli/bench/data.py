"""`alexcli bench data`: the prepared store and torchvision's usual pipeline on the same images.

Both produce the same: a batch of augmented, centred float images in memory.
"""

import itertools
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from alexcli.bench.harness import compare, interleave, run_for, single_result
from alexcli.bench.image_tree import image_tree
from alexcli.data.dataset import Dataset
from alexcli.data.decode import decode_jpeg
from alexcli.data.loader import training_loader
from alexcli.data.prepare import prepare
from alexcli.data.store_images import StoreImages, open_store
from alexcli.data.transforms import Preprocess
from alexcli.errors import plural
from alexcli.model.torchvision_weights import TORCHVISION_MEAN
from alexcli.records.benchmark import BenchResult
from alexcli.reporter import Reporter
from alexcli.schema import Encoding, PrepareSpec, TrainSpec

SIDE = 256
"""Pixels of a stored image (section 2)."""
BATCH = 128
"""Images (section 5)."""
IMAGES = 1024
"""Images at least, by repetition."""
SECONDS = 1.0
"""Shortest measurement."""
TORCHVISION_STD = (0.229, 0.224, 0.225)
"""Of ImageNet's RGB in [0, 1], as torchvision's references normalise it."""


def run(source: Path | None, spec: TrainSpec, rounds: int, reporter: Reporter) -> list[BenchResult]:
    """Images per second for each encoding and number of loader processes, with ratios.

    Args:
        source: any folder with images below it; None makes synthetic ones.
        spec: augmentation, and the side that the net reads.
        rounds: interleaved measurements.
        reporter: receives progress updates.

    Returns:
        `data/raw` and `data/jpeg` on one core against torchvision's `imagefolder`, and
        `data/jpeg` against bare `decode`; the same with one loader process per core.
    """
    torch.set_num_threads(1)  # figures are for one core, or for a number of loader processes
    with tempfile.TemporaryDirectory(prefix="alexcli-bench-") as name:
        folder = Path(name)
        tree = image_tree(source, folder / "tree", IMAGES, most_files=4 * IMAGES)
        stores = {
            encoding.value: _prepared(tree, folder / encoding.value, encoding, reporter)
            for encoding in Encoding
        }
        results = _one_core(tree, stores, spec, rounds, reporter)
        workers = os.cpu_count() or 1
        results += _several_workers(tree, stores, spec, workers, rounds, reporter)
    return results


def _prepared(tree: Path, folder: Path, encoding: Encoding, reporter: Reporter) -> Dataset:
    """A store of the tree."""
    prepare(str(tree), str(folder), PrepareSpec(size=SIDE, encoding=encoding), reporter)
    return open_store(str(folder))


def _batches(
    tree: Path, stores: dict[str, Dataset], spec: TrainSpec, workers: int
) -> dict[str, Iterator[int]]:
    """Endless loaders of each kind, which yield the number of images of each batch."""
    batches = {"imagefolder": _image_folder(tree / "train", spec, workers)}
    for name, store in stores.items():
        batches[name] = _store_batches(store, spec, workers)
    return batches


def _one_core(
    tree: Path, stores: dict[str, Dataset], spec: TrainSpec, rounds: int, reporter: Reporter
) -> list[BenchResult]:
    batches = _batches(tree, stores, spec, workers=0)
    jpegs = stores["jpeg"].train
    assert isinstance(jpegs, StoreImages)
    batches["decode"] = _decoding(jpegs)
    arms = {name: partial(run_for, arm, SECONDS) for name, arm in batches.items()}
    speeds = interleave(arms, rounds, reporter, "loading, no loader processes")
    pairs = [*((name, "imagefolder") for name in stores), ("jpeg", "decode")]
    results = [
        compare(f"data/{name}", "images/s", speeds[name], baseline, speeds[baseline])
        for name, baseline in pairs
    ]
    return [*results, single_result("imagefolder", "images/s", speeds["imagefolder"])]


def _several_workers(
    tree: Path,
    stores: dict[str, Dataset],
    spec: TrainSpec,
    workers: int,
    rounds: int,
    reporter: Reporter,
) -> list[BenchResult]:
    batches = _batches(tree, stores, spec, workers)
    arms = {name: partial(run_for, arm, SECONDS) for name, arm in batches.items()}
    speeds = interleave(arms, rounds, reporter, f"loading, {plural(workers, 'loader process')}")
    baseline = speeds["imagefolder"]
    suffix = f"/workers={workers}"
    results = [
        compare(f"data/{name}{suffix}", "images/s", speeds[name], "imagefolder", baseline)
        for name in stores
    ]
    return [*results, single_result(f"imagefolder{suffix}", "images/s", baseline)]


def _image_folder(root: Path, spec: TrainSpec, workers: int) -> Iterator[int]:
    """Run torchvision's usual training pipeline endlessly."""
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms  # type: ignore[import-untyped]

    steps = [
        transforms.Resize(SIDE),
        transforms.RandomCrop(spec.model.input.size),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(TORCHVISION_MEAN, TORCHVISION_STD),
    ]
    images = datasets.ImageFolder(str(root), transforms.Compose(steps))
    loader = DataLoader(
        images, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )
    while True:
        for batch, _ in loader:
            yield len(batch)


def _store_batches(store: Dataset, spec: TrainSpec, workers: int) -> Iterator[int]:
    """Load and augment the store's batches endlessly."""
    preprocess = Preprocess(spec.augment, spec.model.input, store.statistics, store.size)
    loader = training_loader(
        store.train,
        batch_size=BATCH,
        seed=spec.seed,
        window=spec.data.window,
        share=lambda rows: (0, rows),
        step=lambda: 0,
        workers=workers,
        device=torch.device("cpu"),
    )
    for epoch in itertools.count(1):
        for batch in loader:
            yield len(preprocess.augment(batch, seed=0, epoch=epoch))


def _decoding(images: StoreImages) -> Iterator[int]:
    """Decode the stored JPEGs, already in memory, endlessly, and do nothing else."""
    root = Path(images.store.root)
    chunks = [(root / chunk.file).read_bytes() for chunk in images.chunks]
    columns = [images.index[name].tolist() for name in ("chunk", "offset", "length")]
    files = [
        chunks[chunk][offset : offset + length]
        for chunk, offset, length in zip(*columns, strict=True)
    ]
    for jpeg in itertools.cycle(files):
        decode_jpeg(jpeg, SIDE, "")
        yield 1
