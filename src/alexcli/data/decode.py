"""From an image file of any format and shape to a square RGB array."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from alexcli.data.arrays import ImageArray
from alexcli.errors import UsageError
from alexcli.schema import Kernel, Resize

SUFFIXES = frozenset(Image.registered_extensions())
"""Endings of the files that Pillow reads, in lower case with their dot."""

# Pillow refuses an image of 179 million pixels and only warns from 89 million on: refuse both.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


MOST_ELONGATED = 16
"""Longer over shorter side up to which a whole image is resized."""


@dataclass(frozen=True)
class ResizeSpec:
    """How an image of any shape becomes a square."""

    size: int
    """Side of the square, pixels."""
    resize: Resize = Resize.shorter
    """Shorter side to `size` and the centre square (section 2), or the whole image squashed."""
    kernel: Kernel = Kernel.bilinear
    """Filter of the resizing."""

    def __str__(self) -> str:
        kernel = f"{self.kernel.value} antialiased"
        if self.resize is Resize.warp:
            return f"warped, {kernel} {self.size}"
        if self.resize is Resize.torchvision:
            return f"shorter side, {kernel}, centre square {self.size}, rounded as torchvision does"
        return f"shorter side, {kernel}, centre square {self.size}"


def read_square(path: Path, resize_spec: ResizeSpec) -> ImageArray:
    """Decode a file and make it a square.

    Args:
        path: a file in any format that Pillow reads; its content decides, not its ending.
        resize_spec: how the image becomes a square.

    Returns:
        (S, S, 3) uint8.

    Raises:
        UsageError: the file cannot be decoded; the message names it.
    """
    try:
        with Image.open(path) as image:
            return resize_to_square(upright_rgb(image), resize_spec)
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        reason = str(error)
        if isinstance(error, UnidentifiedImageError):
            reason = "not an image" if path.stat().st_size else "an empty file"
        raise UsageError(
            f"{path} cannot be decoded: {reason}",
            hint="fix or remove the file, or leave out such files and report them: "
            "on_error=skip (data.on_error=skip in training)",
        ) from error


def upright_rgb(image: Image.Image) -> Image.Image:
    """Turn an image as its EXIF orientation says, and convert it to RGB of 8 bits.

    CMYK, YCCK, gray and palette images are converted, 16-bit gray keeps its high byte, and
    transparent pixels show white.

    Raises:
        ValueError: the pixels are floating-point or 32-bit numbers, which have no fixed range.
    """
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F":
        raise ValueError("floating-point pixels, which have no fixed range")
    if image.mode.startswith("I"):  # 16-bit gray, which Pillow would clip at 255
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("32-bit pixels, which have no fixed range")
        return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        transparent = image.convert("RGBA")
        white = Image.new("RGBA", transparent.size, "white")
        return Image.alpha_composite(white, transparent).convert("RGB")
    return image.convert("RGB")


def resize_to_square(image: Image.Image, resize_spec: ResizeSpec) -> ImageArray:
    """Make a square of an RGB image.

    Returns:
        (S, S, 3) uint8.
    """
    side = resize_spec.size
    if resize_spec.resize is Resize.torchvision and _is_of_usual_shape(image):
        return _resize_as_torchvision(image, resize_spec)
    box = (0.0, 0.0, float(image.width), float(image.height))
    if resize_spec.resize is not Resize.warp:
        box = _center_box(image.width, image.height, side)
    kernel = Image.Resampling[resize_spec.kernel.name.upper()]
    return np.asarray(image.resize((side, side), kernel, box=box), dtype=np.uint8)


def _is_of_usual_shape(image: Image.Image) -> bool:
    """Whether a resized copy of the whole image is not far larger than its centre square."""
    return max(image.size) <= MOST_ELONGATED * min(image.size)


def _resize_as_torchvision(image: Image.Image, resize_spec: ResizeSpec) -> ImageArray:
    """What Resize(side) and CenterCrop(side) of torchvision make of an image, pixel for pixel.

    Source: torchvision 0.29, transforms.functional: the longer side is rounded down, and the
    crop's corner to the nearest even pixel where it lies between two.
    """
    side = resize_spec.size
    shorter = min(image.size)
    width, height = (int(side * length / shorter) for length in image.size)
    kernel = Image.Resampling[resize_spec.kernel.name.upper()]
    whole = image.resize((width, height), kernel)
    left = round((width - side) / 2)
    top = round((height - side) / 2)
    return np.asarray(whole.crop((left, top, left + side, top + side)), dtype=np.uint8)


def _center_box(width: int, height: int, side: int) -> tuple[float, float, float, float]:
    """The part of an image which becomes the centre square of its resized version.

    Resizing this part alone gives what resizing the whole image and cropping its centre gives,
    without computing what is cropped away: an image of 1 x 5,000 pixels would first become one of
    256 x 1,280,000.

    Args:
        width: of the original image, pixels.
        height: of the original image, pixels.
        side: of the square, to which the shorter side is resized.

    Returns:
        Left, top, right and bottom in pixels of the original image.
    """
    scale = side / min(width, height)
    resized_width = max(side, round(width * scale))
    resized_height = max(side, round(height * scale))
    left = (resized_width - side) // 2
    top = (resized_height - side) // 2
    x_scale = width / resized_width
    y_scale = height / resized_height
    right = min(width, (left + side) * x_scale)
    bottom = min(height, (top + side) * y_scale)
    return (left * x_scale, top * y_scale, right, bottom)


def decode_jpeg(data: bytes, side: int, name: str) -> ImageArray:
    """Decode a JPEG image of a store.

    Args:
        data: the content of the JPEG file.
        side: the side that the image must have, pixels.
        name: names the image in error messages.

    Returns:
        (side, side, 3) uint8.

    Raises:
        UsageError: the data is damaged, or the image has another size.
    """
    hint = "alexcli data verify STORE finds the damaged chunks; prepare the store again"
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            pixels = np.asarray(image, dtype=np.uint8)
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        raise UsageError(f"{name} cannot be decoded: {error}", hint=hint) from error
    if pixels.shape != (side, side, 3):
        raise UsageError(f"{name} has the shape {pixels.shape}, not ({side}, {side}, 3)", hint=hint)
    return pixels
