import math

import numpy as np
import pytest
import torch

from alexcli.data.images import ArrayImages
from alexcli.data.statistics import compute_statistics
from alexcli.data.transforms import CENTER_CROP, TEN_CROPS, Batch, Preprocess, View
from alexcli.errors import UsageError
from alexcli.schema import AugmentSpec, Crop, InputSpec, Mean, MeanCrop, PcaScale, PcaSpec

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 12, 12, 3), dtype=np.uint8)
STATISTICS = compute_statistics(ArrayImages(IMAGES, np.zeros(40, dtype=np.int64)))


def batch_of(images: np.ndarray, first: int = 0) -> Batch:
    """A batch whose images have the positions `first` and following, in split and epoch alike."""
    positions = torch.arange(first, first + len(images))
    labels = torch.zeros(len(images), dtype=torch.int64)
    return Batch(torch.from_numpy(images), labels, positions, positions)


BATCH = batch_of(IMAGES)


def preprocess_of(spec: AugmentSpec | None = None, side: int = 8, channels: int = 3) -> Preprocess:
    return Preprocess(spec or AugmentSpec(), InputSpec(side, channels), STATISTICS, 12)


def without_noise(**keys: object) -> AugmentSpec:
    return AugmentSpec(pca=PcaSpec(sigma=0), **keys)  # type: ignore[arg-type]


def window(image: torch.Tensor, row: int, column: int, flip: bool) -> torch.Tensor:
    """A part of (3, 12, 12), of side 8."""
    part = image[:, row : row + 8, column : column + 8]
    return part.flip(-1) if flip else part


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(2, 36, 50, 3, dtype=torch.uint8),
        torch.zeros(2, 20, 20, 3, dtype=torch.uint8),
        torch.zeros(2, 3, 36, 36, dtype=torch.uint8),
        torch.zeros(2, 36, 36, 3),
        torch.zeros(36, 36, 3, dtype=torch.uint8),
    ],
)
def test_images_of_another_form_than_stored_ones_are_refused(images: torch.Tensor) -> None:
    preprocess = Preprocess(AugmentSpec(), InputSpec(32, 3), None, 36)
    with pytest.raises(UsageError, match="these are not stored images") as caught:
        preprocess.crop(images)
    assert "(N, 36, 36, 3) of torch.uint8" in (caught.value.hint or "")


def test_every_training_crop_is_a_window_of_the_centred_image_perhaps_reflected() -> None:
    x = preprocess_of(without_noise()).augment(BATCH, seed=0, epoch=1)
    assert x.shape == (40, 3, 8, 8)
    mean_image = STATISTICS.mean_image.astype(np.float32)
    centred = torch.from_numpy(IMAGES.astype(np.float32) - mean_image).permute(0, 3, 1, 2)
    places = set()
    for number in range(40):
        matches = [
            (row, column, flip)
            for row in range(5)
            for column in range(5)
            for flip in (False, True)
            if torch.equal(window(centred[number], row, column, flip), x[number])
        ]
        assert len(matches) == 1
        places.add(matches[0])
    assert len({(row, column) for row, column, _ in places}) > 12
    assert {flip for _, _, flip in places} == {False, True}


def test_all_crop_positions_and_both_reflections_are_equally_likely() -> None:
    images = np.zeros((4000, 6, 6, 3), dtype=np.uint8)
    images[..., 0] = np.arange(36).reshape(6, 6)  # a pixel's red tells its place
    preprocess = Preprocess(without_noise(mean=Mean.none), InputSpec(4, 3), None, 6)
    x = preprocess.augment(batch_of(images), seed=1, epoch=2)
    corner = torch.minimum(x[:, 0, 0, 0], x[:, 0, 0, -1])
    counts = torch.unique(corner, return_counts=True)[1]
    assert len(counts) == 9
    assert (counts / 4000 - 1 / 9).abs().max() < 0.02
    reflected = (x[:, 0, 0, 0] > x[:, 0, 0, -1]).float().mean()
    assert reflected.item() == pytest.approx(0.5, abs=0.03)


