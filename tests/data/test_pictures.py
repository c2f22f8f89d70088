import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexcli.data.pictures import Reading, read_square, square
from alexcli.errors import UsageError
from alexcli.schema import Kernel, Resize

GRADIENT = np.arange(200, dtype=np.uint8)[:, None].repeat(300, axis=1)


def _plain(picture: Image.Image, side: int, kernel: Image.Resampling) -> np.ndarray:
    """Resize the whole picture, then cut out the centre."""
    scale = side / min(picture.size)
    wide, high = (max(side, round(length * scale)) for length in picture.size)
    whole = picture.resize((wide, high), kernel)
    left, top = (wide - side) // 2, (high - side) // 2
    return np.asarray(whole.crop((left, top, left + side, top + side)))


@pytest.mark.parametrize("kernel", list(Kernel))
@pytest.mark.parametrize("shape", [(300, 200), (97, 411), (40, 40), (64, 90)])
def test_a_square_is_the_centre_of_the_resized_picture(
    kernel: Kernel, shape: tuple[int, int]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    ours = square(picture, Reading(64, kernel=kernel)).astype(int)
    theirs = _plain(picture, 64, Image.Resampling[kernel.name.upper()]).astype(int)
    assert np.abs(ours - theirs).max() <= 1  # Pillow rounds between its two passes


def test_warping_squashes_the_whole_picture() -> None:
    picture = Image.new("RGB", (300, 100), "white")
    picture.paste("black", (0, 0, 150, 100))
    found = square(picture, Reading(50, Resize.warp))
    assert (found[:, :24] == 0).all()
    assert (found[:, 26:] == 255).all()
    assert str(Reading(50, Resize.warp, Kernel.bicubic)) == "warped, bicubic antialiased 50"


def _saved(tmp_path: Path, picture: Image.Image, name: str, **options: object) -> Path:
    path = tmp_path / name
    picture.save(path, **options)  # type: ignore[arg-type]
    return path


def test_cmyk_keeps_its_colours(tmp_path: Path) -> None:
    red = Image.new("RGB", (40, 30), (200, 30, 40)).convert("CMYK")
    found = read_square(_saved(tmp_path, red, "cmyk.jpg", quality=98), Reading(20))
    assert np.abs(found.astype(int) - (200, 30, 40)).max() < 12


def test_ycck_keeps_its_colours(tmp_path: Path) -> None:
    """Pillow writes no YCCK: a CMYK file holds its components, and then its marker says so."""
    rgb = np.array([[200, 30, 40], [20, 180, 90], [30, 60, 220], [240, 240, 10]], dtype=np.uint8)
    bars = rgb.repeat(16, axis=0)[:, None].repeat(64, axis=1)
    ycc = np.asarray(Image.fromarray(255 - bars).convert("YCbCr"))  # of cyan, magenta and yellow
    stored = np.concatenate([ycc, np.full_like(ycc[..., :1], 255)], axis=2)  # no black
    turned = Image.frombytes("CMYK", (64, 64), (255 - stored).tobytes())  # as Pillow writes it
    path = _saved(tmp_path, turned, "ycck.jpg", quality=98)
    content = bytearray(path.read_bytes())
    transform = content.index(b"Adobe") + 11
    assert content[transform] == 0  # CMYK
    assert np.abs(read_square(path, Reading(64)).astype(int) - bars).max() > 100
    content[transform] = 2  # YCCK
    path.write_bytes(content)
    found = read_square(path, Reading(64)).astype(int)[8::16]
    assert np.abs(found - bars[8::16]).max() < 6


def test_sixteen_bit_gray_keeps_its_high_byte_instead_of_turning_white(tmp_path: Path) -> None:
    deep = Image.fromarray((GRADIENT.astype(np.uint16) << 8) + 77)
    found = read_square(_saved(tmp_path, deep, "deep.png"), Reading(200))
    assert np.array_equal(found[:, 0, 0], GRADIENT[:, 0])
    assert (found[..., 0] == found[..., 2]).all()


def test_transparent_pixels_show_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (30, 30), (255, 0, 0, 0))
    assert (read_square(_saved(tmp_path, clear, "clear.png"), Reading(10)) == 255).all()
    palette = Image.new("P", (30, 30), 0)
    palette.putpalette([9, 9, 9])
    path = _saved(tmp_path, palette, "palette.gif", transparency=0)
    assert (read_square(path, Reading(10)) == 255).all()


def test_a_picture_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    picture = Image.new("RGB", (40, 40), "white")
    picture.paste("black", (0, 0, 40, 20))  # dark above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    found = read_square(_saved(tmp_path, picture, "turned.png", exif=exif), Reading(40))
    assert (found[:, :19] == 255).all()  # so what was above is to the right
    assert (found[:, 21:] == 0).all()


def test_the_content_decides_not_the_ending(tmp_path: Path) -> None:
    path = tmp_path / "really_png.JPEG"
    Image.new("RGB", (9, 9), "red").save(path, format="PNG")
    assert (read_square(path, Reading(5)) == (255, 0, 0)).all()


def test_a_picture_one_pixel_wide_needs_little_memory(tmp_path: Path) -> None:
    path = _saved(tmp_path, Image.new("RGB", (1, 5000), "blue"), "thin.png")
    assert (read_square(path, Reading(256)) == (0, 0, 255)).all()


def _bomb() -> bytes:
    """A PNG that claims 20,000 x 20,000 pixels."""
    import struct
    import zlib

    def part(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IEND", b"")


def _truncated() -> bytes:
    whole = io.BytesIO()
    Image.fromarray(GRADIENT).save(whole, "JPEG")
    return whole.getvalue()[:900]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"GIF89a, or so it says", "not a picture"),
        (_truncated(), "truncated"),
        (_bomb(), "exceeds limit"),
    ],
    ids=["empty", "text", "truncated", "bomb"],
)
def test_what_cannot_be_decoded_is_named_with_the_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "bad.JPEG").write_bytes(content)
    with pytest.raises(UsageError, match=r"bad\.JPEG cannot be decoded") as caught:
        read_square(tmp_path / "bad.JPEG", Reading(8))
    assert reason in caught.value.message


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    path = _saved(tmp_path, Image.fromarray(GRADIENT.astype(np.float32)), "float.tiff")
    with pytest.raises(UsageError, match="no fixed range"):
        read_square(path, Reading(8))
