"""What a picture file may be, and what becomes of it."""

import base64
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.recordings.pictures import (
    Unusable,
    _natural_order,
    is_picture,
    list_files,
    load_picture,
)

# 24 x 16 pixels of red in cyan, magenta, yellow and black, as Adobe's programs write it.
CMYK_RED = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAIBgYHBgUIBwcHCQkICgwUDQwLCwwZEhMPFB0aHx4dGhwcICQuJyAiLCMcHCg3"
    "KSwwMTQ0NB8nOT04MjwuMzQy/8AAFAgAEAAYBEMRAE0RAFkRAEsRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAAHCP/EABQQ"
    "AQAAAAAAAAAAAAAAAAAAAAD/2gAOBEMATQBZAEsAAD8Av7P7P6/gAAAAAA//2Q=="
)
FORMATS = (".jpg", ".png", ".bmp", ".webp", ".tif")


def scene(width_px: int = 48, height_px: int = 32) -> npt.NDArray[np.uint8]:
    """Return a smooth coloured picture."""
    rows, columns = np.mgrid[0:height_px, 0:width_px]
    planes = (40 + 2 * rows, 90 + columns, 200 - rows - columns)
    return np.clip(np.dstack(planes), 0, 255).astype(np.uint8)


def encoded(picture: npt.NDArray[np.uint8 | np.uint16], kind: str) -> bytes:
    """Return a picture's file."""
    done, data = cv2.imencode(kind, picture)
    assert done
    return data.tobytes()


def written(folder: Path, name: str, data: bytes) -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def png_claiming(width_px: int, height_px: int) -> bytes:
    """Return a small PNG whose header claims any size."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_comes_as_it_was(tmp_path: Path, kind: str) -> None:
    """It should give a picture of each format as uint8 BGR of its own size."""
    found = load_picture(written(tmp_path, f"a{kind}", encoded(scene(), kind)), longer_px=48)
    assert not isinstance(found, Unusable)
    assert found.dtype == np.uint8
    assert found.shape == (32, 48, 3)
    assert np.abs(found.astype(int) - scene()).mean() < 4


@pytest.mark.parametrize(
    ("kind", "picture"),
    [
        (".jpg", scene()[:, :, 0]),
        (".png", scene()[:, :, 0]),
        (".png", np.dstack([scene(), np.full((32, 48), 100, np.uint8)])),
        (".webp", np.dstack([scene(), np.full((32, 48), 100, np.uint8)])),
        (".png", scene().astype(np.uint16) * 257),
        (".tif", scene().astype(np.uint16) * 257),
        (".png", scene()[:, :, 0].astype(np.uint16) * 257),
    ],
    ids=["grey jpg", "grey png", "alpha png", "alpha webp", "16 png", "16 tif", "16 grey png"],
)
def test_odd_pixels_become_plain_ones(
    tmp_path: Path, kind: str, picture: npt.NDArray[np.uint8 | np.uint16]
) -> None:
    """It should turn grey, transparent and 16-bit pictures into the same colours in uint8 BGR."""
    found = load_picture(written(tmp_path, f"a{kind}", encoded(picture, kind)), longer_px=48)
    assert not isinstance(found, Unusable)
    wanted = scene() if picture.ndim == 3 else np.dstack([scene()[:, :, 0]] * 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - wanted).mean() < 5


def test_cmyk_becomes_bgr(tmp_path: Path) -> None:
    """It should show the red of a CMYK JPEG as red."""
    found = load_picture(written(tmp_path, "red.jpg", CMYK_RED), longer_px=24)
    assert not isinstance(found, Unusable)
    assert found.shape == (16, 24, 3)
    assert (np.abs(found.astype(int) - (0, 0, 255)) < 4).all()


@pytest.mark.parametrize(("wanted_px", "longer_px"), [(1600, 1600), (799, 800), (100, 200)])
def test_large_pictures_are_decoded_small(tmp_path: Path, wanted_px: int, longer_px: int) -> None:
    """It should reduce a large picture by a power of two, never below what is wanted."""
    path = written(tmp_path, "large.jpg", encoded(scene(1600, 800), ".jpg"))
    found = load_picture(path, longer_px=wanted_px)
    assert not isinstance(found, Unusable)
    assert found.shape == (longer_px // 2, longer_px, 3)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"just some notes about a belt\n", "not a JPEG"),
        (b"BMW is no bitmap, whatever its first letters say", "not a JPEG"),
        (encoded(scene(), ".jpg")[:60], "header"),
        (encoded(scene(), ".jpg")[:-400], "damaged"),
        (encoded(scene(), ".png")[:-40], "damaged"),
        (encoded(scene(15, 200), ".png"), "15 x 200"),
        (png_claiming(20_000, 20_000), "megapixels"),
    ],
    ids=["empty", "text", "bmw", "header", "jpg", "png", "tiny", "huge"],
)
def test_unusable_files_say_why(
    tmp_path: Path, data: bytes, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It should give one line that names the file and what is wrong with it, and no other."""
    path = written(tmp_path, "odd.jpg", data)
    found = load_picture(path, longer_px=48)
    assert isinstance(found, Unusable)
    assert str(found).startswith(f"{path}: skipped: ")
    assert why in str(found)
    assert "\n" not in str(found)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "data",
    [
        # Only the headers are there: whoever decodes before looking finds nothing to refuse.
        b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, 30_000, 30_000, 3) + bytes(40),
        b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<II", 10, 0) + b"\xff\x3f\0" * 2,
        b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"/\xff\xff\xff\x0f",
        b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + b"\xff\x3f\xff\x3f",
        b"II*\0" + struct.pack("<IHHHIIHHII", 8, 2, 256, 4, 1, 30_000, 257, 4, 1, 30_000),
        b"MM\0*" + struct.pack(">IHHHIHHHHIHH", 8, 2, 256, 3, 1, 30_000, 0, 257, 3, 1, 30_000, 0),
        b"BM" + bytes(12) + struct.pack("<Iii", 40, 30_000, -30_000),
    ],
    ids=["jpeg", "webp x", "webp lossless", "webp", "tiff", "tiff big end", "bmp"],
)
def test_size_is_refused_by_the_header(tmp_path: Path, data: bytes) -> None:
    """It should refuse a huge picture of any format before it decodes a single pixel."""
    found = load_picture(written(tmp_path, "huge", data), longer_px=48)
    assert isinstance(found, Unusable)
    assert "megapixels" in found.why


