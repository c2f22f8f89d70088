"""Our step beside other nets'."""

import pytest
from torch import Tensor

from alexcli.bench import step
from alexcli.bench.harness import Arm
from alexcli.config.compose import compose
from alexcli.reporter import NullReporter
from alexcli.schema import TrainSpec


class FakeWork:
    """A net that does two images a second."""

    def arm(self, labels: Tensor, *, train: bool) -> Arm:
        """One image in half a second."""
        return lambda: (1, 0.5)


def test_step_names_every_rival(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = compose(["data=folder", "model=alexnet", "model.width=0.1"], TrainSpec)
    monkeypatch.setattr(step, "our_work", lambda *_: FakeWork())
    monkeypatch.setattr(step, "rival_work", lambda *_: FakeWork())
    monkeypatch.setattr(step, "_peak", lambda _: 1.0)
    results = step.run(spec, 1, 1, NullReporter(), extrapolate=True)
    rivals = {"port", "grouped", "no_lrn", "torchvision", "torchvision_eager"}
    for kind in ("step/train", "step/infer"):
        assert {result.against for result in results if result.name == kind} == rivals
    values = {result.name: result.value for result in results}
    # 90 passes over 1,281,167 images at two a second.
    assert values["ilsvrc2012/90_epochs"] == pytest.approx(90 * 1_281_167 / 2 / 86400)
    assert values["step/train/float32"] == pytest.approx(values["step/train/speed"])
