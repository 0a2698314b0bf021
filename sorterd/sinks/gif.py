"""Write an animated GIF: 256 colours for the whole film, and of each picture only what changed.

OpenCV 4.11's wheels read and write no GIF, so its few hundred bytes of structure are written here,
by the format's own text (GIF89a, CompuServe 1990, appendix F for the compression). Changes that the
eye takes for noise are left out: they would make nearly all of the file.
"""

import heapq
import itertools
import struct
from collections.abc import Callable, Sequence
from typing import BinaryIO

import cv2
import numpy as np
import numpy.typing as npt

_Picture = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.bool_]

# One index stands for "as before".
_COLOURS = 255
_UNCHANGED = 255
# Pictures and pixels that the palette is chosen from: enough to meet every bin's colour and a few
# hundred pieces, little enough for a second.
_SAMPLED_PICTURES = 48
_SAMPLED_PIXELS = 3000
_MOST_OF_A_SHADE = 60
# What may be off before it is drawn again, grey levels: a single pixel, and the mean of 5 by 5.
# Lower, the belt's grain is drawn again and again; higher, pieces leave trails.
_PIXEL_LEVELS = 20
_PATCH_LEVELS = 4
# Noise below this is smoothed away first; text and edges are far above it.
_NOISE_LEVELS = 20.0


def write_gif(
    file: BinaryIO, picture_at: Callable[[int], _Picture], ends_cs: Sequence[int]
) -> None:
    """Write a film that starts again at its end.

    Args:
        file: Opened for writing.
        picture_at: Gives picture 0, 1, ...: uint8[H, W, 3], BGR, all of one size up to 65,535.
            Each is asked for at most twice; one is held at a time.
        ends_cs: When each picture ends, hundredths of a second from the film's start; rising, one
            or more.

    Raises:
        OSError: The file could not be written.
    """
    palette = _Palette(_sample(picture_at, len(ends_cs)))
    height, width = picture_at(0).shape[:2]
    # Logical screen with a global table of 2 ** (7 + 1) colours.
    file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0))
    file.write(palette.table())
    file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")
    shown: _Picture | None = None
    start_cs = 0
    for number, end_cs in enumerate(ends_cs):
        picture = _calm(picture_at(number))
        indices = palette.indices(picture)
        changed = np.ones((height, width), np.bool_) if shown is None else _changed(picture, shown)
        left, top, wide, high = cv2.boundingRect(changed.astype(np.uint8))
        # A picture without any change still takes its time: one unchanged pixel.
        part = np.s_[top : top + max(high, 1), left : left + max(wide, 1)]
        cut = np.where(changed[part], indices[part], np.uint8(_UNCHANGED))
        # Keep what is there, and one index is transparent: 0b000_001_0_1.
        file.write(struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 5, end_cs - start_cs, _UNCHANGED, 0))
        file.write(struct.pack("<BHHHHB", 0x2C, left, top, cut.shape[1], cut.shape[0], 0))
        file.write(_compressed(cut.tobytes()))
        colours = palette.colours[indices]
        shown = colours if shown is None else np.where(changed[..., np.newaxis], colours, shown)
        start_cs = end_cs
    file.write(b"\x3b")


def _calm(picture: _Picture) -> _Picture:
    return np.asarray(cv2.bilateralFilter(picture, 5, _NOISE_LEVELS, 2.0), np.uint8)


