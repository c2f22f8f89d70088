"""Words of a command line."""

from hypothesis import example, given
from hypothesis import strategies as st

from alexcli.config.compose import compose
from alexcli.config.overrides import expand
from alexcli.schema import TrainSpec
from tests.fuzz.outcomes import used_or_refused
from tests.fuzz.strategies import overrides


@given(st.lists(overrides, min_size=1, max_size=3))
@example(["optim.batch_size=" + "9" * 5000])
@example(["model.layers.conv1.ops=" + "[" * 500])
@example(["~model"])
@example(["model.layers.conv1={-1:-1}"])
@example(["model.layers.conv1={1.5:2}"])
@example(["model.lrn={true:1}"])
def test_words_are_refused_or_make_trainings(words: list[str]) -> None:
    def composed() -> list[TrainSpec]:
        return [compose(job, TrainSpec) for job in expand(words)[:2]]

    used_or_refused("words of the command line", composed)
