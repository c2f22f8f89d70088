"""A synthetic data set: ten classes that differ only in shape and texture, without any download.

The object's size, position, angle and lighting, all colours and the background are random and
independent of the class. Pixels are computed only by hashing and exactly rounded arithmetic (+, -,
*, /, sqrt): no sine, and no sum whose order depends on the machine. A seed therefore gives the same
bytes everywhere.

Legend: n images, size side of an image in pixels.
"""

# numpy's stubs return Any for plain arithmetic.
# mypy: disable-error-code="no-any-return"

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alexcli.data.arrays import ImageArray, LabelArray

VERSION = 2
"""Part of the data's identity; increase it whenever a pixel changes."""

SPLITS = ("train", "val", "test")

SHAPES = ("disc", "square", "triangle", "cross", "ring")

CLASSES = (*(f"striped_{shape}" for shape in SHAPES), *(f"checked_{shape}" for shape in SHAPES))

Floats = npt.NDArray[np.floating]
"""Single precision, which arithmetic with Python numbers does not widen."""

Pair = tuple[Floats, Floats]

Bits = npt.NDArray[np.uint64]

_STREAMS = [
    "scale",
    "position",
    "shape turn",
    "texture turn",
    "texture",
    "levels",
    "tints",
    "shade",
    "light",
    "grain",
    "blobs",
    "noise",
    "contrast",
    "illuminant",
]
"""The property that each stream of random numbers determines.

Every property has its own stream, so that the others do not change when one needs more numbers.
"""

# Largest rotation of an object and its texture from upright, as the tangent of half the angle: 11
# and 14 degrees. With larger rotations a small network takes several times as long to learn the
# classes, and a run that is stopped while still learning says little about its net.
_SHAPE_REACH = 0.1
_TEXTURE_REACH = 0.12

# Images drawn at once: enough to amortise the cost of a call, few enough to stay in the cache.
_IMAGES_PER_CHUNK = 40

_BLOB_COUNT = 3

MID_GREY = 127.5
"""The grey level that contrast is measured from."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)

# Dark, middle and light, and their assignment to the background and the object's two tones. With a
# background of middle lightness, the contrast of the outline would change sign at every stripe,
# which takes a network long to learn.
_LEVELS = ((0.02, 0.17), (0.43, 0.57), (0.83, 0.98))
_ORDERS = np.array([[0, 1, 2], [0, 2, 1], [2, 0, 1], [2, 1, 0]])


@dataclass(frozen=True)
class Scene:
    """Lighting of images and positions of their objects, which may differ between splits."""

    noise: float = 10.0
    """Largest deviation of a pixel by noise, grey levels."""
    contrast: tuple[float, float] = (1.0, 1.0)
    """Range of the factor of each image's distance from mid-grey, applied before the noise."""
    illuminant: float = 0.0
    """Largest change of the light, a fraction, drawn for each image and channel."""
    grid: int = 0
    """Objects are placed at multiples of this many pixels; 0 for anywhere."""


PLAIN = Scene()


def draw(
    split: str, count: int, *, size: int, seed: int, scene: Scene = PLAIN
) -> tuple[ImageArray, LabelArray]:
    """Draw the first images of a split.

    An image depends only on the seed, the split, its number, the size and the scene: a larger count
    keeps the first images, and a different size or scene shows the same objects.

    Args:
        split: one of SPLITS.
        count: number of images.
        size: side of an image, pixels.
        seed: any integer.
        scene: how the images are lit.

    Returns:
        Images (count, size, size, 3), RGB, 0 to 255, and labels (count,), positions in CLASSES:
        image i is in class i % 10.

    Raises:
        ValueError: no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}: one of {', '.join(SPLITS)}")
    labels = np.arange(count, dtype=np.int64) % len(CLASSES)
    images = np.empty((count, size, size, 3), dtype=np.uint8)
    keys = _keys(split, count, seed)
    for first in range(0, count, _IMAGES_PER_CHUNK):
        chunk = slice(first, first + _IMAGES_PER_CHUNK)
        images[chunk] = _draw_images(keys[chunk], labels[chunk], size, scene)
    return images, labels


def _mix(bits: Bits) -> Bits:
    """The finaliser of SplitMix64 (S. Vigna, public domain): similar inputs, unrelated outputs."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _keys(split: str, count: int, seed: int) -> Bits:
    """One key for each image, (count,)."""
    # Arrays of one element instead of scalars: numpy warns when a scalar overflows.
    key = _mix(np.array([seed % 2**64], dtype=np.uint64) + _GOLDEN)
    key = _mix(key + np.uint64(SPLITS.index(split)))
    return _mix(key + np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN)


def _bits(keys: Bits, stream: str, width: int) -> Bits:
    """The first `width` hashes of a stream for each key, (n, width)."""
    counters = np.arange(1, width + 1, dtype=np.uint64) + np.uint64(_STREAMS.index(stream) << 32)
    return _mix(keys[:, None] + counters * _GOLDEN)


