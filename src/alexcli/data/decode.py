"""Decoding an image file of any format and shape to a square RGB array."""

import io
import math
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from alexcli.data.arrays import ImageArray
from alexcli.errors import UsageError, plural
from alexcli.mistaken import mistaken_file
from alexcli.schema import DataSpec, Kernel, Resize
from alexcli.schema.data import DEFAULT_MAX_PIXELS

NOT_DECODED = frozenset(("BUFR", "EPS", "FITS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"))
"""Formats that Pillow passes to other programs (Ghostscript executes EPS) or only identifies;
untrusted files are never opened as one of them.
"""

Image.init()
FORMATS = tuple(sorted(set(Image.OPEN) - NOT_DECODED))
"""Formats that are read, regardless of the file's extension."""

SUFFIXES = frozenset(
    suffix for suffix, name in Image.registered_extensions().items() if name in FORMATS
)
"""Extensions of the files that are read, in lower case with the dot."""

UNREAD_FORMATS = {
    suffix: name
    for suffix, name in {
        **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC"),
        **dict.fromkeys((".avif", ".avifs"), "AVIF"),
        **dict.fromkeys((".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2"), "raw"),
        **dict.fromkeys((".eps", ".ps"), "EPS"),
        **{f".{name}": name for name in ("exr", "jxl", "pdf", "svg", "webp", "wmf")},
    }.items()
    if suffix not in SUFFIXES
}
"""Extensions of images that are not read, and the names of their formats."""

BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "HEIC"),
    **dict.fromkeys((b"mif1", b"msf1"), "HEIF"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    b"crx ": "raw",
}
"""Brands in bytes 8 to 11 of the formats that consist of ISO 14496-12 boxes."""

UNREAD_STARTS = {
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"\xff\n": "JPEG XL",
    b"<svg": "SVG",
    b"%PDF": "PDF",
    b"%!PS": "EPS",
}
"""First bytes of files in other formats that are not read."""

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# Pillow refuses an image of over twice its limit and warns about one over the limit: refuse both.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

CLAIMED_PIXELS = re.compile(r"\((\d+) pixels\)")
"""The size of an image in Pillow's refusal. To open the file again without a limit would lift the
limit of other threads, and some formats are decoded when they are opened.
"""

MOST_PIXELS = 1 << 40
"""Only a damaged header claims more: 3.3 TB when decoded."""

MOST_ELONGATED = 16
"""Largest ratio of the sides up to which a whole image is resized before cropping."""


class UndecodableError(UsageError):
    """A file that is damaged or not an image in a supported format."""


def why_left_out(error: UsageError) -> str:
    """Why an image is left out, with the key that would take it if there is one."""
    can_only_be_replaced = isinstance(error, UndecodableError)
    return error.message if can_only_be_replaced else f"{error.message}; {error.hint}"


@dataclass(frozen=True)
class ResizeSpec:
    """How an image of any shape becomes a square."""

    size: int
    """Side of the square, pixels."""
    resize: Resize = Resize.shorter
    """Shorter side to `size`, then the centre square (section 2; `torchvision` rounds as that
    library does), or the whole image squashed.
    """
    kernel: Kernel = Kernel.bilinear
    """Filter of the resizing."""
    max_pixels: int = DEFAULT_MAX_PIXELS
    """Larger images are refused."""
    depth: int | None = None
    """Bit depth of gray values of more than 8 bits; None for the full depth of the file."""

    @classmethod
    def from_spec(cls, spec: DataSpec) -> Self:
        """The resizing that the keys of the group `data` define."""
        return cls(spec.size, spec.resize, spec.kernel, spec.max_pixels, spec.depth)

    def __str__(self) -> str:
        kernel = f"{self.kernel.value} antialiased"
        if self.depth is not None:
            kernel += f", {plural(self.depth, 'bit')}"
        if self.resize is Resize.warp:
            return f"warped, {kernel} {self.size}"
        if self.resize is Resize.torchvision:
            return f"shorter side, {kernel}, centre square {self.size}, rounded as torchvision does"
        return f"shorter side, {kernel}, centre square {self.size}"


