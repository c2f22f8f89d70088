"""From a configuration to data and net."""

from pathlib import Path

import pytest

from alexcli.config.compose import compose
from alexcli.config.files import every_choice
from alexcli.data.prepare import prepare
from alexcli.data.synthetic import CLASSES
from alexcli.errors import UsageError
from alexcli.model.torchvision_models import TorchvisionNet
from alexcli.model.towers import Towers
from alexcli.placement.single import SinglePlacement
from alexcli.reporter import NullReporter
from alexcli.run.build import (
    build_data,
    build_net,
    build_placement,
    check_build,
    check_last_batch,
    check_read,
)
from alexcli.schema import PrepareSpec, TrainSpec
from tests.conftest import small
from tests.data.class_folders import make_class_folders


def _folder(tmp_path: Path) -> Path:
    return make_class_folders(tmp_path / "images", {"train": 6, "val": 3})


def test_the_number_of_classes_comes_from_the_data(tmp_path: Path) -> None:
    spec = small("data=folder", "data.size=36", f"data.root={_folder(tmp_path)}")
    fitted, dataset = build_data(spec, NullReporter())
    assert fitted.model.classes == len(dataset.classes) == 3


def test_a_contradiction_between_typed_classes_and_data_is_refused(tmp_path: Path) -> None:
    overrides = ["model.classes=7"]
    spec = small("data=folder", "data.size=36", f"data.root={_folder(tmp_path)}", *overrides)
    with pytest.raises(UsageError, match=r"model\.classes=7, but the data has 3"):
        build_data(spec, NullReporter(), overrides=overrides)


def test_a_store_decides_the_size_of_its_images(tmp_path: Path) -> None:
    store = tmp_path / "store"
    prepare(str(_folder(tmp_path)), str(store), PrepareSpec(size=40), NullReporter())
    spec = small("data=store", f"data.root={store}", "data.size=48")
    assert build_data(spec, NullReporter())[0].data.size == 40
    with pytest.raises(UsageError, match=r"data\.size=48, but the store .* images of 40 pixels"):
        build_data(spec, NullReporter(), overrides=["data.size=48"])


class Warnings(NullReporter):
    """Keeps what should not be missed."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def warn(self, text: str) -> None:
        self.texts.append(text)


def test_crops_that_show_little_of_an_image_are_warned_of(tmp_path: Path) -> None:
    reporter = Warnings()
    root = _folder(tmp_path)
    for size in (36, 256):
        build_data(small("data=folder", f"data.size={size}", f"data.root={root}"), reporter)
    (text,) = reporter.texts
    assert text == (
        "data: crops of 32 pixels show 1.6% of images stored at data.size=256; "
        "data.size=36 shows as much as the paper's"
    )


def test_the_root_of_the_data_is_kept_as_an_absolute_path(tmp_path: Path) -> None:
    _folder(tmp_path)
    spec = small("data=folder", "data.size=36", "data.root=images")
    assert build_data(spec, NullReporter())[0].data.root == str(tmp_path / "images")


def test_the_net_is_of_towers_or_of_torchvision() -> None:
    assert isinstance(build_net(small()), Towers)
    assert isinstance(build_net(small("model=resnet18", "data.size=256")), TorchvisionNet)


def test_one_process_has_all_towers_on_one_device() -> None:
    placement = build_placement(small("trainer.accelerator=cpu"))
    assert isinstance(placement, SinglePlacement)
    assert placement.local_towers == [0, 1]


def test_a_parameter_without_a_group_is_found_without_memory_for_weights() -> None:
    with pytest.raises(UsageError, match="no group"):
        check_build(small("optim.groups.weights=null"))


def test_more_loader_processes_than_the_machine_can_use_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    build_data(small("data.workers=32"), NullReporter())
    with pytest.raises(UsageError, match=r"data\.workers=5,000 .* at most 32 here") as error:
        build_data(small("data.workers=5000"), NullReporter())
    assert error.value.hint == "data.workers=4"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.resize=warp"], "data.resize=warp has no effect with data=synthetic"),
        (["data.on_error=skip"], "data.on_error=skip has no effect with data=synthetic"),
        (["data=folder", "data.seed=1"], "data.seed=1 has no effect with data=folder"),
        (["data=cifar10", "data.train_count=20"], "data.train_count=20 has no effect with data="),
        (["data=cifar10", "data.scene.noise=5"], "data.scene.noise=5.0 has no effect with data="),
        (["data.split_seed=1"], "data.split_seed=1 has no effect with data.val=folder"),
    ],
)
def test_a_key_without_an_effect_on_the_images_makes_no_new_run(
    overrides: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        build_data(compose(overrides, TrainSpec), NullReporter())
    assert (caught.value.hint or "").startswith("leave data.")


def test_every_choice_sets_only_keys_of_data_that_have_an_effect() -> None:
    for choice in every_choice():
        check_read(compose(["experiment=null", choice], TrainSpec).data)
    check_read(compose(["data=folder", "data.val=0.1", "data.split_seed=1"], TrainSpec).data)


def test_a_net_is_evaluated_whatever_its_run_has_recorded() -> None:
    spec = compose(["data.resize=warp", "data.train_count=20"], TrainSpec)
    _, dataset = build_data(spec, NullReporter(), net_classes=CLASSES)
    assert len(dataset.train) == 20


BATCH_NORM_OF_UNITS = ("model.norm=batch", "model.layers.fc6.ops=[norm,act]")


@pytest.mark.parametrize(
    ("overrides", "images", "hint"),
    [
        (BATCH_NORM_OF_UNITS, 101, "optim.batch_size=49"),
        ((*BATCH_NORM_OF_UNITS, "optim.batch_size=1"), 7, "optim.batch_size=4"),
        (BATCH_NORM_OF_UNITS, 1, "take more training images"),
        (("model=resnet18", "model.input.size=32", "data.size=36"), 101, "optim.batch_size=49"),
    ],
)
def test_a_batch_of_one_image_is_refused_where_batch_norm_would_read_one_value(
    overrides: tuple[str, ...], images: int, hint: str
) -> None:
    with pytest.raises(UsageError, match=r"leave 1 of .* training image") as error:
        check_last_batch(small(*overrides), images)
    assert error.value.hint == hint


@pytest.mark.parametrize(
    ("overrides", "images"),
    [
        (BATCH_NORM_OF_UNITS, 100),
        (BATCH_NORM_OF_UNITS, 102),
        (("model.norm=batch",), 101),
        (("model.layers.fc6.ops=[norm,act]",), 101),
        (("model=resnet18", "model.input.size=64", "data.size=72"), 101),
        (("model=vgg16", "model.input.size=32", "data.size=36"), 101),
    ],
)
def test_other_last_batches_are_taken(overrides: tuple[str, ...], images: int) -> None:
    check_last_batch(small(*overrides), images)