def _uniform(keys: Bits, stream: str, width: int) -> Floats:
    """Numbers in [0, 1), (width, n, 1, 1), which broadcast over (n, size, size)."""
    high = _bits(keys, stream, width) >> np.uint64(40)
    return (2.0**-24 * high.T.astype(np.float32)).reshape(width, len(keys), 1, 1)


def _between(unit: Floats, low: float, high: float) -> Floats:
    """Numbers in [0, 1) mapped to [low, high)."""
    return low + (high - low) * unit


def _turned(x: Floats, y: Floats, keys: Bits, stream: str, reach: float = 1) -> Pair:
    """Coordinates in a frame rotated by a random angle for each image.

    The half-angle formula avoids the sine, whose last bit differs between machines.

    Args:
        x: coordinates to the right, broadcast with `y` to (n, size, size).
        y: coordinates downwards.
        keys: (n,), one for each image.
        stream: the stream of random numbers that determines the angle.
        reach: tangent of half the largest angle; 1 is 90 degrees to either side.
    """
    half = _between(_uniform(keys, stream, 1)[0], -reach, reach)
    cosine = (1 - half * half) / (1 + half * half)
    sine = 2 * half / (1 + half * half)
    return x * cosine + y * sine, y * cosine - x * sine


def _wave(phase: Floats) -> Floats:
    """A triangle wave of period 1 from -1/4 to 1/4: the signed distance to its nearest zero."""
    phase = phase - np.floor(phase)
    return np.abs(phase - 0.5) - 0.25


def _distance(shape: int, x: Floats, y: Floats) -> Floats:
    """Signed distance to a shape of area 1 around the origin, negative inside.

    Areas are equal, so that the amount of the object's colours does not reveal the shape. Beyond a
    corner, it is the distance to the line of the nearer side, which is accurate enough for an edge
    one pixel wide.

    Args:
        shape: position in SHAPES.
        x: coordinates to the right, in which the shape has area 1.
        y: coordinates downwards.
    """
    match SHAPES[shape]:
        case "disc":
            return np.sqrt(x * x + y * y) - 0.5642
        case "square":
            return np.maximum(np.abs(x), np.abs(y)) - 0.5
        case "triangle":
            # y grows downwards, so this one points up.
            slanted = np.abs(x) * 0.75**0.5 - y * 0.5
            return np.maximum(slanted, y) - 0.4387
        case "cross":
            x = np.abs(x)
            y = np.abs(y)
            half_length = 0.6819
            half_width = 0.2182
            across = np.maximum(x - half_length, y - half_width)
            upright = np.maximum(x - half_width, y - half_length)
            return np.minimum(across, upright)
        case _:  # ring
            radius = 0.4886
            half_width = 0.1629
            return np.abs(np.sqrt(x * x + y * y) - radius) - half_width


def _object(keys: Bits, labels: LabelArray, x: Floats, y: Floats, grid: int) -> Pair:
    """Compute the objects, and the pattern of their two tones.

    Args:
        keys: (n,).
        labels: (n,).
        x: (1, 1, size), from -1/2 to 1/2.
        y: (1, size, 1), from -1/2 to 1/2.
        grid: see Scene.

    Returns:
        The fraction of each pixel that the object covers, and the fraction of that in the first
        tone: each (n, size, size), 0 to 1, with edges one pixel wide.
    """
    size = x.shape[-1]
    scale = _between(_uniform(keys, "scale", 1)[0], 0.5, 0.62)
    # Large objects stay nearer to the middle, so that their outlines are inside the image.
    reach = 0.5 - 0.66 * scale
    across, down = _uniform(keys, "position", 2)
    x = x - _on_grid(_between(across, -1, 1) * reach, grid, size)
    y = y - _on_grid(_between(down, -1, 1) * reach, grid, size)

    turned_x, turned_y = _turned(x / scale, y / scale, keys, "shape turn", _SHAPE_REACH)
    distance = np.empty(turned_x.shape, dtype=np.float32)
    for shape in range(len(SHAPES)):
        rows = np.flatnonzero(labels % len(SHAPES) == shape)
        distance[rows] = _distance(shape, turned_x[rows], turned_y[rows])
    cover = np.clip(0.5 - distance * (scale * size), 0, 1)
    return cover, _first_tone(keys, labels, x, y)


def _on_grid(offset: Floats, grid: int, size: int) -> Floats:
    """Offsets from the image's centre, rounded to multiples of `grid` pixels.

    Args:
        offset: in units of the image's side.
        grid: pixels; 0 leaves the offsets unchanged.
        size: side of the image, pixels.
    """
    if not grid:
        return offset
    return np.floor(offset * (size / grid) + 0.5) * grid / size