def read_square(path: Path, resize_spec: ResizeSpec) -> ImageArray:
    """Decode a file and make it a square.

    Args:
        path: a file in a format that Pillow reads, which its content decides, not its extension.
        resize_spec: how the image becomes a square.

    Returns:
        (S, S, 3) uint8.

    Raises:
        UsageError: the file cannot be decoded; the message names it.
    """
    Image.MAX_IMAGE_PIXELS = resize_spec.max_pixels  # global; all limits in a process are equal
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("not a file")  # reading a pipe would wait forever
        with Image.open(path, formats=FORMATS) as image:
            pixels = image.width * image.height
            if pixels > resize_spec.max_pixels:  # Pillow only warns, which a filter can silence
                raise _too_large_error(path, pixels, resize_spec)
            return resize_to_square(upright_rgb(image, resize_spec.depth), resize_spec)
    except UsageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        claim = CLAIMED_PIXELS.search(str(error))
        if claim is None or int(claim[1]) > MOST_PIXELS:
            raise _undecodable(path, error) from error
        raise _too_large_error(path, int(claim[1]), resize_spec) from error
    except AmbiguousDepthError as error:
        raise UsageError(
            f"{path} cannot be decoded: {error}",
            hint=f"give the number of bits: data.depth={error.bits}, or data.depth=16 if it is a "
            "dark image (depth=N in data prepare)",
        ) from error
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        raise _undecodable(path, error) from error


def _undecodable(path: Path, error: Exception) -> UndecodableError:
    return UndecodableError(
        f"{path} cannot be decoded: {_reason(path, error)}",
        hint="fix or remove the file, or leave out such files and report them: "
        "on_error=skip (data.on_error=skip in training)",
    )


def _reason(path: Path, error: Exception) -> str:
    """Why a file cannot be decoded, for people."""
    if isinstance(error, UnidentifiedImageError):
        return _unidentified(path)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if path.exists() else "a link that leads nowhere"
    return str(error)


def _unidentified(path: Path) -> str:
    """The kind of a file that Pillow cannot identify, by its first bytes or else extension."""
    with path.open("rb") as file:
        start = file.read(1024)
    if start.startswith(TIFF_STARTS):
        return "a damaged TIFF, or one whose pixel type is not supported"
    starts = (name for magic, name in UNREAD_STARTS.items() if start.startswith(magic))
    name = BRANDS.get(start[8:12]) or next(starts, None)
    if name is None and start.lstrip().startswith(b"<?xml") and b"<svg" in start:
        name = "SVG"
    if name is None:
        mistaken = mistaken_file(path)
        if mistaken is not None:
            return mistaken.clause
        name = UNREAD_FORMATS.get(path.suffix.lower())
    return f"an image of the format {name}, which is not read" if name else "not an image"


def _too_large_error(path: Path, pixels: int, resize_spec: ResizeSpec) -> UsageError:
    """The error for an image of too many pixels, which names a sufficient limit."""
    return UsageError(
        f"{path} has {pixels:,} pixels ({3 * pixels / 1e9:.1f} GB when decoded), and the limit is "
        f"{resize_spec.max_pixels:,}",
        hint=f"data.max_pixels={pixels} allows it (max_pixels={pixels} in data prepare, "
        f"--largest {math.ceil(pixels / 1_000_000)} in predict)",
    )


class AmbiguousDepthError(ValueError):
    """Gray values that use so few of 16 bits that the true depth may be lower.

    Args:
        bits: number of bits that they use.
        largest: the largest value.
    """

    def __init__(self, bits: int, largest: int) -> None:
        super().__init__(
            f"its values have room for 16 bits or more and use {bits} (the largest is {largest:,}),"
            " so that it cannot be known what is white"
        )
        self.bits = max(8, bits)


