import pytest

from alexcli.config.compose import compose
from alexcli.run.build import check_build
from alexcli.run.fitting_net import fitting_net
from alexcli.schema import TrainSpec


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (256, []),
        (227, []),
        (128, ["model.input.size=113"]),
        (64, ["model=tiny", "model.input.size=57"]),
        (32, ["model=tiny_cifar", "model.input.size=28"]),
    ],
)
def test_the_net_that_is_named_reads_images_of_the_size(size: int, expected: list[str]) -> None:
    overrides = fitting_net(size)
    assert overrides == expected
    check_build(compose(["data=store", f"data.size={size}", *expected], TrainSpec))


def test_no_net_is_named_for_images_that_are_too_small() -> None:
    assert fitting_net(9) is None
