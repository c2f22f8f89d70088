"""How long an epoch takes."""

from alexcli.run.timing import seconds_per_epoch, train_for
from tests.conftest import small


def test_an_epoch_takes_some_time_and_leaves_no_run() -> None:
    assert 0 < seconds_per_epoch(small("optim.batch_size=10", "placement=ddp")) < 60


def test_an_epoch_of_one_update_takes_as_long_as_that_update() -> None:
    assert 0 < seconds_per_epoch(small("optim.batch_size=150")) < 60


def test_a_training_ends_with_its_time_or_with_its_epoch() -> None:
    spec = small("optim.batch_size=10")
    count, seconds, loss = train_for(1000, spec)
    assert count == 14, "150 images, of which the first update is not counted"
    assert seconds > 0
    assert 0 < loss < 10
    assert train_for(0, spec)[0] <= 1
