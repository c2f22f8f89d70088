"""Downloads, whole, from a server on this machine: torchvision's own code fetches and unpacks."""

import hashlib
import io
import pickle
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10, Imagenette
from torchvision.models import AlexNet_Weights, alexnet

from alexcli.data import sources
from alexcli.data.prepare import write_store
from alexcli.data.sources import open_dataset, open_source
from alexcli.data.store import open_store
from alexcli.errors import UsageError
from alexcli.model import convert
from alexcli.results import Silent
from alexcli.schema import DataSpec, PrepareSpec, Source

pytestmark = pytest.mark.filterwarnings(
    "ignore:Python 3.14 will, by default, filter:DeprecationWarning"
)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@dataclass
class Site:
    """What a server offers, and where."""

    folder: Path
    url: str

    def add(self, name: str, content: bytes) -> tuple[str, str]:
        """Offer a file; its address and md5."""
        (self.folder / name).write_bytes(content)
        return f"{self.url}/{name}", hashlib.md5(content).hexdigest()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Site(folder, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def cifar10(site: Site, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """CIFAR-10 as its server sends it, 4 pictures a batch; those of the training set."""
    rng, batches = np.random.default_rng(0), {}
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        rows = rng.integers(0, 256, (4, 3 * 32 * 32), dtype=np.uint8)  # maps first
        batches[name] = {"data": rows, "labels": [0, 3, 9, 1]}
    files = {name: pickle.dumps(batch) for name, batch in batches.items()}
    names = [
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ]
    files["batches.meta"] = pickle.dumps({"label_names": names})
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    inner = {f"cifar-10-batches-py/{name}": content for name, content in files.items()}
    url, whole = site.add("cifar-10-python.tar.gz", packed(inner))
    monkeypatch.setattr(CIFAR10, "url", url)
    monkeypatch.setattr(CIFAR10, "tgz_md5", whole)
    monkeypatch.setattr(CIFAR10, "train_list", [[n, md5[n]] for n in files if n[:4] == "data"])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5["batches.meta"]})
    maps = np.concatenate([batches[f"data_batch_{i}"]["data"] for i in range(1, 6)])
    pixels: np.ndarray = maps.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return pixels


def test_cifar10_is_downloaded_and_prepared(
    cifar10: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALEXCLI_CACHE", str(tmp_path / "cache"))
    spec = PrepareSpec(size=32, processes=2, download=True)
    write_store(open_source("cifar10", spec), tmp_path / "store", spec, Silent())
    store = open_store(str(tmp_path / "store"))
    assert (len(store.train), len(store.val)) == (20, 4)
    order = [int(name) for name in store.train.names()]
    assert np.array_equal(store.train.fetch(range(20)), cifar10[order])
    assert store.train.labels.tolist() == [[0, 3, 9, 1][number % 4] for number in order]
    assert open_source("cifar10", PrepareSpec(size=32)).classes[3] == "cat"  # it is there now


def test_a_download_with_another_checksum_is_refused(
    cifar10: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(cifar10) == 20
    monkeypatch.setattr(CIFAR10, "tgz_md5", "0" * 32)
    spec = DataSpec(Source.cifar10, str(tmp_path / "root"), size=32, download=True)
    with pytest.raises(UsageError, match="could not be read from or downloaded"):
        open_dataset(spec)


def test_imagenette_is_downloaded_and_unpacked(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(picture, "JPEG")
    places = [f"{s}/{c}/{i}.JPEG" for s in ("train", "val") for c in ("n1", "n2") for i in "ab"]
    found = packed({f"{sources.IMAGENETTE}/{place}": picture.getvalue() for place in places})
    offered = site.add(f"{sources.IMAGENETTE}.tgz", found)
    monkeypatch.setattr(Imagenette, "_ARCHIVES", {"full": offered})
    monkeypatch.setattr(Imagenette, "_WNID_TO_CLASS", {"n1": ("tench",), "n2": ("church",)})
    spec = DataSpec(Source.imagenette, str(tmp_path / "root"), size=24, download=True)
    half = tmp_path / "root" / sources.UNPACKING / sources.IMAGENETTE / "train" / "n1"
    half.mkdir(parents=True)  # which an interrupted attempt left
    opened = open_dataset(spec)
    assert not half.exists()
    assert opened.classes == ["n1", "n2"]
    assert (len(opened.train), len(opened.val)) == (4, 4)
    (site.folder / f"{sources.IMAGENETTE}.tgz").unlink()
    assert open_dataset(spec).fingerprint == opened.fingerprint  # nothing is fetched again


def test_published_weights_are_downloaded_and_their_checksum_holds(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    out = io.BytesIO()
    torch.save({name: t[:1, :1] for name, t in alexnet().state_dict().items() if t.dim() > 1}, out)
    sha = hashlib.sha256(out.getvalue()).hexdigest()
    for name, said in ((f"net-{sha[:8]}.pth", None), ("net-00000000.pth", "invalid hash value")):
        url, _ = site.add(name, out.getvalue())
        monkeypatch.setattr(AlexNet_Weights.IMAGENET1K_V1.value, "url", url)
        if said is None:
            assert "features.0.weight" in convert.download_torchvision()
            continue
        with pytest.raises(UsageError, match=said):
            convert.download_torchvision()
    monkeypatch.setattr(AlexNet_Weights.IMAGENET1K_V1.value, "url", f"{site.url}/gone.pth")
    with pytest.raises(UsageError, match="HTTP Error 404: File not found"):
        convert.download_torchvision()
