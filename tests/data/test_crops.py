import numpy as np
import pytest
import torch
from torchvision.transforms.v2.functional import resized_crop

from alexcli.data.crops import (
    CropBoxes,
    Normalization,
    center_crop,
    crop_images_one_by_one,
    crop_images_together,
    random_resized_boxes,
    resized_crops,
)

UNCHANGED = Normalization(None, mean_follows=False)


def random_images(count: int) -> torch.Tensor:
    pixels = np.random.default_rng(1).integers(0, 256, (count, 12, 12, 3), dtype=np.uint8)
    return torch.from_numpy(pixels)


@pytest.mark.parametrize("mean_follows", [True, False])
@pytest.mark.parametrize("noisy", [True, False])
def test_cropping_one_by_one_equals_cropping_together(mean_follows: bool, noisy: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    images = random_images(40)
    top, left = (torch.randint(0, 5, (40,), generator=generator) for _ in range(2))
    boxes = CropBoxes(top, left, torch.rand(40, generator=generator) < 0.5)
    mean = images.float().mean(0)
    shift = torch.randn(40, 3, generator=generator) if noisy else None
    normalization = Normalization(mean, mean_follows, shift, 0.7)
    assert torch.equal(
        crop_images_one_by_one(images, boxes, 8, normalization),
        crop_images_together(images, boxes, 8, normalization),
    )
    later_boxes = CropBoxes(*(column[7:] for column in boxes))
    without_noise = Normalization(mean, mean_follows)
    assert torch.equal(
        crop_images_one_by_one(images[7:], later_boxes, 8, without_noise),
        crop_images_together(images[7:], later_boxes, 8, without_noise),
    )


def test_a_crop_is_a_window_of_its_image_reflected_where_that_is_wanted() -> None:
    images = random_images(2)
    boxes = CropBoxes(torch.tensor([1, 4]), torch.tensor([3, 0]), torch.tensor([False, True]))
    plain, flipped = crop_images_one_by_one(images, boxes, 8, UNCHANGED)
    assert torch.equal(plain, images[0, 1:9, 3:11].float())
    assert torch.equal(flipped, images[1, 4:12, 0:8].flip(1).float())


def test_normalization_subtracts_shifts_and_scales_in_this_order() -> None:
    crops = torch.full((2, 4, 4, 3), 10.0)
    mean = torch.full((6, 6, 3), 4.0)
    shift = torch.tensor([[0.0, 1.0, 2.0], [3.0, 3.0, 3.0]])
    normalization = Normalization(mean, mean_follows=False, shift=shift, scale=2)
    first, second = normalization.apply(crops)
    assert first[0, 0].tolist() == [12, 14, 16]
    assert second[0, 0].tolist() == [18, 18, 18]


def test_the_centre_of_an_odd_margin_lies_nearer_to_the_first_row() -> None:
    rows = torch.arange(11)[:, None, None].expand(11, 11, 3)
    assert center_crop(rows, 8)[:, 0, 0].tolist() == list(range(1, 9))


def test_random_resized_boxes_lie_in_the_image_and_vary_as_torchvisions_do() -> None:
    boxes = random_resized_boxes(5, torch.arange(300), 12)
    assert (boxes >= 0).all()
    assert (boxes[:, 0] + boxes[:, 2] <= 12).all()
    assert (boxes[:, 1] + boxes[:, 3] <= 12).all()
    area = (boxes[:, 2] * boxes[:, 3]) / 144.0
    assert area.min() < 0.2
    assert 0.4 < area.mean() < 0.6  # uniform from 0.08 to 1, less what does not fit
    ratio = boxes[:, 3] / boxes[:, 2]
    assert ratio.min() > 0.5
    assert ratio.max() < 2


def test_resized_crops_are_torchvisions() -> None:
    images = random_images(20)
    boxes = random_resized_boxes(5, torch.arange(20), 12)
    horizontal_flip = torch.arange(20) % 2 == 0
    crops = resized_crops(images, boxes, horizontal_flip, 8, UNCHANGED)
    for number in range(20):
        image = images[number].permute(2, 0, 1).float()
        expected = resized_crop(image, *boxes[number].tolist(), [8, 8], antialias=True)
        if horizontal_flip[number]:
            expected = expected.flip(2)
        assert torch.allclose(crops[number].permute(2, 0, 1), expected, atol=1e-3)
