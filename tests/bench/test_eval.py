"""Ten crops beside the centre crop."""

from alexcli.bench.eval import run
from alexcli.config.compose import compose
from alexcli.reporter import NullReporter
from alexcli.schema import TrainSpec


def test_views_under_ten_crops_are_compared_with_the_centres() -> None:
    spec = compose(["experiment=quickstart", "model.width=0.25"], TrainSpec)
    (result,) = run(spec, 2, 1, NullReporter())
    assert (result.name, result.against) == ("eval/ten", "center")
