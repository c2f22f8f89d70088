from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import AlexNet_Weights, alexnet  # type: ignore[import-untyped]

from alexcli.errors import UsageError
from alexcli.results import Silent
from alexcli.run.evaluate import find_pictures, predict
from alexcli.run.exchange import import_torchvision
from alexcli.run.rundir import newest
from alexcli.run.trained import Trained, choose, load


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    torch.manual_seed(0)
    net: nn.Module = alexnet(weights=None).eval()
    return net


@pytest.fixture
def ours(theirs: nn.Module, tmp_path: Path) -> Trained:
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    run = import_torchvision(Path("runs"), Silent(), weights=tmp_path / "w.pth")
    return load(run, run.last)


def test_torchvisions_net_and_preprocessing_give_equal_logits(
    ours: Trained, theirs: nn.Module
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    x = AlexNet_Weights.IMAGENET1K_V1.transforms()(picture)[None]
    with torch.inference_mode():
        expected = theirs(x)
        seen = ours.preprocess.view(torch.from_numpy(pixels)[None])
        assert torch.allclose(seen, x, atol=1e-5)
        assert (ours.net(x) - expected).abs().max() < 1e-5
        assert (ours.net(seen) - expected).abs().max() < 1e-5


def test_an_imported_run_predicts_in_human_words(ours: Trained, tmp_path: Path) -> None:
    folder = tmp_path / "n01440764"
    folder.mkdir()
    for name in ("a.png", "b.gif"):
        Image.new("RGB", (300, 200), (200, 30, 90)).save(folder / name)
    found = predict(ours, find_pictures([folder]), Silent(), ten_crop=True)
    assert [one.label_name for one in found] == ["tench", "tench"]
    assert len(found[0].guesses) == 5
    assert found[0].guesses[0].class_.startswith("n")
    assert newest(Path("runs"), ("train", "import")).path == ours.path.parent
    with pytest.raises(UsageError, match="no finished run"):
        choose([], Path("runs"))


def test_importing_twice_changes_nothing(ours: Trained, tmp_path: Path) -> None:
    before = ours.path.stat().st_mtime_ns
    run = import_torchvision(Path("runs"), Silent(), weights=tmp_path / "w.pth")
    assert run.last.stat().st_mtime_ns == before


def test_other_weights_and_other_numbers_of_classes_are_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(2)}, tmp_path / "x.pth")
    with pytest.raises(UsageError, match=r"lacks features\.0\.bias"):
        import_torchvision(Path("runs"), Silent(), weights=tmp_path / "x.pth")
    torch.save(alexnet(weights=None, num_classes=4).state_dict(), tmp_path / "four.pth")
    with pytest.raises(UsageError, match="4 classes"):
        import_torchvision(Path("runs"), Silent(), weights=tmp_path / "four.pth")
    (tmp_path / "names").write_text("a\nb\nc\nd\n")
    run = import_torchvision(
        Path("runs"), Silent(), weights=tmp_path / "four.pth", classes=tmp_path / "names"
    )
    trained = load(run, run.last)
    Image.new("L", (9, 400)).save(tmp_path / "p.tif")
    assert len(predict(trained, [tmp_path / "p.tif"], Silent())[0].guesses) == 4
    with pytest.raises(UsageError, match=r"--top 6 asks for more labels than .* classes \(4\)"):
        predict(trained, [tmp_path / "p.tif"], Silent(), top=6)


def test_without_a_network_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="could not be downloaded") as caught:
        import_torchvision(Path("runs"), Silent())
    assert "--weights" in (caught.value.hint or "")
    assert not Path("runs").exists()