def _changed(picture: _Picture, shown: _Picture) -> _Places:
    off = cv2.subtract(picture, shown, dtype=cv2.CV_16S)
    pixels = np.abs(off).max(axis=2)
    patches = np.abs(cv2.blur(off, (5, 5))).max(axis=2) > _PATCH_LEVELS
    around = cv2.dilate(patches.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray((around & (pixels > 2)) | (pixels > _PIXEL_LEVELS))


def _sample(picture_at: Callable[[int], _Picture], count: int) -> npt.NDArray[np.float32]:
    """Take pixels from all over the film; the same again for the same film."""
    rng = np.random.default_rng(0)
    chosen = np.unique(np.linspace(0, count - 1, _SAMPLED_PICTURES).astype(int))
    samples = []
    for number in chosen:
        pixels = _calm(picture_at(int(number))).reshape(-1, 3)
        samples.append(pixels[rng.integers(0, len(pixels), _SAMPLED_PIXELS)])
    # Of each shade a few: otherwise the belt would take nearly all of the palette.
    shades, often = np.unique(np.concatenate(samples) // 4, axis=0, return_counts=True)
    weights = np.minimum(np.ceil(np.sqrt(often)), _MOST_OF_A_SHADE).astype(int)
    return (np.repeat(shades, weights, axis=0) * 4 + 2).astype(np.float32)


class _Palette:
    """The film's colours, and for each shade the nearest of them.

    Attributes:
        colours: uint8[256, 3], BGR; the last is not used.
    """

    def __init__(self, sample: npt.NDArray[np.float32]) -> None:
        means = np.array([group.mean(axis=0) for group in _median_cut(sample)])
        self.colours = np.zeros((256, 3), np.uint8)
        self.colours[: len(means)] = np.rint(means)
        self._means = means.astype(np.float32)
        # By shade, 6 bits a channel; filled in as shades are met.
        self._nearest = np.full(1 << 18, -1, np.int16)

    def table(self) -> bytes:
        """Return the colours as the format wants them, RGB."""
        return self.colours[:, ::-1].tobytes()

    def indices(self, picture: _Picture) -> _Picture:
        """Return uint8[H, W]: for each pixel the nearest colour."""
        channels = (picture >> 2).astype(np.int32)
        shades = (channels[:, :, 0] << 12) | (channels[:, :, 1] << 6) | channels[:, :, 2]
        unmet = np.unique(shades[self._nearest[shades] < 0])
        # In slices: 4,096 shades against 255 colours are 4 MB.
        for start in range(0, len(unmet), 4096):
            some = unmet[start : start + 4096]
            bgr = np.stack((some >> 12, (some >> 6) & 63, some & 63), axis=1) * 4.0 + 2.0
            away = ((bgr[:, np.newaxis] - self._means[np.newaxis]) ** 2).sum(axis=2)
            self._nearest[some] = away.argmin(axis=1)
        return np.asarray(self._nearest[shades], np.uint8)


def _median_cut(sample: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    """Part colours into groups, always the most spread-out one across its widest channel."""
    order = itertools.count()
    groups = [(0.0, next(order), sample)]
    while len(groups) < _COLOURS:
        spread, _, group = heapq.heappop(groups)
        widest = int(np.ptp(group, axis=0).argmax())
        middle = group[:, widest].mean()
        below = group[:, widest] <= middle
        if below.all():
            heapq.heappush(groups, (spread, next(order), group))
            break
        for half in (group[below], group[~below]):
            heapq.heappush(groups, (-float(half.var(axis=0).sum() * len(half)), next(order), half))
    return [group for _, _, group in groups]


def _compressed(indices: bytes) -> bytes:
    """Compress by GIF's variant of LZW, in blocks of up to 255 bytes."""
    out = bytearray()
    bits = held = 0
    size, following = 9, 258
    known: dict[int, int] = {}
    held, bits = 256, 9  # the code that clears the table
    prefix = indices[0]
    for index in indices[1:]:
        key = (prefix << 8) | index
        code = known.get(key)
        if code is not None:
            prefix = code
            continue
        held |= prefix << bits
        bits += size
        while bits >= 8:
            out.append(held & 255)
            held >>= 8
            bits -= 8
        prefix = index
        if following < 4096:
            known[key] = following
            # A code grows a bit longer one entry after the table needs it.
            if following == 1 << size:
                size += 1
            following += 1
        else:
            held |= 256 << bits
            bits += size
            known.clear()
            size, following = 9, 258
    held |= prefix << bits
    bits += size
    held |= 257 << bits  # the end
    bits += size
    while bits > 0:
        out.append(held & 255)
        held >>= 8
        bits -= 8
    blocks = bytearray([8])
    for start in range(0, len(out), 255):
        block = out[start : start + 255]
        blocks.append(len(block))
        blocks += block
    blocks.append(0)
    return bytes(blocks)
