"""Our step beside other nets'."""

import itertools
from dataclasses import replace

import pytest
from torch import Tensor

from alexcli.bench import step
from alexcli.bench.baselines import BASELINES, Setting
from alexcli.bench.harness import Arm
from alexcli.config.compose import compose
from alexcli.reporter import NullReporter
from alexcli.run import resolve
from alexcli.schema import Precision, TrainSpec
from tests.bench.notes import NoteList


class FakeWork:
    """A net that does two images a second."""

    def arm(self, labels: Tensor, *, train: bool) -> Arm:
        """One image in half a second."""
        return lambda: (1, 0.5)


class Course(NoteList):
    """What happens in the course of the benchmark: notes, and baselines that are built."""

    def build(self, name: str, setting: Setting, _: Tensor) -> FakeWork:
        """Remember that a baseline is built."""
        self.notes.append(f"{name} {setting.name}")
        return FakeWork()


@pytest.fixture
def spec() -> TrainSpec:
    return compose(["data=folder", "model=alexnet", "model.width=0.1"], TrainSpec)


@pytest.fixture(autouse=True)
def course(monkeypatch: pytest.MonkeyPatch) -> Course:
    """A benchmark whose nets cost nothing, on a processor without bfloat16."""
    course = Course()
    monkeypatch.setattr(step, "our_work", lambda *_: FakeWork())
    monkeypatch.setattr(step, "baseline_work", course.build)
    monkeypatch.setattr(step, "_peak", lambda _: 1.0)
    monkeypatch.setattr(resolve, "_cpu_has_bf16", lambda: False)
    return course


def test_step_names_every_baseline(spec: TrainSpec) -> None:
    results = step.run(spec, 1, 1, NullReporter(), extrapolate=True)
    baselines = {"port", "grouped", "no_lrn", "torchvision", "torchvision_eager"}
    for kind in ("step/train", "step/infer"):
        assert {result.against for result in results if result.name == kind} == baselines
    values = {result.name: result.value for result in results}
    # 90 passes over 1,281,167 images at two a second.
    assert values["ilsvrc2012/90_epochs"] == pytest.approx(90 * 1_281_167 / 2 / 86400)
    assert values["step/train/float32"] == pytest.approx(values["step/train/speed"])


def test_a_figure_is_shown_before_the_next_baseline_is_built(
    spec: TrainSpec, course: Course
) -> None:
    step.run(spec, 1, 1, course, extrapolate=False)
    assert course.notes[0].startswith("peak/float32: 1 TFLOP/s")
    training = course.notes[: course.notes.index("step/train/norm: 0 of the step")]
    for baseline, next_baseline in itertools.pairwise(BASELINES):
        shown = training.index(f"step/train: 2 images/s, 1.00 times {baseline} (1.00 to 1.00)")
        assert f"{baseline} eager" in training[:shown]
        assert f"{next_baseline} eager" not in training[:shown]


def test_a_baseline_is_measured_in_the_setting_that_is_fastest(
    spec: TrainSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = {Setting.eager: 1.0, Setting.channels_last: 4.0, Setting.compiled: 8.0}

    class Work(FakeWork):
        def __init__(self, speed: float) -> None:
            self.speed = speed

        def arm(self, labels: Tensor, *, train: bool) -> Arm:
            return lambda: (self.speed, 1.0)

    monkeypatch.setattr(step, "baseline_work", lambda _, setting, __: Work(speeds[setting]))

    def ratios(*, quick: bool) -> dict[str | None, float | None]:
        results = step.run(spec, 1, 1, NullReporter(), extrapolate=False, quick=quick)
        return {row.against: row.ratio_median for row in results if row.name == "step/train"}

    eager_ratio = 2.0
    expected = dict.fromkeys(("no_lrn", "port", "grouped"), eager_ratio / 4)
    expected["torchvision_eager"] = eager_ratio
    assert ratios(quick=False) == {**expected, "torchvision": eager_ratio / 8}
    assert ratios(quick=True) == {**expected, "torchvision": eager_ratio / 4}


def test_only_torchvisions_net_is_compiled_and_none_when_it_is_to_be_quick(
    spec: TrainSpec, course: Course
) -> None:
    step.run(spec, 1, 1, course, extrapolate=False)
    compiled = [event for event in course.notes if event.endswith(" compiled")]
    assert compiled == ["torchvision compiled"] * 2  # training and inference
    course.notes.clear()
    step.run(spec, 1, 1, course, extrapolate=False, quick=True)
    assert not any("compil" in event for event in course.notes)


def test_without_a_compiler_the_benchmark_goes_on(
    spec: TrainSpec, course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "compile_now", lambda _: False)
    results = step.run(spec, 1, 1, course, extrapolate=False)
    assert "train: no compiled baseline, as there is no C++ compiler" in course.notes
    assert "torchvision" in {result.against for result in results}


@pytest.mark.parametrize("precision", Precision)
def test_a_peak_that_is_emulated_is_no_figure(spec: TrainSpec, precision: Precision) -> None:
    spec = replace(spec, trainer=replace(spec.trainer, precision=precision))
    results = step.run(spec, 1, 1, NullReporter(), extrapolate=False)
    assert not any("bf16" in result.name for result in results)


def test_a_peak_of_the_processors_own_bfloat16_is_a_figure(
    spec: TrainSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolve, "_cpu_has_bf16", lambda: True)
    names = {result.name for result in step.run(spec, 1, 1, NullReporter(), extrapolate=False)}
    assert {"peak/bf16", "step/train/bf16", "step/infer/bf16"} <= names


def test_a_quick_run_says_what_it_leaves_out() -> None:
    assert "batches of 8 (full size: 64), 1 of 3 rounds" in step.quick_note(8, 1)
