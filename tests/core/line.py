"""A belt with pieces on it, as the tests of a belt's sorter need it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sorterd.core.batching import Cost
from sorterd.core.records import Crop, FrameCame, FrameSeen, Region
from tests.core.surroundings import MS, Surroundings

COSTS = {1: Cost(20 * MS, 30 * MS), 4: Cost(40 * MS, 60 * MS)}


@dataclass(kw_only=True)
class Line(Surroundings):
    """A belt with pieces of 60 mm; the model tells their labels.

    Attributes:
        region: Builds regions.
        pieces: Label of each piece, by how far (mm) the belt has run when its front enters.
        halts: When (ms) the belt stands, and for how long.
        told_early: Whether the sorter is told of a frame before it is looked at.
    """

    region: Callable[..., Region]
    pieces: dict[float, str] = field(default_factory=lambda: {0.0: "can"})
    halts: tuple[int, int] = (0, 0)
    told_early: bool = False

    def travel_mm(self, t_ms: float) -> float:
        """Return how far the belt has run."""
        begin_ms, length_ms = self.halts
        return 0.2 * (t_ms - min(max(t_ms - begin_ms, 0.0), length_ms))

    def run(self, from_ms: int, to_ms: int, *, every_ms: int = 33) -> None:
        """Let frames come, and in between all that falls due."""
        for t_ms in range(from_ms, to_ms, every_ms):
            self.until(t_ms * MS + 5 * MS)
            self.show(t_ms)

    def show(self, t_ms: int) -> None:
        """Let one frame come."""
        fronts_mm = [self.travel_mm(t_ms) - offset_mm for offset_mm in self.pieces]
        shown = [self.region(front_mm) for front_mm in fronts_mm if 1 <= front_mm < 379]
        if self.told_early:
            self.tell(FrameCame(t_ms, t_ms * MS, t_ms * MS + MS))
        self.tell(FrameSeen(t_ms, t_ms * MS, t_ms * MS + 5 * MS, tuple(shown)))

    def labels_of(self, crops: Sequence[Crop]) -> list[str]:
        """Return the label of the piece that each crop shows."""
        labels = []
        for crop in crops:
            front_mm = self.travel_mm(crop.sequence)
            middle_mm = (crop.box.left_px + crop.box.right_px) / 4
            near = min(self.pieces, key=lambda offset: abs(front_mm - offset - 30 - middle_mm))
            labels.append(self.pieces[near])
        return labels
