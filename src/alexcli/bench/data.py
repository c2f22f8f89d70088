"""`alexcli bench data`: the prepared store beside torchvision's usual pipeline, same pictures.

Both end in the same product: a batch of augmented, centred float pictures in memory.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from alexcli.bench.harness import Arm, alone, alternate, compare, for_a_while, timed
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
PREPARED = 3  # times as many are prepared, so that starting the command does not decide
SECONDS = 1.0  # of one measurement
DRAWN, DRAWN_SIDE = 200, 450

# `alternate` but for the arms and `what`.
Race = Callable[..., dict[str, list[float]]]


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
        against as many cores as there are at one core's rate of decoding and resizing, with the
        time that the command takes to start and without it (`going`), and that time (`start`).
    """
    torch.set_num_threads(1)  # figures are of one core, or of so many loader processes
    cores = os.cpu_count() or 1
    race = partial(alternate, rounds=rounds, reporter=reporter)
    with tempfile.TemporaryDirectory(prefix="alexcli-bench-") as folder:
        tree = picture_tree(source, Path(folder, "tree"), PICTURES)
        many = picture_tree(source, Path(folder, "many"), PREPARED * PICTURES)
        stores = {}
        for encoding in Encoding:
            place = f"{folder}/{encoding.value}"
            prepare(str(tree), place, PrepareSpec(size=SIDE, encoding=encoding), reporter)
            stores[encoding.value] = open_store(place)
        found = _loading(tree, stores, spec, 0, race)
        found += _loading(tree, stores, spec, cores, race)
        found += _preparing(many, cores, race)
    return found


def _loading(
    tree: Path, stores: dict[str, Dataset], spec: TrainSpec, workers: int, race: Race
) -> list[Measured]:
    """The stores against torchvision's pipeline with a number of loader processes."""
    arms = {"imagefolder": _imagefolder(tree / "train", spec, workers)}
    arms |= {name: _ours(store, spec, workers) for name, store in stores.items()}
    if not workers:
        arms["decode"] = _decoding(stores["jpeg"].train)  # type: ignore[arg-type]
    going: dict[str, Arm] = {n: partial(for_a_while, arm, SECONDS) for n, arm in arms.items()}
    rates = race(going, what=f"loading, {workers or 'no'} loader processes")
    ending = f"/workers={workers}" if workers else ""
    rivals = [(name, "imagefolder") for name in stores] + [("jpeg", "decode")] * (not workers)
    found = [
        compare(f"data/{name}{ending}", "images/s", rates[name], rival, rates[rival])
        for name, rival in rivals
    ]
    return [*found, alone(f"imagefolder{ending}", "images/s", rates["imagefolder"])]


def picture_tree(source: Path | None, tree: Path, least: int) -> Path:
    """Class folders of links to pictures of a folder or drawn ones, repeated to be enough."""
    files = _drawn(tree.parent / "drawn") if source is None else _photographs(source)
    for number, path in enumerate(files * -(-least // len(files))):
        place = tree / "train" / f"class{number % 2}" / f"{number:06}{path.suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(path.resolve())
    return tree


def _photographs(source: Path) -> list[Path]:
    """The first pictures below a folder."""
    files = sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not files:
        said = "holds no pictures" if source.is_dir() else "is not a folder"
        raise UsageError.of("bench.no_pictures", source=source, said=said)
    return files[: 4 * PICTURES]


def _drawn(folder: Path) -> list[Path]:
    """Embedded pictures as JPEG files of a photograph's usual size."""
    folder.mkdir(exist_ok=True)
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
    lasting, seeded = workers > 0, torch.Generator().manual_seed(0)
    loader = DataLoader(
        pictures, BATCH, True, num_workers=workers, persistent_workers=lasting, generator=seeded
    )
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


def _preparing(tree: Path, cores: int, race: Race) -> list[Measured]:
    """The whole command, start and statistics included, against decoding and resizing alone."""
    from torchvision import transforms

    paths = sorted((tree / "train").rglob("*.*"))
    fewer = paths[::PREPARED]
    square = transforms.Compose([transforms.Resize(SIDE), transforms.CenterCrop(SIDE)])
    dest = tree.with_name("again")
    command = [sys.executable, "-m", "alexcli", "data", "prepare", tree, dest, f"size={SIDE}"]

    def decode() -> None:
        for path in fewer:
            with Image.open(path) as picture:
                np.asarray(square(picture.convert("RGB")))

    whole = partial(subprocess.run, command, check=True, capture_output=True)
    one_core, all_cores = timed(cores * len(fewer), decode), timed(len(paths), whole)

    def nothing() -> tuple[float, float]:
        seconds = all_cores()[1]
        shutil.rmtree(dest)
        return seconds, 1

    rates = race({"one": one_core, "all": all_cores, "start": nothing}, what="preparing")
    pairs = zip(rates["all"], rates["start"], strict=True)
    going = [len(paths) / (len(paths) / rate - start) for rate, start in pairs]
    return [
        compare("data/prepare", "images/s", rates["all"], f"{cores}_cores", rates["one"]),
        compare("data/prepare/going", "images/s", going, f"{cores}_cores", rates["one"]),
        alone("data/prepare/start", "s", rates["start"]),
    ]
