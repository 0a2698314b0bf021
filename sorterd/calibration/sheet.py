"""The sheet that is printed: the board at its true size, a line to measure, and what to do.

At 20 dots to the millimetre every edge of the board lies on a dot, so the file is exact and what
is left is the printer's doing: that is what the line is for. The file is black and white, and its
page has the paper's size to a hundredth of a millimetre.
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sorterd.calibration.board import COLUMNS, ROWS, RULER_MM, SQUARE_MM, charuco
from sorterd.calibration.results import put

DOTS_PER_MM: Final = 20
PAPERS: Final = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
"""Width and height by name, millimetres."""
FORMATS: Final = (".pdf", ".png")

_MM_PER_INCH = 25.4
# What printers leave white at the edges, with some room.
_EDGE_MM = 8.0
_STEPS = (
    "1  Print at 100%, not to fit the page. Measure the line above: not 100 mm? add --measured MM",
    "2  Glue it flat on cardboard. Narrow belt? Cut along the squares: any 3 x 3 of them will do.",
    "3  sorterd calibrate belt --out calibration     then lay it on the running belt, face up,",
    "    any way round; let it ride through the whole picture, three times.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Pen:
    """Draws in millimetres.

    Attributes:
        draw: Pillow's pen on the sheet.
    """

    draw: ImageDraw.ImageDraw

    def line(
        self, from_mm: tuple[float, float], to_mm: tuple[float, float], wide_mm: float
    ) -> None:
        """Draw a straight line, centred on its ends."""
        ends = [(x * DOTS_PER_MM, y * DOTS_PER_MM) for x, y in (from_mm, to_mm)]
        self.draw.line(ends, fill=0, width=round(wide_mm * DOTS_PER_MM))

    def text(self, at_mm: tuple[float, float], text: str, high_mm: float, anchor: str) -> None:
        """Write one line of text; Pillow's anchors."""
        font = ImageFont.load_default(high_mm * DOTS_PER_MM)
        x, y = at_mm
        self.draw.text((x * DOTS_PER_MM, y * DOTS_PER_MM), text, 0, font, anchor)

    def shape(self, corners_mm: list[tuple[float, float]]) -> None:
        """Fill a polygon."""
        self.draw.polygon([(x * DOTS_PER_MM, y * DOTS_PER_MM) for x, y in corners_mm], fill=0)


def print_sheet(path: Path, paper: str, version: str) -> None:
    """Write the sheet; a file that is there is replaced, and never left half-written.

    Args:
        path: Ends in one of `FORMATS`.
        paper: One of `PAPERS`.
        version: Of sorterd, for the small print.

    Raises:
        DeviceUnavailable: The file cannot be written.
    """
    sheet = draw_sheet(paper, version)
    dpi = DOTS_PER_MM * _MM_PER_INCH
    data = BytesIO()
    if path.suffix.lower() == ".pdf":
        sheet.save(data, "PDF", resolution=dpi, title="sorterd calibration board")
    else:
        sheet.save(data, "PNG", dpi=(dpi, dpi))
    put(path, data.getvalue())


def draw_sheet(paper: str, version: str) -> Image.Image:
    """Return the sheet, a black and white picture of `DOTS_PER_MM`."""
    width_mm, height_mm = PAPERS[paper]
    size = round(width_mm * DOTS_PER_MM), round(height_mm * DOTS_PER_MM)
    sheet = Image.new("1", size, 1)
    pen = _Pen(ImageDraw.Draw(sheet))
    board_mm = COLUMNS * SQUARE_MM, ROWS * SQUARE_MM
    left_mm, top_mm = (width_mm - board_mm[0]) / 2, _EDGE_MM
    dots = round(board_mm[0] * DOTS_PER_MM), round(board_mm[1] * DOTS_PER_MM)
    board = np.asarray(charuco().generateImage(dots), np.uint8)
    # In whole dots: half a dot more to the left is no matter, a resampled board is.
    place = round(left_mm * DOTS_PER_MM), round(top_mm * DOTS_PER_MM)
    sheet.paste(Image.fromarray(board).convert("1", dither=Image.Dither.NONE), place)
    _cutting_marks(pen, left_mm, top_mm)
    below_mm = top_mm + board_mm[1]
    _ruler(pen, left_mm, below_mm + 9.0)
    for number, step in enumerate(_STEPS):
        pen.text((left_mm, below_mm + 18.0 + 5.2 * number), step, 3.6, "ls")
    small = f"sorterd {version} . board {COLUMNS}x{ROWS}, squares {SQUARE_MM:g} mm . {paper}"
    pen.text((left_mm + board_mm[0], height_mm - _EDGE_MM), small, 2.6, "rs")
    return sheet


def _cutting_marks(pen: _Pen, left_mm: float, top_mm: float) -> None:
    """Short lines beside the squares: where a board for a narrow belt may be cut."""
    right_mm = left_mm + COLUMNS * SQUARE_MM
    for row in range(ROWS + 1):
        y = top_mm + row * SQUARE_MM
        pen.line((left_mm - 7, y), (left_mm - 3, y), 0.2)
        pen.line((right_mm + 3, y), (right_mm + 7, y), 0.2)
    # The arrow only helps to talk about the board: it may ride any way round.
    middle = right_mm + 11
    pen.line((middle, top_mm + 40), (middle, top_mm + 14), 1.2)
    pen.shape([(middle - 4, top_mm + 16), (middle + 4, top_mm + 16), (middle, top_mm + 4)])


def _ruler(pen: _Pen, left_mm: float, y_mm: float) -> None:
    """The line to measure, from the outside of one end mark to the outside of the other."""
    half_mm = 0.15
    pen.line((left_mm, y_mm), (left_mm + RULER_MM, y_mm), 0.3)
    for tenth in range(11):
        x = left_mm + tenth * RULER_MM / 10
        # The end marks lie within the line's length, so that the outsides are 100 mm apart.
        x += half_mm if tenth == 0 else -half_mm if tenth == 10 else 0.0
        high_mm = 4.0 if tenth in (0, 10) else 2.5 if tenth == 5 else 1.5
        pen.line((x, y_mm - high_mm), (x, y_mm + (high_mm if tenth in (0, 10) else 0)), 0.3)
    words = f"must measure {RULER_MM:g} mm, mark to mark"
    pen.text((left_mm + RULER_MM + 3, y_mm + 1.4), words, 3.6, "ls")