def test_pixels_are_a_function_of_seed_epoch_and_index() -> None:
    preprocess = preprocess_of()
    whole = preprocess.augment(BATCH, seed=0, epoch=3)
    order = torch.tensor([7, 3, 30])
    part = Batch(*(column[order] for column in BATCH))
    assert torch.equal(preprocess.augment(part, seed=0, epoch=3), whole[order])
    assert not torch.equal(preprocess.augment(BATCH, seed=0, epoch=4), whole)
    assert not torch.equal(preprocess.augment(BATCH, seed=1, epoch=3), whole)


@pytest.mark.parametrize("scale", list(PcaScale))
def test_colour_noise_has_the_covariance_of_its_law(scale: PcaScale) -> None:
    batch = batch_of(np.zeros((6000, 2, 2, 3), dtype=np.uint8))
    spec = AugmentSpec(mean=Mean.none, pca=PcaSpec(sigma=0.1, scale=scale))
    x = Preprocess(spec, InputSpec(2, 3), STATISTICS, 2).augment(batch, seed=0, epoch=1)
    assert torch.equal(x[:, :, 0, 0], x[:, :, 1, 1])  # one offset for the whole image
    values, vectors = STATISTICS.components()
    power = values if scale is PcaScale.stdev else values**2
    expected = 0.01 * vectors @ np.diag(power) @ vectors.T
    covariance = np.cov(x[:, :, 0, 0].numpy().T)
    assert np.abs(covariance - expected).max() < 0.06 * np.abs(expected).max()


def test_noise_is_divided_away_and_ends_as_in_the_2012_code() -> None:
    spec = AugmentSpec(horizontal_flip=False, pca=PcaSpec(sigma=0.1, divide=True, last_epoch=2))
    plain = preprocess_of(without_noise(horizontal_flip=False))
    noisy = preprocess_of(spec)
    assert torch.equal(noisy.augment(BATCH, seed=0, epoch=3), plain.augment(BATCH, seed=0, epoch=3))
    difference = noisy.augment(BATCH, seed=0, epoch=2) * 1.1
    difference -= plain.augment(BATCH, seed=0, epoch=2)
    assert difference.std((2, 3)).max() < 1e-4  # the same offset everywhere in an image
    assert difference.std() > 1


def test_the_centre_of_the_mean_image_is_subtracted_from_any_crop() -> None:
    same, center = (
        preprocess_of(without_noise(mean_crop=mean_crop, horizontal_flip=False)).augment(
            BATCH, seed=0, epoch=1
        )
        for mean_crop in (MeanCrop.same, MeanCrop.center)
    )
    mean = torch.from_numpy(STATISTICS.mean_image[2:10, 2:10].astype(np.float32)).permute(2, 0, 1)
    raw = preprocess_of(without_noise(mean=Mean.none, horizontal_flip=False)).augment(
        BATCH, seed=0, epoch=1
    )
    assert torch.equal(center, raw - mean)
    assert not torch.equal(same, center)


def test_the_channel_mean_is_the_same_everywhere() -> None:
    raw = preprocess_of(without_noise(mean=Mean.none)).crop(BATCH.images)
    centred = preprocess_of(without_noise(mean=Mean.channel)).crop(BATCH.images)
    means = torch.from_numpy(STATISTICS.channel_means).float()
    assert torch.allclose(centred, raw - means[:, None, None], rtol=0, atol=1e-4)


def test_ten_crops_are_corners_and_centre_then_the_same_reflected() -> None:
    preprocess = preprocess_of(without_noise(mean=Mean.none))
    raw = BATCH.images.permute(0, 3, 1, 2).float()
    corners = [(0, 0), (0, 4), (2, 2), (4, 0), (4, 4)]  # order of the 2012 code
    assert len(TEN_CROPS) == 10
    for view, (row, column) in zip(TEN_CROPS, corners * 2, strict=True):
        part = raw[:, :, row : row + 8, column : column + 8]
        expected = part.flip(-1) if view.horizontal_flip else part
        assert torch.equal(preprocess.crop(BATCH.images, view), expected)
    assert [view.horizontal_flip for view in TEN_CROPS] == [False] * 5 + [True] * 5
    assert torch.equal(
        preprocess.crop(BATCH.images, CENTER_CROP), preprocess.crop(BATCH.images, View(1, 1, False))
    )


