import json
from pathlib import Path

import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import save_file

from alexcli.config.compose import compose
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.export import export
from alexcli.run.exported_net import export_metadata, read_exported, without_places
from alexcli.run.import_weights import import_weights
from alexcli.run.trained import TrainedModel, load
from alexcli.run.weight_sources import ImportRequest
from alexcli.schema import TrainSpec
from alexcli.weights.pixels import Pixels

FILE = Path("net.safetensors")


@pytest.fixture
def trained(run: RunDirectory) -> TrainedModel:
    """The net of the finished run, which lies in FILE, too."""
    trained = load(run, run.last, ["trainer.accelerator=cpu"])
    export(trained, "safetensors", FILE)
    return trained


def _import(*overrides: str, **options: object) -> TrainedModel:
    request = ImportRequest(FILE, overrides=overrides, **options)  # type: ignore[arg-type]
    run = import_weights("weights", Path("runs"), NullReporter(), request)
    return load(run, run.last, ["trainer.accelerator=cpu"])


def _change_metadata(**changes: str) -> None:
    with safe_open(FILE, "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = {**file.metadata(), **changes}
    save_file(state, FILE, metadata=metadata)


def test_an_imported_export_is_the_same_net_with_the_same_pixels_and_classes(
    trained: TrainedModel,
) -> None:
    imported = _import("data.workers=0", "label=copy")
    assert imported.path.parent.parent == Path("runs/copy")
    assert imported.spec.data.workers == 0
    assert imported.classes == trained.classes
    size = trained.spec.data.size
    stored = torch.randint(0, 256, (3, size, size, 3), dtype=torch.uint8)
    with torch.inference_mode():
        x = trained.preprocess.crop(stored)
        assert torch.equal(imported.preprocess.crop(stored), x)
        assert torch.equal(imported.net(x), trained.net(x))
    assert torch.equal(imported.preprocess.components, trained.preprocess.components)


@pytest.mark.usefixtures("trained")
def test_an_export_cannot_be_another_net_and_says_which_pixels_it_reads() -> None:
    with pytest.raises(UsageError, match="would change a net that is already trained"):
        _import("model.lrn.k=1")
    with pytest.raises(UsageError, match="says which pixels its net reads"):
        _import(pixels=Pixels.caffe)
    with pytest.raises(UsageError, match="says which pixels its net reads"):
        _import(mean="1,2,3")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": "["}, "metadata of net.safetensors is damaged"),
        ({"classes": '{"a": 1}'}, "its classes are not a list of names"),
        ({"classes": json.dumps(["a"] * 10)}, "a class occurs twice"),
        ({"classes": '["a", "b"]'}, "the weights are of 10 classes, but net.safetensors has 2"),
        ({"config": "!!python/object/apply:os.system [touch executed]"}, "damaged"),
        ({"config": "[]"}, "is not a configuration"),
        ({"config": "{model: {name: '${oc.env:HOME}', nothing: 1}}"}, "interpolation"),
    ],
)
@pytest.mark.usefixtures("trained")
def test_changed_metadata_is_refused_and_nothing_in_it_is_executed(
    changes: dict[str, str], message: str
) -> None:
    _change_metadata(**changes)
    with pytest.raises(UsageError, match=message):
        _import()
    assert not Path("runs/weights").exists()
    assert not Path("executed").exists()


@pytest.mark.usefixtures("trained")
def test_another_net_in_the_metadata_is_named_layer_by_layer() -> None:
    with safe_open(FILE, "pt") as file:
        config = yaml.safe_load(file.metadata()["config"])
    config["model"]["layers"]["conv1"]["filters"] += 8
    _change_metadata(config=yaml.safe_dump(config))
    with pytest.raises(UsageError, match=r"conv1\.weight is \[.*\] in the file and \["):
        _import()


def test_a_file_of_another_program_is_not_an_export() -> None:
    save_file({"features.0.weight": torch.zeros(1)}, FILE)
    assert read_exported(FILE) is None
    save_file({"features.0.weight": torch.zeros(1)}, FILE, metadata={"format": "pt"})
    assert read_exported(FILE) is None


def test_a_shared_configuration_tells_no_places_of_who_trained_the_net() -> None:
    private = [
        "runs=/home/alice/runs",
        "data=folder",
        "data.root=/home/alice/photos",
        "data.val_labels=/home/alice/labels.txt",
        "init_from=/home/alice/runs/base/s0-1/best.ckpt",
        "logger=wandb",
        "logger.entity=alice",
        "logger.uri=http://alice",
        "launcher.folder=/home/alice/jobs",
        "launcher.partition=alice",
    ]
    spec = compose(private, TrainSpec)
    shared = yaml.safe_load(export_metadata(spec, [], [])["config"])
    assert "alice" not in str(shared)
    assert shared["init_from"] == "base/s0-1/best.ckpt"
    assert without_places(compose(["init_from=/a/b/s0-1"], TrainSpec)).init_from == "b/s0-1"
    assert without_places(compose([], TrainSpec)) == compose([], TrainSpec)
    assert spec.data.root == "/home/alice/photos"
