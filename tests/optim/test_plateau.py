"""Dividing by 10 when the validation error stops improving."""

import pytest

from alexcli.optim.plateau import DivideOnPlateau
from alexcli.schema import PlateauSpec
from tests.optim.test_paper_sgd import through_a_checkpoint

ERRORS = [0.9, 0.8, 0.8, 0.81, 0.7, 0.695, 0.72, 0.75, 0.5, 0.5, 0.6, 0.5, 0.55, 0.4, float("nan")]


def test_divides_after_patience_epochs_then_finishes_after_the_last_division() -> None:
    plateau = DivideOnPlateau(PlateauSpec(times=2, patience=2, min_delta=0.01))
    drops = []
    finished = []
    for error in ERRORS:
        plateau.update(error)
        drops.append(plateau.drops)
        finished.append(plateau.finished)
    assert drops == [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    assert finished == [False] * 10 + [True] * 5


def test_the_best_error_outlives_a_division() -> None:
    plateau = DivideOnPlateau(PlateauSpec(times=3, patience=1))
    for error in (0.5, 0.6, 0.55, 0.51, 0.505):
        plateau.update(error)
    assert plateau.finished


def test_the_divisor_is_the_product_of_all_divisions() -> None:
    plateau = DivideOnPlateau(PlateauSpec(factor=5.0, patience=1))
    divisors = [plateau.divisor]
    for _ in range(3):
        plateau.update(1.0)
        divisors.append(plateau.divisor)
    assert divisors == [1.0, 1.0, 5.0, 25.0]  # the first error is the best one


@pytest.mark.parametrize("stop", range(len(ERRORS) + 1))
def test_resumed_after_any_epoch_it_has_the_same_future(stop: int) -> None:
    spec = PlateauSpec(times=2, patience=2, min_delta=0.01)
    uninterrupted = DivideOnPlateau(spec)
    resumed = DivideOnPlateau(spec)
    for error in ERRORS[:stop]:
        uninterrupted.update(error)
    resumed.load_state_dict(through_a_checkpoint(uninterrupted.state_dict()))
    for error in ERRORS[stop:]:
        assert resumed.state_dict() == uninterrupted.state_dict()
        uninterrupted.update(error)
        resumed.update(error)
    assert (resumed.drops, resumed.finished) == (uninterrupted.drops, uninterrupted.finished)


def test_a_state_that_lacks_a_part_is_refused_and_changes_nothing() -> None:
    plateau = DivideOnPlateau(PlateauSpec())
    state = {**plateau.state_dict(), "drops": 2}
    del state["waited"]
    with pytest.raises(KeyError, match="waited"):
        plateau.load_state_dict(state)
    assert plateau.drops == 0
