"""Published weights are downloaded by torchvision's own code, from a server on this machine."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torchvision.models import AlexNet_Weights, alexnet

from alexcli.errors import UsageError
from alexcli.model import torchvision_weights
from tests.local_site import Site, serve


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with serve(tmp_path / "site") as site:
        yield site


@pytest.fixture(scope="module")
def weights() -> bytes:
    """A file with a corner of each of AlexNet's weights."""
    state = {name: w[:1, :1] for name, w in alexnet().state_dict().items() if w.dim() > 1}
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def _publish(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(AlexNet_Weights.IMAGENET1K_V1.value, "url", url)


def test_weights_whose_checksum_holds_are_downloaded(
    site: Site, weights: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    checksum = hashlib.sha256(weights).hexdigest()
    url, _ = site.add(f"net-{checksum[:8]}.pth", weights)
    _publish(monkeypatch, url)
    assert "features.0.weight" in torchvision_weights.download_torchvision()


def test_weights_with_another_checksum_are_refused(
    site: Site, weights: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = site.add("net-00000000.pth", weights)
    _publish(monkeypatch, url)
    with pytest.raises(UsageError, match="invalid hash value"):
        torchvision_weights.download_torchvision()


def test_weights_that_are_gone_are_reported(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _publish(monkeypatch, f"{site.url}/gone.pth")
    with pytest.raises(UsageError, match="HTTP Error 404: File not found"):
        torchvision_weights.download_torchvision()
