from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alexcli.analysis.subject import Subject
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.subject import subject_of
from alexcli.run.trained import TrainedModel, load
from alexcli.schema import AnalyzeSpec, Source
from tests.data.class_folders import make_class_folders


class Progress(NullReporter):
    """Remembers how far passes came."""

    def __init__(self) -> None:
        self.completed: list[int] = []

    def progress(self, task: str, completed: int, total: int) -> None:
        assert total == 150
        self.completed.append(completed)


@pytest.fixture
def model(run: RunDirectory) -> TrainedModel:
    return load(run, run.last)


def _subject(model: TrainedModel, **settings: object) -> Subject:
    return subject_of(model, AnalyzeSpec(**settings), NullReporter())  # type: ignore[arg-type]


def test_held_out_images_are_spread_evenly_over_the_classes(model: TrainedModel) -> None:
    sample = _subject(model, count=10).read_sample()
    assert sample.labels == model.names
    assert sample.pixels.shape == (10, *sample.pixels.shape[1:])
    assert sample.pixels.dtype == torch.uint8
    assert all(file.startswith("val/") for file in sample.files)
    assert len(_subject(model, count=1000).read_sample().files) == 60


def test_the_images_are_read_once_for_all_analyses_of_a_net(model: TrainedModel) -> None:
    subject = _subject(model, count=2)
    assert subject.read_sample() is subject.read_sample()


def test_images_of_a_folder_are_read_and_labelled_by_its_name(model: TrainedModel) -> None:
    name = model.classes[3]
    folder = Path("mine") / name
    folder.mkdir(parents=True)
    for file in ("a.png", "b.png", "c.png"):
        Image.new("RGB", (90, 60), "red").save(folder / file)
    sample = _subject(model, images="mine", count=2).read_sample()
    assert sample.files == [f"mine/{name}/a.png", f"mine/{name}/c.png"]
    assert sample.labels == [model.names[3]] * 2
    assert sample.pixels[0, 0, 0].tolist() == [255, 0, 0]


def test_images_of_a_folder_are_spread_evenly_over_its_class_folders(model: TrainedModel) -> None:
    make_class_folders(Path("mine"), {"": 4}, model.classes[:3])
    sample = _subject(model, images="mine", count=6).read_sample()
    assert [sample.labels.count(name) for name in model.names[:3]] == [2, 2, 2]
    assert len(set(sample.files)) == 6
    assert len(_subject(model, images="mine", count=100).read_sample().files) == 12


def test_class_folders_have_no_validation_set_of_their_own(model: TrainedModel) -> None:
    make_class_folders(Path("mine"), {"": 4})
    dataset = _subject(model).dataset("mine")
    assert len(dataset.train) == 12
    assert dataset.test is None
    assert not dataset.has_own_val


def test_class_folders_are_read_up_to_the_limit_of_the_nets_data(model: TrainedModel) -> None:
    make_class_folders(Path("mine"), {"": 1}, size=(20, 16))
    images = _subject(model.reading_up_to(319)).dataset("mine").train
    with pytest.raises(UsageError, match="the limit is 319"):
        images.fetch([0])


def test_images_that_are_named_need_no_validation_set_beside_the_training_set(
    run: RunDirectory, tmp_path: Path
) -> None:
    root = make_class_folders(tmp_path / "d", {"train": 2})
    overrides = ["data=folder", f"data.root={root}", "data.size=36", "data.workers=0"]
    model = load(run, run.last, overrides)
    with pytest.raises(UsageError, match="has no split val"):
        _subject(model).training_set()
    assert len(_subject(model, images=str(root / "train")).training_set()) == 6


def test_a_folder_without_images_is_refused(model: TrainedModel) -> None:
    Path("empty").mkdir()
    with pytest.raises(UsageError, match="empty holds no images"):
        _subject(model, images="empty").read_sample()


def test_a_pass_over_the_training_set_yields_every_image_once(model: TrainedModel) -> None:
    reporter = Progress()
    subject = subject_of(model, AnalyzeSpec(), reporter)
    training_set = subject.training_set()
    batches = list(subject.batches(training_set))
    indices = torch.cat([batch.indices for batch in batches])
    assert indices.tolist() == list(range(150))
    first = training_set.fetch([0])
    assert np.array_equal(batches[0].images[:1].cpu().numpy(), first)
    assert reporter.completed[-1] == 150


@pytest.mark.parametrize(
    ("ask", "hint"),
    [
        (lambda subject: subject.read_sample(), "images=FILE or images=DIR"),
        (lambda subject: subject.dataset(None), "images=DIR, with DIR/CLASS/*"),
        (lambda subject: subject.training_set(), "data.root=DIR, with DIR/train/CLASS/*"),
    ],
)
def test_imported_weights_have_no_images_and_the_hint_says_how_to_name_some(
    model: TrainedModel, ask: Callable[[Subject], object], hint: str
) -> None:
    data = replace(model.spec.data, source=Source.folder, root=None)
    imported = replace(model, spec=replace(model.spec, data=data))
    with pytest.raises(UsageError, match="came without images") as refused:
        ask(_subject(imported))
    assert hint in (refused.value.hint or "")


def test_data_may_show_other_classes_than_the_nets(run: RunDirectory, tmp_path: Path) -> None:
    names = ("digit", "n01440764", "rose")
    root = make_class_folders(tmp_path / "d", {"train": 2, "val": 2}, names)
    overrides = ["data=folder", f"data.root={root}", "data.size=36", "data.workers=0"]
    subject = _subject(load(run, run.last, overrides), count=6)
    assert subject.read_sample().labels == ["digit"] * 2 + ["tench"] * 2 + ["rose"] * 2
    assert subject.dataset(None).classes == ["digit", "tench", "rose"]
    assert len(subject.training_set()) == 6


def test_held_out_images_alone_are_enough_except_to_search(
    run: RunDirectory, tmp_path: Path
) -> None:
    root = make_class_folders(tmp_path / "d", {"val": 2})
    overrides = ["data=folder", f"data.root={root}", "data.size=36", "data.workers=0"]
    subject = _subject(load(run, run.last, overrides), count=6)
    assert len(subject.read_sample().files) == 6
    with pytest.raises(UsageError, match="has no training set") as caught:
        subject.training_set()
    assert "data.val=0.2 leaves four fifths to search in" in str(caught.value.hint)


def test_before_training_are_the_weights_that_init_from_copies(
    run: RunDirectory, model: TrainedModel
) -> None:
    continued = replace(model, spec=replace(model.spec, init_from=str(run.last)))
    before = _subject(continued).before_training()
    assert before is not None
    for name, tensor in model.net.state_dict().items():
        assert torch.equal(before.state_dict()[name], tensor), name
    drawn = _subject(model).before_training()
    assert drawn is not None
    initial = _subject(model).initial()
    for name, tensor in initial.state_dict().items():
        assert torch.equal(drawn.state_dict()[name], tensor), name