@pytest.mark.parametrize("mean", list(Mean))
def test_the_exported_centre_crop_is_the_centre_crop(mean: Mean) -> None:
    preprocess = preprocess_of(AugmentSpec(mean=mean, pixel_scale=0.5, channel_std=[2.0, 3.0, 4.0]))
    assert torch.equal(preprocess.export_center_crop(BATCH.images), preprocess.crop(BATCH.images))


def test_one_channel_is_the_luma_of_three() -> None:
    x = preprocess_of(without_noise(mean=Mean.none), channels=1).crop(BATCH.images)
    gray = BATCH.images[:, 2:10, 2:10].float() @ torch.tensor([0.299, 0.587, 0.114])
    assert torch.allclose(x[:, 0], gray, rtol=1.3e-6, atol=1e-5)


def test_pixel_scale_multiplies_the_centred_image() -> None:
    full, half = (
        preprocess_of(without_noise(pixel_scale=scale)).crop(BATCH.images) for scale in (1.0, 0.5)
    )
    assert torch.equal(full * 0.5, half)


def test_a_net_larger_than_its_images_is_refused_with_both_sizes() -> None:
    with pytest.raises(UsageError, match=r"227.*12") as caught:
        preprocess_of(side=227)
    assert "data.size=256" in (caught.value.hint or "")


@pytest.mark.parametrize("deviations", [[1.0, 2.0], [1.0, 0.0, 2.0]])
def test_deviations_other_than_three_positive_numbers_are_refused(deviations: list[float]) -> None:
    with pytest.raises(UsageError, match="must be three numbers above 0, or null"):
        preprocess_of(AugmentSpec(channel_std=deviations))


def test_two_channels_are_refused() -> None:
    with pytest.raises(UsageError, match="neither gray"):
        preprocess_of(channels=2)


def test_eigenvalues_mean_hundreds_of_grey_levels_on_photographs() -> None:
    """RMS 686 levels for ImageNet's eigenvalues 11822, 1079, 255."""
    rms = math.sqrt(sum((0.1 * value) ** 2 for value in (11822, 1079, 255)) / 3)
    assert round(rms) == 686


def test_the_2012_codes_crop_is_shared_by_32_consecutive_images_and_its_noise_is_not() -> None:
    image = np.tile(np.arange(144, dtype=np.uint8).reshape(1, 12, 12, 1), (128, 1, 1, 3))
    order = torch.from_numpy(np.random.default_rng(0).permutation(128))
    batch = batch_of(image)._replace(indices=order)
    sharing = preprocess_of(without_noise(images_per_crop=32))
    x = sharing.augment(batch, seed=0, epoch=1)
    groups = x.reshape(4, 32, -1)
    assert (groups == groups[:, :1]).all()
    assert len({group.numpy().tobytes() for group in groups[:, 0]}) > 1
    single = preprocess_of(without_noise()).augment(batch, seed=0, epoch=1)
    assert len({view.numpy().tobytes() for view in single}) > 20
    noisy = preprocess_of(AugmentSpec(images_per_crop=32)).augment(batch, seed=0, epoch=1)
    assert len({view.numpy().tobytes() for view in noisy}) == 128
    # A run that resumes in the middle of 32, or a replica with the second half, sees the same.
    rest = Batch(*(column[48:] for column in batch))
    assert torch.equal(sharing.augment(rest, seed=0, epoch=1), x[48:])


def test_random_resized_crops_are_a_function_of_the_index() -> None:
    images = np.random.default_rng(1).integers(0, 256, (300, 12, 12, 3), dtype=np.uint8)
    preprocess = preprocess_of(AugmentSpec(crop=Crop.random_resized))
    x = preprocess.augment(batch_of(images), seed=0, epoch=1)
    assert x.shape == (300, 3, 8, 8)
    part = preprocess.augment(batch_of(images[100:], 100), seed=0, epoch=1)
    assert torch.equal(part, x[100:])
