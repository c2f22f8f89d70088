import math

import numpy as np
import pytest
import torch

from alexcli.data.dataset import measure
from alexcli.data.pictures import ArrayPictures
from alexcli.data.transforms import (
    CENTER,
    TEN_CROPS,
    Batch,
    Cuts,
    Levels,
    Preprocess,
    View,
    cut_each,
    cut_together,
    random_boxes,
    resized_crops,
)
from alexcli.errors import UsageError
from alexcli.schema import AugmentSpec, Crop, InputSpec, Mean, MeanCrop, PcaScale, PcaSpec

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 12, 12, 3), dtype=np.uint8)
STATS = measure(ArrayPictures(IMAGES, np.zeros(40, dtype=np.int64)))
BATCH = Batch(
    torch.from_numpy(IMAGES), torch.zeros(40, dtype=torch.int64), torch.arange(40), torch.arange(40)
)


def _preprocess(spec: AugmentSpec | None = None, side: int = 8, channels: int = 3) -> Preprocess:
    return Preprocess(spec or AugmentSpec(), InputSpec(side, channels), STATS, 12)


def _quiet(**keys: object) -> AugmentSpec:
    return AugmentSpec(pca=PcaSpec(sigma=0), **keys)  # type: ignore[arg-type]


def test_statistics_equal_numpys() -> None:
    pixels = IMAGES.reshape(-1, 3).astype(np.float64)
    assert np.allclose(STATS.mean_image, IMAGES.mean(axis=0, dtype=np.float64), atol=1e-10)
    assert np.allclose(STATS.channel_means, pixels.mean(axis=0), atol=1e-10)
    assert np.allclose(STATS.covariance, np.cov(pixels.T, bias=True), atol=1e-8)


def test_components_diagonalise_the_covariance_largest_first() -> None:
    values, vectors = STATS.components()
    assert values[0] >= values[1] >= values[2]
    assert np.allclose(vectors @ np.diag(values) @ vectors.T, STATS.covariance)


def test_every_training_crop_is_a_window_of_the_centred_picture_perhaps_mirrored() -> None:
    x = _preprocess(_quiet()).train_view(BATCH, seed=0, epoch=1)
    assert x.shape == (40, 3, 8, 8)
    centred = torch.from_numpy(IMAGES.astype(np.float32) - STATS.mean_image.astype(np.float32))
    centred = centred.permute(0, 3, 1, 2)
    seen = set()
    for n in range(40):
        found = [
            (r, c, m)
            for r in range(5)
            for c in range(5)
            for m in (False, True)
            if torch.equal(_window(centred[n], r, c, m), x[n])
        ]
        assert len(found) == 1
        seen.add(found[0])
    assert len({place[:2] for place in seen}) > 12
    assert {m for _, _, m in seen} == {False, True}


def _window(picture: torch.Tensor, row: int, column: int, mirror: bool) -> torch.Tensor:
    window = picture[:, row : row + 8, column : column + 8]
    return window.flip(-1) if mirror else window


def test_all_crop_positions_and_both_reflections_are_equally_likely() -> None:
    pictures = np.zeros((4000, 6, 6, 3), dtype=np.uint8)
    pictures[..., 0] = np.arange(36).reshape(6, 6)  # a pixel's red tells its place
    batch = Batch(
        torch.from_numpy(pictures), torch.zeros(4000).long(), torch.arange(4000), torch.arange(4000)
    )
    preprocess = Preprocess(_quiet(mean=Mean.none), InputSpec(4, 3), None, 6)
    x = preprocess.train_view(batch, seed=1, epoch=2)
    corner = torch.minimum(x[:, 0, 0, 0], x[:, 0, 0, -1])
    counts = torch.unique(corner, return_counts=True)[1]
    assert len(counts) == 9
    assert (counts / 4000 - 1 / 9).abs().max() < 0.02
    mirrored = (x[:, 0, 0, 0] > x[:, 0, 0, -1]).float().mean()
    assert mirrored.item() == pytest.approx(0.5, abs=0.03)


def test_pixels_are_a_function_of_seed_epoch_and_index() -> None:
    preprocess = _preprocess()
    whole = preprocess.train_view(BATCH, seed=0, epoch=3)
    order = torch.tensor([7, 3, 30])
    part = Batch(
        BATCH.images[order], BATCH.labels[order], BATCH.indices[order], BATCH.positions[order]
    )
    assert torch.equal(preprocess.train_view(part, seed=0, epoch=3), whole[order])
    assert not torch.equal(preprocess.train_view(BATCH, seed=0, epoch=4), whole)
    assert not torch.equal(preprocess.train_view(BATCH, seed=1, epoch=3), whole)