def upright_rgb(image: Image.Image, depth: int | None = None) -> Image.Image:
    """Rotate an image by its EXIF orientation, and convert it to 8-bit RGB.

    CMYK, YCCK, gray and palette images are converted, gray of more than 8 bits keeps its high
    bits, and transparent pixels show white.

    Args:
        image: as opened.
        depth: bit depth of gray values of more than 8 bits; None for all 16.

    Raises:
        ValueError: the pixels are floating-point or 32-bit numbers, which have no fixed range;
            gray or colour values leave the two highest bits of 16 unused.
    """
    has_deep_colour = _has_16_bit_colour(image)
    ImageOps.exif_transpose(image, in_place=True)
    if has_deep_colour and int(np.asarray(image)[..., :3].max()) < 1 << LEAST_USED - 8:
        raise ValueError(
            "its colours use fewer than the 16 bits of the file, so Pillow reads them as almost "
            "black"
        )
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F":
        raise ValueError("floating-point pixels, which have no fixed range")
    if image.mode.startswith("I"):  # 16-bit or 32-bit gray, which Pillow would clip at 255
        return Image.fromarray(_high_bits(np.asarray(image), depth)).convert("RGB")
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        transparent = image.convert("RGBA")
        white = Image.new("RGBA", transparent.size, "white")
        return Image.alpha_composite(white, transparent).convert("RGB")
    return image.convert("RGB")


LEAST_USED = 14
"""16-bit values that use at most this many bits may come from a camera with a lower depth."""


def _has_16_bit_colour(image: Image.Image) -> bool:
    """Whether the image has 16-bit colours, which Pillow reduces to 8 bits as it decodes them."""
    raw_modes = [tile[3] for tile in getattr(image, "tile", [])]
    names = [raw[0] if isinstance(raw, tuple) else raw for raw in raw_modes]
    return image.mode in ("RGB", "RGBA") and any(";16" in str(name) for name in names)


def _high_bits(values: npt.NDArray[np.generic], depth: int | None) -> npt.NDArray[np.uint8]:
    """Reduce gray values to 8 bits.

    Args:
        values: (H, W) of 16 or 32 bits.
        depth: their bit depth; None for 16 if they use more than LEAST_USED.

    Raises:
        ValueError: the values have no fixed range, or do not fit `depth`.
    """
    lowest = int(values.min())
    largest = int(values.max())
    if lowest < 0 or largest > 65535:
        raise ValueError("32-bit pixels, which have no fixed range")
    bits = largest.bit_length()
    if depth is None:
        if 0 < bits <= LEAST_USED:
            raise AmbiguousDepthError(bits, largest)
        depth = 16
    if bits > depth:
        raise ValueError(f"a gray value of {largest:,}, which has more than {plural(depth, 'bit')}")
    return (values.astype(np.int64) >> (depth - 8)).astype(np.uint8)


def resize_to_square(image: Image.Image, resize_spec: ResizeSpec) -> ImageArray:
    """Resize an RGB image to a square.

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


def resize_pixels(pixels: ImageArray, resize_spec: ResizeSpec) -> ImageArray:
    """Resize pixels, (H, W, 3) uint8, to a square, (S, S, 3) uint8."""
    return resize_to_square(Image.fromarray(pixels), resize_spec)


def _is_of_usual_shape(image: Image.Image) -> bool:
    """Whether resizing the whole image is not much more work than its centre square."""
    return max(image.size) <= MOST_ELONGATED * min(image.size)


def _resize_as_torchvision(image: Image.Image, resize_spec: ResizeSpec) -> ImageArray:
    """Resize and crop an image exactly as torchvision's Resize(side) and CenterCrop(side) do.

    Source: torchvision 0.29, transforms.functional: the longer side is rounded down, and the crop's
    corner to the nearest pixel, halves to even.
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
    """The part of an image that becomes the centre square of its resized version.

    Resizing only this part gives the same result as resizing the whole image and cropping its
    centre, without computing the rest: an image of 1 x 5,000 pixels would first become one of
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
            shape = (image.height, image.width, len(image.getbands()))
            if shape != (side, side, 3):  # checked before memory for the pixels is allocated
                raise UsageError(
                    f"{name} has the shape {shape}, not ({side}, {side}, 3)", hint=hint
                )
            pixels: ImageArray = np.asarray(image, dtype=np.uint8)
    except UsageError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        raise UsageError(f"{name} cannot be decoded: {error}", hint=hint) from error
    return pixels
