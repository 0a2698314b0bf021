"""The ledger of a sifting: one row for every picture that was looked at, as a CSV that lasts.

A row says what the model said, so that no picture is looked at, and paid for, twice. The file is
always whole: it is written anew beside the old one, not after every row but when an eighth more
rows have come, or 1,000. A run that is killed loses the rows since then and looks at those
pictures again. Nothing here looks at pictures or decides about them.
"""

import csv
import io
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, FiniteFloat, ValidationError

from sorterd.core.records import Box
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place

Decision = Literal["found", "review", "passed", "broken"]
DECISIONS: Final[tuple[Decision, ...]] = get_args(Decision)
FILE: Final = "ledger.csv"
_FEWEST_NEW: Final = 32
_MOST_NEW: Final = 1_000

Known = tuple[str, str, str, str]
"""Source, key, label and model: what a score belongs to."""


def _or_none(cell: object) -> object:
    return None if cell == "" else cell


Number = Annotated[FiniteFloat | None, BeforeValidator(_or_none)]
Count = Annotated[int | None, BeforeValidator(_or_none)]


class Row(BaseModel):
    """One picture that was looked at. Its fields are the ledger's columns.

    Attributes:
        source: The place it lies in.
        key: Of its file there.
        label: What was looked for.
        model: Which bundle looked: the first 12 digits of its manifest's sha256.
        decision: What came of it.
        score: Belief in the label, 0 to 1; None for a broken picture.
        likeliest: The label that the model believed in most.
        width_px: Of the picture; this and what follows only where it was once kept.
        height_px: Of the picture.
        left_px: Of the box in which the label was seen.
        top_px: Of the box.
        box_width_px: Of the box.
        box_height_px: Of the box.
        copied_as: The name of its copy, below the folder of its decision.
        took_ms: Reading, decoding and scoring.
        cost: What looking at it cost, if a price was given.
        why: What is wrong with a broken picture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    key: str
    label: str
    model: str
    decision: Decision
    score: Number = None
    likeliest: str = ""
    width_px: Count = None
    height_px: Count = None
    left_px: Count = None
    top_px: Count = None
    box_width_px: Count = None
    box_height_px: Count = None
    copied_as: str = ""
    took_ms: float
    cost: Number = None
    why: str = ""

    @property
    def known(self) -> Known:
        """What its score belongs to."""
        return self.source, self.key, self.label, self.model

    @property
    def box(self) -> Box | None:
        """Where the label was seen, pixels of the whole picture."""
        edges = (self.left_px, self.top_px, self.box_width_px, self.box_height_px)
        whole = [edge for edge in edges if edge is not None]
        return Box(*whole) if len(whole) == len(edges) else None


class Ledger:
    """The rows of one destination, in the order in which they first came.

    Args:
        place: Where `ledger.csv` lies, or will.
        writes: Whether it is written at all.

    Raises:
        WorkshopFault: There is a file of that name which is no ledger.
    """

    def __init__(self, place: Place, *, writes: bool = True) -> None:
        self._place = place
        self._writes = writes
        self._rows: dict[Known, Row] = {}
        if place.has(FILE):
            for row in _read(place.read(FILE), f"{place}/{FILE}"):
                self._rows[row.known] = row
        self._new = 0

    @property
    def rows(self) -> list[Row]:
        """All of them."""
        return list(self._rows.values())

    def get(self, known: Known) -> Row | None:
        """The row of a picture, if it was looked at."""
        return self._rows.get(known)

    def put(self, row: Row) -> None:
        """Add a row, or put it in the place of an older one.

        Raises:
            WorkshopFault: It was time to write the file, and it could not be written.
        """
        if self._rows.get(row.known) == row:
            return
        self._rows[row.known] = row
        self._new += 1
        if self._new >= min(_MOST_NEW, max(_FEWEST_NEW, len(self._rows) // 8)):
            self.write()

    def write(self) -> None:
        """Write the file if there is anything new.

        Raises:
            WorkshopFault: It cannot be written; the older one is as it was.
        """
        if self._new and self._writes:
            self._place.write(FILE, as_table(self.rows, tuple(Row.model_fields)))
        self._new = 0


def as_table(rows: list[Row], columns: tuple[str, ...]) -> bytes:
    """Some columns of rows as a CSV file's content."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        cells = row.model_dump(include=set(columns))
        writer.writerow("" if cells[name] is None else cells[name] for name in columns)
    return text.getvalue().encode()


def _read(content: bytes, name: str) -> list[Row]:
    reader = csv.DictReader(io.StringIO(content.decode(errors="replace")), strict=True)
    try:
        return [Row.model_validate(row) for row in reader]
    except (ValidationError, csv.Error) as fault:
        what = fault.errors()[0]["msg"] if isinstance(fault, ValidationError) else fault
        raise WorkshopFault(
            f"{name}, line {reader.line_num}, is not of a ledger ({what}): move the file away"
        ) from fault
