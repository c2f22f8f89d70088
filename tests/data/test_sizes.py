"""The size of stored images."""

from alexcli.data.sizes import fitting_size


def test_images_are_as_much_larger_than_crops_as_in_the_paper() -> None:
    assert [fitting_size(side) for side in (227, 32)] == [256, 36]
