import pytest

from alexcli.render.status_line import epoch_columns, fit, step_columns
from tests.render.epoch_rows import STEP, TRAIN, VAL


def test_an_epoch_is_one_line_with_errors_in_percent() -> None:
    assert fit(epoch_columns([TRAIN, VAL], 3)) == (
        "epoch 1/3  train loss 2.000 error 80.00% top-5 30.00%  "
        "val loss 1.500 error 70.00%  lr 0.01  1,234 images/s"
    )


def test_a_step_is_one_line_with_where_training_is() -> None:
    assert fit(step_columns(STEP, 3, 1200)) == (
        "epoch 1/3  step 20/1,200  loss 2.100  error 85.00%  lr 0.01  999 im/s"
    )


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (
            120,
            "epoch 1/3  train loss 2.000 error 80.00% top-5 30.00%  "
            "val loss 1.500 error 70.00%  lr 0.01  1,234 images/s",
        ),
        (80, "epoch 1/3  train loss 2.000 error 80.00%  val loss 1.500 error 70.00%"),
        (60, "epoch 1/3  train loss 2.000 error 80.00%  val error 70.00%"),
        (50, "epoch 1/3  train loss 2.000  val error 70.00%"),
        (40, "epoch 1/3  val error 70.00%"),
    ],
)
def test_the_error_on_the_validation_set_stays_longest(width: int, line: str) -> None:
    assert fit(epoch_columns([TRAIN, VAL], 3), width) == line


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (70, "epoch 1/3  step 20/1,200  loss 2.100  error 85.00%  lr 0.01  999 im/s"),
        (60, "epoch 1/3  step 20/1,200  loss 2.100  error 85.00%  999 im/s"),
        (40, "epoch 1/3  loss 2.100  error 85.00%"),
        (25, "epoch 1/3  loss 2.100"),
        (5, "epoch 1/3"),
    ],
)
def test_the_epoch_and_the_loss_of_a_step_stay_longest(width: int, line: str) -> None:
    assert fit(step_columns(STEP, 3, 1200), width) == line
