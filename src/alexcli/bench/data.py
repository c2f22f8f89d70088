"""`alexcli bench data`: the prepared store beside torchvision's usual pipeline, same pictures.

Both end in the same product: a batch of augmented, centred float pictures in memory.
"""

import itertools
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image

from alexcli.bench.harness import alone, alternate, compare, for_a_while
from alexcli.data import toy
from alexcli.data.dataset import Dataset
from alexcli.data.pictures import SUFFIXES, decode_jpeg
from alexcli.data.prepare import prepare
from alexcli.data.store import StorePictures, open_store
from alexcli.data.transforms import Preprocess
from alexcli.errors import UsageError
from alexcli.lit.datamodule import DataModule
from alexcli.results import Measured, Reporter
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
        `data/jpeg` against bare `decode`; the same with a loader process a core.
    """
    torch.set_num_threads(1)  # figures are of one core, or of so many loader processes
    found = []
    with tempfile.TemporaryDirectory(prefix="alexcli-bench-") as folder:
        tree = picture_tree(source, Path(folder, "tree"), PICTURES)
        stores = {}
        for encoding in Encoding:
            place = f"{folder}/{encoding.value}"
            prepare(str(tree), place, PrepareSpec(size=SIDE, encoding=encoding), reporter)
            stores[encoding.value] = open_store(place)
        for workers in (0, os.cpu_count() or 1):
            batches = {"imagefolder": _imagefolder(tree / "train", spec, workers)}
            batches |= {name: _ours(store, spec, workers) for name, store in stores.items()}
            pairs = [(name, "imagefolder") for name in stores]
            ending, what = (f"/workers={workers}", workers) if workers else ("", "no")
            if not workers:
                batches["decode"] = _decoding(stores["jpeg"].train)  # type: ignore[arg-type]
                pairs.append(("jpeg", "decode"))
            arms = {name: partial(for_a_while, arm, SECONDS) for name, arm in batches.items()}
            rates = alternate(arms, rounds, reporter, f"loading, {what} loader processes")
            found += [
                compare(f"data/{name}{ending}", "images/s", rates[name], rival, rates[rival])
                for name, rival in pairs
            ]
            found.append(alone(f"imagefolder{ending}", "images/s", rates["imagefolder"]))
    return found


def picture_tree(source: Path | None, tree: Path, least: int) -> Path:
    """Class folders of links to pictures of a folder or drawn ones, repeated to be enough."""
    source = source or _drawn(tree.parent / "drawn")
    files = sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES)[: 4 * PICTURES]
    if not files:
        said = "holds no pictures" if source.is_dir() else "is not a folder"
        raise UsageError.of("bench.no_pictures", source=source, said=said)
    for number, path in enumerate(files * -(-least // len(files))):
        place = tree / "train" / f"class{number % 2}" / f"{number:06}{path.suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(path.resolve())
    return tree


def _drawn(folder: Path) -> Path:
    """Embedded pictures as JPEG files of a photograph's usual size."""
    folder.mkdir(exist_ok=True)
    images, _ = toy.draw("train", DRAWN, size=DRAWN_SIDE, seed=0)
    for number, image in enumerate(images):
        Image.fromarray(image[: DRAWN_SIDE * 3 // 4]).save(folder / f"{number:04}.jpg", quality=90)
    return folder


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
    loader = DataLoader(pictures, BATCH, True, num_workers=workers, persistent_workers=workers > 0)
    while True:
        for images, _ in loader:
            yield len(images)


def _ours(store: Dataset, spec: TrainSpec, workers: int) -> Iterator[int]:
    """The store's batches, augmented, endless."""
    data, optim = replace(spec.data, workers=workers), replace(spec.optim, batch_size=BATCH)
    spec = replace(spec, data=data, optim=optim)
    preprocess = Preprocess(spec.augment, spec.model.input, store.statistics, store.size)
    loader = DataModule(spec, store).train_dataloader()
    for epoch in itertools.count(1):
        for batch in loader:
            yield len(preprocess.train_view(batch, seed=0, epoch=epoch))


def _decoding(pictures: StorePictures) -> Iterator[int]:
    """Nothing but decoding the stored JPEGs, already in memory, endless."""
    where = (pictures.index[name].tolist() for name in ("chunk", "offset", "length"))
    content = [(Path(pictures.store.root) / c.file).read_bytes() for c in pictures.chunks]
    files = [content[chunk][at : at + length] for chunk, at, length in zip(*where, strict=True)]
    for jpeg in itertools.cycle(files):
        decode_jpeg(jpeg, SIDE, "")
        yield 1
