import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexcli.data.decode import (
    SUFFIXES,
    ResizeSpec,
    UndecodableError,
    decode_jpeg,
    read_square,
    resize_to_square,
)
from alexcli.errors import UsageError
from alexcli.schema import Kernel, Resize

GRADIENT = np.arange(200, dtype=np.uint8)[:, None].repeat(300, axis=1)


def _resize_then_crop(image: Image.Image, side: int, kernel: Image.Resampling) -> np.ndarray:
    """Resize the whole image, then cut out the centre."""
    scale = side / min(image.size)
    width, height = (max(side, round(length * scale)) for length in image.size)
    whole = image.resize((width, height), kernel)
    left = (width - side) // 2
    top = (height - side) // 2
    return np.asarray(whole.crop((left, top, left + side, top + side)))


@pytest.mark.parametrize("kernel", list(Kernel))
@pytest.mark.parametrize("shape", [(300, 200), (97, 411), (40, 40), (64, 90)])
def test_a_square_is_the_centre_of_the_resized_image(
    kernel: Kernel, shape: tuple[int, int]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    ours = resize_to_square(image, ResizeSpec(64, kernel=kernel)).astype(int)
    theirs = _resize_then_crop(image, 64, Image.Resampling[kernel.name.upper()]).astype(int)
    assert np.abs(ours - theirs).max() <= 1  # Pillow rounds between its two passes


def test_warping_squashes_the_whole_image() -> None:
    image = Image.new("RGB", (300, 100), "white")
    image.paste("black", (0, 0, 150, 100))
    pixels = resize_to_square(image, ResizeSpec(50, Resize.warp))
    assert (pixels[:, :24] == 0).all()
    assert (pixels[:, 26:] == 255).all()
    assert str(ResizeSpec(50, Resize.warp, Kernel.bicubic)) == "warped, bicubic antialiased 50"


def _save(tmp_path: Path, image: Image.Image, name: str, **options: object) -> Path:
    path = tmp_path / name
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def test_cmyk_keeps_its_colours(tmp_path: Path) -> None:
    red = Image.new("RGB", (40, 30), (200, 30, 40)).convert("CMYK")
    pixels = read_square(_save(tmp_path, red, "cmyk.jpg", quality=98), ResizeSpec(20))
    assert np.abs(pixels.astype(int) - (200, 30, 40)).max() < 12


def test_ycck_keeps_its_colours(tmp_path: Path) -> None:
    """Pillow writes no YCCK: a CMYK file holds its components, and then its marker says so."""
    rgb = np.array([[200, 30, 40], [20, 180, 90], [30, 60, 220], [240, 240, 10]], dtype=np.uint8)
    bars = rgb.repeat(16, axis=0)[:, None].repeat(64, axis=1)
    ycc = np.asarray(Image.fromarray(255 - bars).convert("YCbCr"))  # of cyan, magenta and yellow
    stored = np.concatenate([ycc, np.full_like(ycc[..., :1], 255)], axis=2)  # no black
    inverted = Image.frombytes("CMYK", (64, 64), (255 - stored).tobytes())  # as Pillow writes it
    path = _save(tmp_path, inverted, "ycck.jpg", quality=98)
    content = bytearray(path.read_bytes())
    transform = content.index(b"Adobe") + 11
    assert content[transform] == 0  # CMYK
    assert np.abs(read_square(path, ResizeSpec(64)).astype(int) - bars).max() > 100
    content[transform] = 2  # YCCK
    path.write_bytes(content)
    pixels = read_square(path, ResizeSpec(64)).astype(int)[8::16]
    assert np.abs(pixels - bars[8::16]).max() < 6


def test_sixteen_bit_gray_keeps_its_high_byte_instead_of_turning_white(tmp_path: Path) -> None:
    deep = Image.fromarray((GRADIENT.astype(np.uint16) << 8) + 77)
    pixels = read_square(_save(tmp_path, deep, "deep.png"), ResizeSpec(200))
    assert np.array_equal(pixels[:, 0, 0], GRADIENT[:, 0])
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_transparent_pixels_show_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (30, 30), (255, 0, 0, 0))
    assert (read_square(_save(tmp_path, clear, "clear.png"), ResizeSpec(10)) == 255).all()
    palette = Image.new("P", (30, 30), 0)
    palette.putpalette([9, 9, 9])
    path = _save(tmp_path, palette, "palette.gif", transparency=0)
    assert (read_square(path, ResizeSpec(10)) == 255).all()


def test_an_image_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 40), "white")
    image.paste("black", (0, 0, 40, 20))  # dark above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    pixels = read_square(_save(tmp_path, image, "turned.png", exif=exif), ResizeSpec(40))
    assert (pixels[:, :19] == 255).all()  # so what was above is to the right
    assert (pixels[:, 21:] == 0).all()


def test_the_content_decides_not_the_ending(tmp_path: Path) -> None:
    path = tmp_path / "really_png.JPEG"
    Image.new("RGB", (9, 9), "red").save(path, format="PNG")
    assert (read_square(path, ResizeSpec(5)) == (255, 0, 0)).all()