@pytest.mark.parametrize("scale", list(PcaScale))
def test_colour_noise_has_the_covariance_of_its_law(scale: PcaScale) -> None:
    pictures = np.zeros((6000, 2, 2, 3), dtype=np.uint8)
    batch = Batch(
        torch.from_numpy(pictures), torch.zeros(6000).long(), torch.arange(6000), torch.arange(6000)
    )
    spec = AugmentSpec(mean=Mean.none, pca=PcaSpec(sigma=0.1, scale=scale))
    x = Preprocess(spec, InputSpec(2, 3), STATS, 2).train_view(batch, seed=0, epoch=1)
    assert torch.equal(x[:, :, 0, 0], x[:, :, 1, 1])  # one offset for the whole picture
    values, vectors = STATS.components()
    power = values if scale is PcaScale.stdev else values**2
    expected = 0.01 * vectors @ np.diag(power) @ vectors.T
    found = np.cov(x[:, :, 0, 0].numpy().T)
    assert np.abs(found - expected).max() < 0.06 * np.abs(expected).max()


def test_noise_is_divided_away_and_ends_as_the_2012_code_has_it() -> None:
    spec = AugmentSpec(mirror=False, pca=PcaSpec(sigma=0.1, divide=True, last_epoch=2))
    plain = _preprocess(_quiet(mirror=False))
    noisy = _preprocess(spec)
    assert torch.equal(
        noisy.train_view(BATCH, seed=0, epoch=3), plain.train_view(BATCH, seed=0, epoch=3)
    )
    difference = noisy.train_view(BATCH, seed=0, epoch=2) * 1.1
    difference -= plain.train_view(BATCH, seed=0, epoch=2)
    assert difference.std((2, 3)).max() < 1e-4  # the same offset everywhere in a picture
    assert difference.std() > 1


def test_center_of_the_mean_image_is_subtracted_whatever_the_crop() -> None:
    same, center = (
        _preprocess(_quiet(mean_crop=where, mirror=False)).train_view(BATCH, seed=0, epoch=1)
        for where in (MeanCrop.same, MeanCrop.center)
    )
    mean = torch.from_numpy(STATS.mean_image[2:10, 2:10].astype(np.float32)).permute(2, 0, 1)
    raw = _preprocess(_quiet(mean=Mean.none, mirror=False)).train_view(BATCH, seed=0, epoch=1)
    assert torch.equal(center, raw - mean)
    assert not torch.equal(same, center)


def test_ten_crops_are_corners_and_centre_then_the_same_mirrored() -> None:
    preprocess = _preprocess(_quiet(mean=Mean.none))
    raw = BATCH.images.permute(0, 3, 1, 2).float()
    places = [(0, 0), (0, 4), (2, 2), (4, 0), (4, 4)]  # order of the 2012 code
    assert len(TEN_CROPS) == 10
    for view, (row, column) in zip(TEN_CROPS, places * 2, strict=True):
        window = raw[:, :, row : row + 8, column : column + 8]
        expected = window.flip(-1) if view.mirror else window
        assert torch.equal(preprocess.view(BATCH.images, view), expected)
    assert [v.mirror for v in TEN_CROPS] == [False] * 5 + [True] * 5
    assert torch.equal(
        preprocess.view(BATCH.images, CENTER), preprocess.view(BATCH.images, View(1, 1, False))
    )


def test_one_channel_is_the_luma_of_three() -> None:
    x = _preprocess(_quiet(mean=Mean.none), channels=1).view(BATCH.images)
    gray = BATCH.images[:, 2:10, 2:10].float() @ torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(x[:, 0], gray)


def test_pixel_scale_multiplies_the_centred_picture() -> None:
    one, half = (_preprocess(_quiet(pixel_scale=s)).view(BATCH.images) for s in (1.0, 0.5))
    assert torch.equal(one * 0.5, half)


def test_a_net_larger_than_its_pictures_is_refused_with_both_sizes() -> None:
    with pytest.raises(UsageError, match=r"227.*12"):
        _preprocess(side=227)


