from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import AlexNet_Weights, alexnet  # type: ignore[import-untyped]

from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.find import find_checkpoints, newest
from alexcli.run.import_weights import import_weights
from alexcli.run.predict import find_images, predict
from alexcli.run.trained import TrainedModel, load
from alexcli.run.weight_sources import ImportRequest

RUNS = Path("runs")


def _import(weights: Path, classes: Path | None = None) -> RunDirectory:
    request = ImportRequest(weights)
    return import_weights("torchvision", RUNS, NullReporter(), request, classes=classes)


@pytest.fixture(scope="module")
def torchvision_net() -> nn.Module:
    torch.manual_seed(0)
    net: nn.Module = alexnet(weights=None).eval()
    return net


@pytest.fixture
def imported(torchvision_net: nn.Module, tmp_path: Path) -> TrainedModel:
    torch.save(torchvision_net.state_dict(), tmp_path / "w.pth")
    run = _import(tmp_path / "w.pth")
    return load(run, run.last)


def test_torchvisions_net_and_preprocessing_give_equal_logits(
    imported: TrainedModel, torchvision_net: nn.Module
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    x = AlexNet_Weights.IMAGENET1K_V1.transforms()(Image.fromarray(pixels))[None]
    with torch.inference_mode():
        expected = torchvision_net(x)
        preprocessed = imported.preprocess.crop(torch.from_numpy(pixels)[None])
        assert torch.allclose(preprocessed, x, atol=1e-5)
        assert (imported.net(x) - expected).abs().max() < 1e-5
        assert (imported.net(preprocessed) - expected).abs().max() < 1e-5


def test_an_imported_run_predicts_readable_names(imported: TrainedModel, tmp_path: Path) -> None:
    folder = tmp_path / "n01440764"
    folder.mkdir()
    for name in ("a.png", "b.gif"):
        Image.new("RGB", (300, 200), (200, 30, 90)).save(folder / name)
    predictions = predict(imported, find_images([folder]), NullReporter(), ten_crop=True)
    assert [image.label_name for image in predictions] == ["tench", "tench"]
    assert len(predictions[0].predictions) == 5
    assert predictions[0].predictions[0].class_.startswith("n")


def test_an_imported_run_is_the_newest_only_where_imports_count(imported: TrainedModel) -> None:
    assert newest(RUNS, ("train", "import")).path == imported.path.parent
    with pytest.raises(UsageError, match="no finished run"):
        find_checkpoints([], RUNS)


def test_importing_twice_changes_nothing(imported: TrainedModel, tmp_path: Path) -> None:
    before = imported.path.stat().st_mtime_ns
    run = _import(tmp_path / "w.pth")
    assert run.last.stat().st_mtime_ns == before


def test_a_checkpoint_that_holds_the_weights_makes_the_same_run(
    imported: TrainedModel, torchvision_net: nn.Module, tmp_path: Path
) -> None:
    torch.save({"epoch": 90, "state_dict": torchvision_net.state_dict()}, tmp_path / "c.pth")
    assert _import(tmp_path / "c.pth").path == imported.path.parent


def test_weights_of_another_net_are_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(2)}, tmp_path / "x.pth")
    with pytest.raises(UsageError, match=r"lacks features\.0\.bias"):
        _import(tmp_path / "x.pth")


def test_other_numbers_of_classes_need_their_names(tmp_path: Path) -> None:
    torch.save(alexnet(weights=None, num_classes=4).state_dict(), tmp_path / "four.pth")
    with pytest.raises(UsageError, match="4 classes"):
        _import(tmp_path / "four.pth")
    (tmp_path / "names").write_text("a\nb\nc\nd\n")
    run = _import(tmp_path / "four.pth", classes=tmp_path / "names")
    trained = load(run, run.last)
    assert trained.classes == ["a", "b", "c", "d"]
    Image.new("L", (9, 400)).save(tmp_path / "p.tif")
    assert len(predict(trained, [tmp_path / "p.tif"], NullReporter())[0].predictions) == 4
    with pytest.raises(UsageError, match=r"--top 6 asks for more labels than .* classes \(4\)"):
        predict(trained, [tmp_path / "p.tif"], NullReporter(), top=6)


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("\ufeffa\r\nb\r\n", ["a", "b"]),
        ("/a/airfield 0\n/a/alley 1\n", ["/a/airfield", "/a/alley"]),
        ("gate 1\ngate 2\n", ["gate 1", "gate 2"]),
    ],
)
def test_a_list_of_classes_is_read_as_people_have_it(
    tmp_path: Path, text: str, classes: list[str]
) -> None:
    torch.save(alexnet(weights=None, num_classes=2).state_dict(), tmp_path / "two.pth")
    (tmp_path / "names").write_text(text, encoding="utf-8", newline="")
    run = _import(tmp_path / "two.pth", classes=tmp_path / "names")
    assert load(run, run.last).classes == classes


def test_without_a_network_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="could not be downloaded") as caught:
        import_weights("torchvision", RUNS, NullReporter(), ImportRequest(None))
    assert "--weights" in (caught.value.hint or "")
    assert not RUNS.exists()


def test_an_unknown_source_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="there are torchvision") as caught:
        import_weights("torchvison", RUNS, NullReporter(), ImportRequest(None))
    assert caught.value.hint == "did you mean torchvision?"
