"""Image files of others."""

import io
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alexcli.data.decode import ResizeSpec, decode_jpeg, read_square
from alexcli.schema import Resize
from tests.fuzz.outcomes import used_or_refused
from tests.fuzz.strategies import damaged

FORMATS = {
    "JPEG": ("RGB", "L", "CMYK"),
    "PNG": ("RGB", "RGBA", "P", "I;16", "1", "LA"),
    "GIF": ("P",),
    "BMP": ("RGB", "P"),
    "TIFF": ("RGB", "I;16", "F", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "PPM": ("RGB", "L"),
    "TGA": ("RGBA",),
    "ICO": ("RGBA",),
}


def image_file(form: str, mode: str) -> bytes:
    """An image of noise, 24 x 17 pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (17, 24, 4), dtype=np.uint8)
    if mode in ("I;16", "F"):
        image = Image.fromarray(noise[..., 0].astype({"I;16": np.uint16, "F": np.float32}[mode]))
    else:
        image = Image.fromarray(noise[..., :3]).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    file = io.BytesIO()
    image.save(file, form, **({"exif": exif} if form in ("JPEG", "PNG", "WEBP") else {}))
    return file.getvalue()


INTACT = [image_file(form, mode) for form, modes in FORMATS.items() for mode in modes]
JPEG = io.BytesIO()
Image.new("RGB", (16, 16), "teal").save(JPEG, "JPEG")


@given(st.sampled_from(INTACT).flatmap(damaged), st.sampled_from(Resize))
def test_a_damaged_image_is_refused_or_a_square(content: bytes, resize: Resize) -> None:
    path = Path("image.jpg")
    path.write_bytes(content)
    square = used_or_refused(
        "damaged images", lambda: read_square(path, ResizeSpec(8, resize, max_pixels=1_000_000))
    )
    assert square is None or (square.shape, square.dtype) == ((8, 8, 3), np.uint8)


@given(damaged(JPEG.getvalue()))
def test_a_damaged_image_of_a_store_is_refused_or_of_its_size(content: bytes) -> None:
    square = used_or_refused("damaged JPEGs of stores", lambda: decode_jpeg(content, 16, "image 1"))
    assert square is None or (square.shape, square.dtype) == ((16, 16, 3), np.uint8)