def test_an_image_one_pixel_wide_needs_little_memory(tmp_path: Path) -> None:
    path = _save(tmp_path, Image.new("RGB", (1, 5000), "blue"), "thin.png")
    assert (read_square(path, ResizeSpec(256)) == (0, 0, 255)).all()


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def _bomb() -> bytes:
    """A PNG that claims 20,000 x 20,000 pixels."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", header) + _png_chunk(b"IEND", b"")


def _truncated() -> bytes:
    file = io.BytesIO()
    Image.fromarray(GRADIENT).save(file, "JPEG")
    return file.getvalue()[:900]


def test_resizing_takes_the_shorter_side_then_the_centre_square(tmp_path: Path) -> None:
    pixels = np.zeros((40, 100, 3), dtype=np.uint8)
    pixels[:, 30:70] = 255  # the centre square of a wide image is white
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert (read_square(tmp_path / "wide.png", ResizeSpec(40)) == 255).all()
    half = read_square(tmp_path / "wide.png", ResizeSpec(20))
    assert (half[:, 1:-1] == 255).all()  # antialiasing reaches one pixel in from the edge
    assert (half[:, 0] > 128).all()


@pytest.mark.parametrize("mode", ["L", "LA", "P", "CMYK", "RGBA", "1"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / f"x.{'tif' if mode == 'CMYK' else 'png'}"
    Image.new("RGB", (9, 9), (200, 200, 200)).convert(mode).save(path)
    assert read_square(path, ResizeSpec(9)).shape == (9, 9, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "it is a pointer of git-lfs"),
        (b"II*\0" + bytes(40), "a damaged TIFF, or one whose pixel type is not supported"),
        (b"GIF89a, or so it says", "not an image"),
        (_truncated(), "truncated"),
        (_bomb(), "400,000,000 pixels"),
    ],
    ids=["empty", "page", "pointer", "tiff", "text", "truncated", "bomb"],
)
def test_what_cannot_be_decoded_is_named_with_the_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "bad.JPEG").write_bytes(content)
    with pytest.raises(UsageError, match=r"bad\.JPEG (cannot be decoded|has)") as caught:
        read_square(tmp_path / "bad.JPEG", ResizeSpec(8))
    assert reason in caught.value.message


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    path = _save(tmp_path, Image.fromarray(GRADIENT.astype(np.float32)), "float.tiff")
    with pytest.raises(UsageError, match="no fixed range"):
        read_square(path, ResizeSpec(8))


def test_a_stored_jpeg_of_another_size_is_refused() -> None:
    file = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(file, "JPEG")
    assert decode_jpeg(file.getvalue(), 9, "image 3").shape == (9, 9, 3)
    with pytest.raises(UsageError, match=r"image 3 has the shape \(9, 9, 3\), not \(8, 8, 3\)"):
        decode_jpeg(file.getvalue(), 8, "image 3")


@pytest.mark.parametrize(
    "size", [(500, 375), (375, 500), (333, 500), (401, 300), (64, 64), (97, 40)]
)
@pytest.mark.parametrize("side", [64, 100])
def test_the_rule_of_torchvision_is_that_of_its_transforms(
    size: tuple[int, int], side: int
) -> None:
    from torchvision.transforms import CenterCrop, Compose
    from torchvision.transforms import Resize as TorchvisionResize

    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    theirs = Compose([TorchvisionResize(side), CenterCrop(side)])(image)
    ours = resize_to_square(image, ResizeSpec(side, Resize.torchvision))
    assert np.array_equal(ours, np.asarray(theirs))


def test_the_rule_of_torchvision_does_not_blow_up_a_strip() -> None:
    strip = Image.new("RGB", (1, 5000), "blue")
    pixels = resize_to_square(strip, ResizeSpec(64, Resize.torchvision))
    assert pixels.shape == (64, 64, 3)
    assert (pixels == (0, 0, 255)).all()


def _gray16(tmp_path: Path, largest: int) -> Path:
    """A gray image of 16 bits whose values reach `largest`."""
    values = np.linspace(0, largest, 64, dtype=np.uint16)[None].repeat(64, axis=0)
    return _save(tmp_path, Image.fromarray(values), "deep.png")


@pytest.mark.parametrize(("bits", "largest"), [(12, 4095), (8, 255), (14, 16383)])
def test_gray_values_that_leave_bits_unused_are_refused_unless_their_depth_is_said(
    tmp_path: Path, bits: int, largest: int
) -> None:
    path = _gray16(tmp_path, largest)
    with pytest.raises(UsageError, match=rf"use {bits} \(the largest is") as caught:
        read_square(path, ResizeSpec(64))
    assert f"data.depth={bits}" in (caught.value.hint or "")
    pixels = read_square(path, ResizeSpec(64, depth=bits))
    assert (pixels[0, 0, 0], pixels[0, -1, 0]) == (0, 255)
    dark = read_square(path, ResizeSpec(64, depth=16))
    assert dark.max() == largest >> 8


def test_values_beyond_the_depth_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="65,535, which has more than 12 bits"):
        read_square(_gray16(tmp_path, 65535), ResizeSpec(8, depth=12))


def test_eight_bits_in_32_are_read_where_the_depth_is_said(tmp_path: Path) -> None:
    values = np.arange(256, dtype=np.int32).reshape(16, 16)
    path = _save(tmp_path, Image.fromarray(values), "deep.tiff")
    pixels = read_square(path, ResizeSpec(16, depth=8))
    assert np.array_equal(pixels[..., 0], values)


def test_a_limit_of_pixels_is_a_key_that_the_hint_names(tmp_path: Path) -> None:
    path = _save(tmp_path, Image.new("RGB", (30, 20), "red"), "large.png")
    with pytest.raises(UsageError, match=r"has 600 pixels .* the limit is 599") as caught:
        read_square(path, ResizeSpec(8, max_pixels=599))
    assert "data.max_pixels=600 allows it" in (caught.value.hint or "")
    assert read_square(path, ResizeSpec(8, max_pixels=600)).shape == (8, 8, 3)


@pytest.mark.parametrize("max_pixels", [599, 100], ids=["Pillow warns", "Pillow refuses"])
def test_a_large_image_never_lifts_the_limit_of_other_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_pixels: int
) -> None:
    limits = set()

    def open_noting_limit(*args: object, **options: object) -> Image.Image:
        limits.add(Image.MAX_IMAGE_PIXELS)
        return open_image(*args, **options)  # type: ignore[arg-type]

    path = _save(tmp_path, Image.new("RGB", (30, 20), "red"), "large.png")
    open_image = Image.open
    monkeypatch.setattr(Image, "open", open_noting_limit)
    with pytest.raises(UsageError, match="has 600 pixels"):
        read_square(path, ResizeSpec(8, max_pixels=max_pixels))
    assert limits == {max_pixels}


def test_a_silenced_warning_of_pillow_does_not_lift_the_limit(tmp_path: Path) -> None:
    path = _save(tmp_path, Image.new("RGB", (30, 20), "red"), "large.png")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UsageError, match="has 600 pixels"):
            read_square(path, ResizeSpec(8, max_pixels=599))


def test_an_icon_is_measured_by_the_image_in_it(tmp_path: Path) -> None:
    """Pillow decodes an icon as it opens it, whatever size its header states."""
    png = _bomb()
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(png), 22)
    (tmp_path / "a.ico").write_bytes(struct.pack("<HHH", 0, 1, 1) + entry + png)
    with pytest.raises(UsageError, match="has 400,000,000 pixels") as caught:
        read_square(tmp_path / "a.ico", ResizeSpec(8))
    assert "data.max_pixels=400000000 allows it" in (caught.value.hint or "")


def test_a_damaged_file_that_claims_too_many_pixels_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    Image.new("RGB", (24, 17)).save(path, exif=b"Exif\0\0x")  # in the form that names a canvas
    content = bytearray(path.read_bytes())
    assert content[12:16] == b"VP8X"
    content[24:30] = b"\xff" * 6
    path.write_bytes(content)
    with pytest.raises(UndecodableError, match=r"a\.webp cannot be decoded: "):
        read_square(path, ResizeSpec(8))


def test_a_pipe_and_a_link_to_nowhere_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UsageError, match="not a file"):
        read_square(tmp_path / "pipe.jpg", ResizeSpec(8))
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with pytest.raises(UsageError, match="a link that leads nowhere"):
        read_square(tmp_path / "gone.jpg", ResizeSpec(8))


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x18ftyphevc", "HEIC"),
        (b"\0\0\0\x18ftypmsf1", "HEIF"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<svg/>", "SVG"),
    ],
)
def test_formats_that_are_not_read_are_named_by_content(
    tmp_path: Path, start: bytes, name: str
) -> None:
    (tmp_path / "photo.jpg").write_bytes(start + bytes(40))
    with pytest.raises(UsageError, match=f"of the format {name}, which is not read"):
        read_square(tmp_path / "photo.jpg", ResizeSpec(8))


def test_formats_that_are_not_read_are_named_by_ending(tmp_path: Path) -> None:
    (tmp_path / "photo.cr2").write_bytes(b"?" * 40)
    with pytest.raises(UsageError, match="of the format raw, which is not read"):
        read_square(tmp_path / "photo.cr2", ResizeSpec(8))


def test_postscript_is_never_executed(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "x.eps")
    (tmp_path / "x.eps").rename(tmp_path / "x.jpg")
    with pytest.raises(UsageError, match="of the format EPS, which is not read"):
        read_square(tmp_path / "x.jpg", ResizeSpec(8))
    assert ".eps" not in SUFFIXES
    assert {".jpg", ".png", ".tif", ".webp", ".bmp", ".gif"} <= SUFFIXES