@pytest.mark.parametrize("kind", FORMATS)
def test_damage_is_data(tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    """It should turn any damage into pixels or one line, and leave the terminal alone."""
    whole = encoded(scene(), kind)
    seed = np.random.default_rng(FORMATS.index(kind))
    for _ in range(60):
        bad = bytearray(whole[: seed.integers(1, len(whole) + 1)])
        for at in seed.integers(0, len(bad), 3):
            bad[at] = seed.integers(0, 256)
        found = load_picture(written(tmp_path, f"bad{kind}", bytes(bad)), longer_px=48)
        if isinstance(found, Unusable):
            assert str(found).count("\n") == 0
        else:
            assert found.dtype == np.uint8
            assert found.shape[2] == 3
    # Flipped bits that leave a JPEG readable are remarked upon by libjpeg itself.
    assert kind == ".jpg" or capfd.readouterr().err == ""


def test_a_png_with_too_few_pixels_is_damaged(tmp_path: Path) -> None:
    """It should pass over a picture that holds less than its header says."""
    found = load_picture(written(tmp_path, "few.png", png_claiming(640, 480)), longer_px=48)
    assert isinstance(found, Unusable)
    assert "damaged" in found.why


def test_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    """It should name a missing file and a folder as such, and not fail."""
    assert "regular file" in str(load_picture(tmp_path, longer_px=48))
    assert "regular file" in str(load_picture(tmp_path / "gone.jpg", longer_px=48))


def test_files_come_in_the_order_of_a_person(tmp_path: Path) -> None:
    """It should put img2 before img10, whatever the case, and go through sub-folders."""
    names = ["b/img1.png", "IMG10.png", "img2.png", "a/Z.png", "a/b.png", "img1.PNG"]
    for name in [*names, ".hidden.png", ".git/img0.png"]:
        written(tmp_path, name, b"x")
    files, closed = list_files(tmp_path)
    order = ["a/b.png", "a/Z.png", "b/img1.png", "img1.PNG", "img2.png", "IMG10.png"]
    assert [str(file.relative_to(tmp_path)) for file in files] == order
    assert closed == []


@given(st.lists(st.integers(0, 10**6), unique=True), st.text("abcXYZ_", max_size=3))
def test_numbers_count_by_value(numbers: list[int], name: str) -> None:
    """It should order names that differ in a number alone as the numbers are."""
    paths = [Path(f"{name}{number}.jpg") for number in numbers]
    wanted = [Path(f"{name}{number}.jpg") for number in sorted(numbers)]
    assert sorted(paths, key=_natural_order) == wanted


@given(st.lists(st.text("aB19.-", min_size=1, max_size=6), min_size=2, unique=True))
def test_any_names_have_one_order(names: list[str]) -> None:
    """It should order any names, and the same way whatever order they came in."""
    forward = [Path(name) for name in names]
    backward = forward[::-1]
    forward.sort(key=_natural_order)
    backward.sort(key=_natural_order)
    assert forward == backward


@given(st.binary(min_size=16, max_size=64))
def test_any_beginning_can_be_asked(head: bytes) -> None:
    """It should answer for any bytes whether they begin a picture."""
    assert is_picture(head) in {True, False}
