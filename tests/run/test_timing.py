"""How long an epoch takes."""

from alexcli.run.timing import seconds_per_epoch
from tests.conftest import small


def test_an_epoch_takes_some_time_and_leaves_no_run() -> None:
    assert 0 < seconds_per_epoch(small("optim.batch_size=10", "placement=ddp")) < 60