def test_eigenvalues_mean_hundreds_of_grey_levels_on_photographs() -> None:
    """Peers, section 5.2: RMS 686 levels for ImageNet's eigenvalues 11822, 1079, 255."""
    rms = math.sqrt(sum((0.1 * v) ** 2 for v in (11822, 1079, 255)) / 3)
    assert round(rms) == 686


def _batch(images: np.ndarray, first: int = 0) -> Batch:
    count = torch.arange(first, first + len(images))
    return Batch(torch.from_numpy(images), torch.zeros(len(images)).long(), count, count)


@pytest.mark.parametrize("follows", [True, False])
@pytest.mark.parametrize("noisy", [True, False])
def test_cutting_picture_by_picture_equals_cutting_together(follows: bool, noisy: bool) -> None:
    rng = torch.Generator().manual_seed(0)
    images = torch.from_numpy(IMAGES)
    down, right = (torch.randint(0, 5, (40,), generator=rng) for _ in range(2))
    cuts = Cuts(down, right, torch.rand(40, generator=rng) < 0.5)
    mean = torch.from_numpy(STATS.mean_image).float()
    shift = torch.randn(40, 3, generator=rng) if noisy else None
    args = (images, cuts, 8, Levels(mean, follows, shift, 0.7))
    assert torch.equal(cut_each(*args), cut_together(*args))
    part = (images[7:], Cuts(*(c[7:] for c in cuts)), 8, Levels(mean, follows))
    assert torch.equal(cut_each(*part), cut_together(*part))


def test_the_codes_crop_is_shared_by_32_consecutive_pictures_and_its_noise_is_not() -> None:
    picture = np.tile(np.arange(144, dtype=np.uint8).reshape(1, 12, 12, 1), (128, 1, 1, 3))
    order = torch.from_numpy(np.random.default_rng(0).permutation(128))
    batch = _batch(picture)._replace(indices=order)
    x = _preprocess(_quiet(shared=32)).train_view(batch, seed=0, epoch=1)
    runs = x.reshape(4, 32, -1)
    assert (runs == runs[:, :1]).all()
    assert len({run.numpy().tobytes() for run in runs[:, 0]}) > 1
    single = _preprocess(_quiet()).train_view(batch, seed=0, epoch=1)
    assert len({view.numpy().tobytes() for view in single}) > 20
    noisy = _preprocess(AugmentSpec(shared=32)).train_view(batch, seed=0, epoch=1)
    assert len({view.numpy().tobytes() for view in noisy}) == 128
    # A run that goes on in the middle of 32, or a rank with the second half, sees the same.
    half = Batch(*(part[48:] for part in batch))
    assert torch.equal(_preprocess(_quiet(shared=32)).train_view(half, seed=0, epoch=1), x[48:])


def test_random_resized_crops_are_torchvisions() -> None:
    from torchvision.transforms.v2.functional import resized_crop

    images = np.random.default_rng(1).integers(0, 256, (300, 12, 12, 3), dtype=np.uint8)
    boxes = random_boxes(5, torch.arange(300), 12)
    assert (boxes >= 0).all()
    assert (boxes[:, 0] + boxes[:, 2] <= 12).all()
    assert (boxes[:, 1] + boxes[:, 3] <= 12).all()
    share = (boxes[:, 2] * boxes[:, 3]) / 144.0
    assert share.min() < 0.2
    assert 0.4 < share.mean() < 0.6  # uniform from 0.08 to 1, less what does not fit
    ratio = boxes[:, 3] / boxes[:, 2]
    assert ratio.min() > 0.5
    assert ratio.max() < 2
    mirror = torch.arange(300) % 2 == 0
    none = Levels(None, follows=False)
    ours = resized_crops(torch.from_numpy(images), boxes, mirror, 8, none)
    for i in range(20):
        whole = torch.from_numpy(images[i]).permute(2, 0, 1).float()
        theirs = resized_crop(whole, *boxes[i].tolist(), [8, 8], antialias=True)
        theirs = theirs.flip(2) if mirror[i] else theirs
        assert torch.allclose(ours[i].permute(2, 0, 1), theirs, atol=1e-3)
    spec = AugmentSpec(crop=Crop.random_resized)
    x = _preprocess(spec).train_view(_batch(images), seed=0, epoch=1)
    assert x.shape == (300, 3, 8, 8)
    part = _preprocess(spec).train_view(_batch(images[100:], 100), seed=0, epoch=1)
    assert torch.equal(part, x[100:])
