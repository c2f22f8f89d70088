"""The size of stored images."""

from alexcli.data.sizes import fitting_crop, fitting_size, small_net


def test_images_are_as_much_larger_than_crops_as_in_the_paper() -> None:
    assert [fitting_size(side) for side in (227, 32)] == [256, 36]


def test_a_crop_is_smaller_than_the_image_by_the_papers_ratio() -> None:
    assert [fitting_crop(size) for size in (256, 36)] == [227, 32]
    assert fitting_crop(1) == 1


def test_images_of_cifar_have_a_net_for_smaller_crops() -> None:
    assert small_net(36) == ["model=tiny", "model.input.size=32"]
    assert small_net(32) == ["model=tiny_cifar", "model.input.size=28"]