def _first_tone(keys: Bits, labels: LabelArray, x: Floats, y: Floats) -> Floats:
    """The fraction of each pixel in the object's first tone, (n, size, size), 0 to 1.

    Args:
        keys: (n,).
        labels: (n,), which decide between stripes and checks.
        x: coordinates from the object's centre, in units of the image's side.
        y: the same, downwards.
    """
    size = x.shape[-1]
    checked = (labels >= len(SHAPES))[:, None, None]
    period, phase_x, phase_y = _uniform(keys, "texture", 3)
    # Checks that are twice as coarse have as many edges as stripes, and so as many pixels of mixed
    # colour; otherwise a histogram would distinguish the textures.
    period = _between(period, 0.14, 0.18) * np.where(checked, np.float32(2), np.float32(1))
    turned_x, turned_y = _turned(x / period, y / period, keys, "texture turn", _TEXTURE_REACH)
    edge = 2 * period * size
    stripes = np.clip(_wave(turned_x + phase_x) * edge, -1, 1)
    bands = np.clip(_wave(turned_y + phase_y) * edge, -1, 1)
    tone = stripes * np.where(checked, bands, np.float32(1))
    return 0.5 + 0.5 * tone


def _colours(keys: Bits) -> Floats:
    """Colours of the background and of the object's two tones, (3, 3, n, 1, 1), about 0 to 1.

    The first axis is the part, the second RGB. One is dark, one of middle lightness and one light,
    so that they always contrast.
    """
    picks = _uniform(keys, "levels", 4)
    levels = np.stack([_between(u, *level) for u, level in zip(picks[:3], _LEVELS, strict=True)])
    order = _ORDERS[(len(_ORDERS) * picks[3, :, 0, 0]).astype(np.int64)]
    chosen = levels[order.T, np.arange(len(keys))].reshape(3, 1, len(keys), 1, 1)
    tints = _between(_uniform(keys, "tints", 9), -0.14, 0.14).reshape(3, 3, len(keys), 1, 1)
    return chosen + tints


def _shading(keys: Bits, x: Floats, y: Floats) -> Floats:
    """A gradient and a faint texture to add to the background, (n, size, size)."""
    along, _ = _turned(x, y, keys, "shade")
    slope = _between(_uniform(keys, "shade", 2)[1], -0.25, 0.25)
    period, phase_x, phase_y, strength = _uniform(keys, "grain", 5)[1:]
    period = _between(period, 0.15, 0.5)
    grain_x, grain_y = _turned(x / period, y / period, keys, "grain")
    grain = _wave(grain_x + phase_x) + _wave(grain_y + phase_y)
    return slope * along + 0.2 * strength * grain


def _blobs(keys: Bits, x: Floats, y: Floats) -> list[Pair]:
    """Small discs of any colour.

    Returns:
        For each disc of an image, the fraction of each pixel that it covers, (n, size, size), and
        its RGB, (3, n, 1, 1), both 0 to 1.
    """
    size = x.shape[-1]
    picks = _uniform(keys, "blobs", 6 * _BLOB_COUNT).reshape(_BLOB_COUNT, 6, len(keys), 1, 1)
    blobs = []
    for across, down, radius, *colour in picks:
        x_offset = x - _between(across, -0.5, 0.5)
        y_offset = y - _between(down, -0.5, 0.5)
        center_distance = np.sqrt(x_offset * x_offset + y_offset * y_offset)
        distance = center_distance - _between(radius, 0.02, 0.07)
        blobs.append((np.clip(0.5 - distance * size, 0, 1), np.stack(colour)))
    return blobs


def _draw_images(keys: Bits, labels: LabelArray, size: int, scene: Scene) -> ImageArray:
    """The images of keys (n,) and labels (n,): (n, size, size, 3) uint8, RGB."""
    steps = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    x = steps.reshape(1, 1, size)
    y = steps.reshape(1, size, 1)
    background, first, second = _colours(keys)
    shading = _shading(keys, x, y)
    cover, tone = _object(keys, labels, x, y, scene.grid)
    blobs = _blobs(keys, x, y)
    # The first half of the blobs is behind the object, and the others occlude parts of it.
    half = _BLOB_COUNT // 2
    layers = [*blobs[:half], (cover, second + tone * (first - second)), *blobs[half:]]
    along, _ = _turned(x, y, keys, "light")
    light = 255 * (1 + _between(_uniform(keys, "light", 2)[1], -0.5, 0.5) * along)
    noise = _bits(keys, "noise", size * size).reshape(-1, size, size)
    contrast = _between(_uniform(keys, "contrast", 1)[0], *scene.contrast)
    gains = _between(_uniform(keys, "illuminant", 3), 1 - scene.illuminant, 1 + scene.illuminant)

    images = np.empty((len(keys), size, size, 3), dtype=np.uint8)
    for channel in range(3):
        level = background[channel] + shading
        for layer_cover, colour in layers:
            level += layer_cover * (colour[channel] - level)
        # Three channels share one hash: sixteen bits each are enough for a few grey levels.
        bits = (noise >> np.uint64(16 * channel)) & np.uint64(0xFFFF)
        unit = bits.astype(np.float32) * 2.0**-16
        level = MID_GREY + contrast * (level * light * gains[channel] - MID_GREY)
        level = level + _between(unit, -scene.noise, scene.noise)
        images[..., channel] = np.clip(level + 0.5, 0, 255)
    return images
