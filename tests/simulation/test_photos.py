"""Photographs as pieces: what is cut out of them, and what a folder of anything gives."""

import base64
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sorterd.simulation.background import part_from_background
from sorterd.simulation.photos import KEPT_PIECES, LENGTH_MM, PhotoFault, PhotoShelf, open_photos

Pixels = npt.NDArray[np.uint8]
LABELS = ("glass", "metal", "paper")
SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
# 24 x 16 pixels of red in cyan, magenta, yellow and black, as Adobe's programs write it.
CMYK_RED = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAIBgYHBgUIBwcHCQkICgwUDQwLCwwZEhMPFB0aHx4dGhwcICQuJyAiLCMcHCg3"
    "KSwwMTQ0NB8nOT04MjwuMzQy/8AAFAgAEAAYBEMRAE0RAFkRAEsRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAAHCP/EABQQ"
    "AQAAAAAAAAAAAAAAAAAAAAD/2gAOBEMATQBZAEsAAD8Av7P7P6/gAAAAAA//2Q=="
)


def board(seed: int, *, rows: int = 180, columns: int = 240) -> npt.NDArray[np.float32]:
    """Return a white board under a lamp that stands to one side, with a sensor's noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    lamp = 205 - 22 * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)) - 12 * (x * x + y * y)
    noise = rng.normal(0, 2, (rows, columns, 3))
    return np.asarray(lamp[..., None] + (-8, 0, 3) + noise, np.float32)


def with_thing(
    seed: int, colour: tuple[int, int, int], *, shadow: float = 0.0
) -> tuple[Pixels, Pixels]:
    """Return a photograph of one striped, turned box on a board, and the box's true mask."""
    rng = np.random.default_rng(seed)
    picture = board(seed)
    size = (rng.uniform(60, 110), rng.uniform(40, 70))
    middle, turn_deg = (rng.uniform(105, 135), rng.uniform(80, 100)), rng.uniform(0, 180)
    corners = cv2.boxPoints((middle, size, turn_deg))
    dark = np.zeros(picture.shape[:2], np.float32)
    cv2.fillConvexPoly(dark, (corners + 7).astype(np.int32), (shadow,))
    picture *= 1 - cv2.GaussianBlur(dark, (0, 0), 6)[..., None]
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, corners.astype(np.int32), (1,), cv2.LINE_8)
    stripes = 0.8 + 0.2 * (np.arange(picture.shape[1]) // 9 % 2)
    picture[mask > 0] = (np.array(colour) * stripes[None, :, None] + 0 * picture)[mask > 0]
    return np.clip(picture, 0, 255).astype(np.uint8), mask


def overlap_frac(alpha: Pixels, mask: Pixels) -> float:
    """Return intersection over union."""
    found = alpha > 127
    return float((found & (mask > 0)).sum() / (found | (mask > 0)).sum())


def written(path: Path, picture: npt.NDArray[np.uint8 | np.uint16]) -> Path:
    """Write a picture in the format of the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(path.suffix, picture)
    assert done
    path.write_bytes(data.tobytes())
    return path


def png_claiming(columns: int, rows: int) -> bytes:
    """Return a small file that says it is a large picture."""
    head = b"IHDR" + struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with photographs of all labels."""
    for number, label in enumerate(LABELS):
        for seed in range(3):
            picture, _ = with_thing(10 * number + seed, (40, 60 + 50 * seed, 160))
            written(tmp_path / label / f"{seed}.png", picture)
    return tmp_path


def same(first: PhotoShelf, second: PhotoShelf, seed: int) -> bool:
    """Tell whether two shelves give the same piece."""
    one, other = first.take(np.random.default_rng(seed)), second.take(np.random.default_rng(seed))
    return (
        one.label == other.label
        and one.pixels.tobytes() == other.pixels.tobytes()
        and one.alpha.tobytes() == other.alpha.tobytes()
        and (one.length_mm, one.width_mm) == (other.length_mm, other.width_mm)
    )


@pytest.mark.parametrize("colour", [(30, 40, 160), (150, 90, 30), (25, 25, 28), (60, 140, 190)])
@pytest.mark.parametrize("shadow", [0.0, 0.22])
def test_one_thing_is_cut_from_a_plain_board(colour: tuple[int, int, int], shadow: float) -> None:
    """It should find the thing's outline, and leave uneven light and soft shadow on the board."""
    for seed in range(4):
        picture, mask = with_thing(seed, colour, shadow=shadow)
        alpha, whole = part_from_background(picture)
        assert not whole
        assert overlap_frac(alpha, mask) > 0.9


def test_white_on_white_is_found_by_its_outline() -> None:
    """It should cut out a white sheet of which only a hem and some print differ from the board."""
    picture = board(2)
    cv2.rectangle(picture, (60, 40), (180, 140), (214, 222, 225), cv2.FILLED)
    cv2.rectangle(picture, (60, 40), (180, 140), (120, 125, 130), 2)
    cv2.rectangle(picture, (80, 60), (120, 70), (40, 40, 190), cv2.FILLED)
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[40:141, 60:181] = 1
    alpha, whole = part_from_background(np.clip(picture, 0, 255).astype(np.uint8))
    assert not whole
    assert overlap_frac(alpha, mask) > 0.85


def test_what_cannot_be_cut_stays_whole() -> None:
    """It should keep a shelf full of things, a bare board and a close-up but for their corners."""
    rng = np.random.default_rng(5)
    shelf = np.asarray(
        cv2.resize(rng.integers(0, 255, (12, 16, 3), np.uint8), (240, 180)), np.uint8
    )
    brown = np.clip(board(4) * (0.5, 0.68, 0.85), 0, 255).astype(np.uint8)
    cv2.putText(brown, "1003", (90, 90), cv2.FONT_HERSHEY_DUPLEX, 0.8, (40, 40, 40), 2)
    for picture in (shelf, np.clip(board(3), 0, 255).astype(np.uint8), brown):
        alpha, whole = part_from_background(picture)
        assert whole
        assert alpha[0, 0] == alpha[-1, -1] == alpha[0, -1] == alpha[-1, 0] == 0
        assert (alpha == 255).mean() > 0.97


@given(
    picture=hnp.arrays(
        np.uint8, st.tuples(st.integers(16, 90), st.integers(16, 90), st.just(3)), fill=st.just(200)
    )
)
@settings(max_examples=40, deadline=None)
def test_any_pixels_give_a_cover(picture: Pixels) -> None:
    """It should give a cover in which something can be seen, whatever the picture shows."""
    alpha, whole = part_from_background(picture)
    assert alpha.shape == picture.shape[:2]
    assert alpha.dtype == np.uint8
    assert alpha.max() > 127
    assert isinstance(whole, bool)


def test_same_pixels_same_cover() -> None:
    """It should cut the same way again, whatever OpenCV's own generator did in between."""
    picture, _ = with_thing(1, (30, 90, 150), shadow=0.3)
    first, _ = part_from_background(picture)
    cv2.setRNGSeed(99)
    second, _ = part_from_background(picture)
    assert first.tobytes() == second.tobytes()


def test_pieces_are_plausible(folder: Path) -> None:
    """It should give cut pieces of a hand's size, of the label asked for or of any."""
    shelf = open_photos(folder, LABELS)
    assert shelf.labels == LABELS
    assert shelf.faults == []
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(40):
        piece = shelf.take(rng)
        seen.add(piece.label)
        assert LENGTH_MM[0] <= max(piece.length_mm, piece.width_mm) <= LENGTH_MM[1]
        rows, columns = piece.alpha.shape
        assert piece.length_mm / columns == pytest.approx(piece.width_mm / rows)
        assert not piece.whole
        assert not piece.pixels.flags.writeable
    assert seen == set(LABELS)
    assert {shelf.take(rng, "metal").label for _ in range(5)} == {"metal"}
    with pytest.raises(KeyError):
        shelf.take(rng, "cardboard")


def test_a_piece_depends_on_the_generator_alone(folder: Path) -> None:
    """It should give the same piece whatever was taken, or found broken, before."""
    (folder / "glass" / "1.png").write_bytes((folder / "glass" / "1.png").read_bytes()[:-300])
    fresh, used = open_photos(folder, LABELS), open_photos(folder, LABELS)
    for seed in range(50, 70):
        used.take(np.random.default_rng(seed))
    assert all(same(fresh, used, seed) for seed in range(12))


def test_bad_files_are_left_out_with_a_line_each(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It should use what can be used, name the rest once with what to do, and print nothing."""
    metal = folder / "metal"
    grey = with_thing(40, (60, 60, 60))[0][:, :, 0]
    picture = with_thing(41, (50, 60, 170))[0]
    opaque = np.full((*picture.shape[:2], 1), 255, np.uint8)
    written(metal / "grey.png", grey)
    written(metal / "alpha.png", np.concatenate([picture, opaque], axis=2))
    written(metal / "deep.png", picture[:, ::-1].astype(np.uint16) * np.uint16(257))
    written(metal / "sub" / "webp.webp", picture[::-1])
    written(metal / "large.jpg", np.asarray(cv2.resize(picture, (2400, 1800)), np.uint8))
    (metal / "cmyk.jpg").write_bytes(CMYK_RED)
    bad = {
        "notes.txt": b"not a picture",
        "empty.jpg": b"",
        "cut.jpg": (metal / "large.jpg").read_bytes()[:900],
        "half.png": (metal / "grey.png").read_bytes()[:-400],
        "huge.png": png_claiming(60_000, 60_000),
        "tiny.png": written(metal / "tiny.png", picture[:3, :3]).read_bytes(),
        "strip.png": written(metal / "strip.png", np.tile(picture[:20], (1, 8, 1))).read_bytes(),
    }
    for name, data in bad.items():
        (metal / name).write_bytes(data)
    shelf = open_photos(folder, LABELS)
    rng = np.random.default_rng(0)
    taken = {shelf.take(rng, "metal").pixels.tobytes() for _ in range(150)}
    assert len(taken) == 3 + 6
    assert sorted(Path(line.split(":")[0]).name for line in shelf.faults) == sorted(bad)
    assert all("\n" not in line and ";" in line for line in shelf.faults)
    assert capfd.readouterr() == ("", "")


def test_folders_are_matched_to_labels(folder: Path) -> None:
    """It should match names without case, and name folders and pictures that belong to no class."""
    (folder / "paper").rename(folder / "Paper")
    (folder / "glass").rename(folder / "bottles")
    written(folder / "stray.png", with_thing(3, (20, 20, 120))[0])
    (folder / "SOURCES.csv").write_text("file,class\n")
    (folder / "glass").mkdir()
    shelf = open_photos(folder, LABELS)
    assert shelf.labels == ("metal", "paper")
    assert len(shelf.faults) == 3
    assert any(
        "bottles: skipped: no such class" in line and "glass" in line for line in shelf.faults
    )
    assert any("stray.png" in line for line in shelf.faults)
    assert any("glass: the folder holds no photographs" in line for line in shelf.faults)


def test_a_folder_without_pieces_is_a_fault(tmp_path: Path) -> None:
    """It should say in one line what is wrong with the folder, and what to give instead."""
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "others" / "cats").mkdir(parents=True)
    (tmp_path / "broken" / "glass").mkdir(parents=True)
    (tmp_path / "broken" / "glass" / "a.png").write_bytes(png_claiming(40, 40))
    (tmp_path / "broken" / "glass" / "b.txt").write_text("b")
    for name, why in (
        ("missing", "no such folder"),
        ("file", "not a folder"),
        ("empty", "is empty"),
        ("others", "no sub-folder is named after a class"),
        ("broken", "none of its files can be used"),
    ):
        with pytest.raises(PhotoFault, match=why) as caught:
            open_photos(tmp_path / name, LABELS)
        assert str(tmp_path / name) in str(caught.value)
        assert "one sub-folder of photographs per class" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_photographs_are_opened_when_taken(folder: Path) -> None:
    """It should notice damage when it takes a photograph, and a label that is gone altogether."""
    shelf = open_photos(folder, LABELS)
    for path in (folder / "paper").iterdir():
        path.write_bytes(b"gone")
    fresh = PhotoShelf({"glass": sorted((folder / "glass").iterdir())}, [])
    assert {fresh.take(np.random.default_rng(s)).label for s in range(5)} == {"glass"}
    shelf._cut.cache_clear()
    with pytest.raises(PhotoFault, match="none of 3 photographs of paper"):
        shelf.take(np.random.default_rng(0), "paper")
    assert len(shelf.faults) == 3


def test_memory_is_bounded(tmp_path: Path) -> None:
    """It should keep no more than so many cut photographs."""
    picture, _ = with_thing(0, (30, 60, 150))
    small = np.asarray(cv2.resize(picture, (60, 45), interpolation=cv2.INTER_AREA), np.uint8)
    for number in range(KEPT_PIECES + 10):
        written(tmp_path / "glass" / f"{number}.png", small)
    shelf = open_photos(tmp_path, LABELS)
    rng = np.random.default_rng(0)
    for _ in range(3 * KEPT_PIECES):
        shelf.take(rng)
    assert shelf._cut.cache_info().currsize == KEPT_PIECES


@pytest.mark.skipif(not (SHARED / "field").is_dir(), reason="no ../shared/data beside the project")
def test_real_photographs_are_cut() -> None:
    """It should cut every photograph that shows one thing on plain grey."""
    paths = sorted((SHARED / "field").glob("*/*.jpg"))[::4]
    for path in paths:
        picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        alpha, whole = part_from_background(np.asarray(picture, np.uint8))
        assert not whole, path
        assert 0.02 < (alpha > 127).mean() < 0.7, path
