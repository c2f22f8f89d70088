"""Small archives of CIFAR-10 and CIFAR-100 in the format of the real ones."""

import hashlib
import pickle
from typing import Any

import numpy as np
import pytest

from tests.local_site import Site, pack

Batch = dict[str, Any]


def random_batch(rng: np.random.Generator, label_key: str, labels: list[int]) -> Batch:
    """A batch of random images: rows of 3 x 32 x 32 bytes, channels first."""
    rows = rng.integers(0, 256, (len(labels), 3 * 32 * 32), dtype=np.uint8)
    return {"data": rows, label_key: labels}


def batch_pixels(batches: list[Batch]) -> np.ndarray:
    """The images of batches, (N, 32, 32, 3)."""
    rows = np.concatenate([batch["data"] for batch in batches])
    return rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def offer_archive(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    cifar_class: Any,
    batches: dict[str, Batch],
    class_names: list[str],
) -> None:
    """Let torchvision download an archive of these batches from a local server.

    Args:
        site: the server.
        monkeypatch: sets the address and the md5 of the archive and of the files in it.
        cifar_class: torchvision's CIFAR10 or CIFAR100.
        batches: the files of the training and of the test set.
        class_names: names of the classes.
    """
    meta = cifar_class.meta
    files = {name: pickle.dumps(batch) for name, batch in batches.items()}
    files[meta["filename"]] = pickle.dumps({meta["key"]: class_names})
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    members = {f"{cifar_class.base_folder}/{name}": content for name, content in files.items()}
    url, archive_md5 = site.add(cifar_class.filename, pack(members))
    monkeypatch.setattr(cifar_class, "url", url)
    monkeypatch.setattr(cifar_class, "tgz_md5", archive_md5)
    for attribute in ("train_list", "test_list"):
        names = [name for name, _ in getattr(cifar_class, attribute)]
        monkeypatch.setattr(cifar_class, attribute, [[name, md5[name]] for name in names])
    monkeypatch.setattr(cifar_class, "meta", meta | {"md5": md5[meta["filename"]]})
