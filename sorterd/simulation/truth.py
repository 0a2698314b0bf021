"""What truly became of each piece, beside what the station says of it.

The station and the world number pieces on their own, so the two are joined by place: an outcome
belongs to the true piece that lay nearest to where the station last saw its piece, at that
instant, and no further away than half of that piece's length. Each outcome gets at most one piece
and each piece at most one outcome, nearest first. Outcomes of pieces that vanished count for
little: they get only what no other wants.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot

from sorterd.core.deciding import Bins
from sorterd.core.records import Outcome, Reason
from sorterd.simulation.world import Landing, World

UNSEEN = "unseen"
"""A piece that no outcome tells of."""
TAKEN_FOR_ONE = "taken_for_one"
"""It and a neighbour were taken for one piece, of which an outcome tells."""
RAN_PAST = "ran_past"
"""Its gate moved for it, and yet it lies in the end bin."""
WRONG_VERDICT = "wrong_verdict"
"""It lies in the bin it was sent to, which is not its own."""
SWEPT = "swept"
"""A gate that moved for another piece took it."""

# A region's edges lie a few millimetres off, and shadows add to it.
_SLACK_MM = 10.0
# One outcome may speak for several pieces that the camera could not tell apart.
_FOR_SEVERAL = {Reason.TOUCHING, Reason.TWO_AT_ONCE}


@dataclass(frozen=True, slots=True)
class BinCount:
    """One bin.

    Attributes:
        inside: Pieces that lie in it.
        right: Those of them that belong there.
        belonging: Pieces that belong there, wherever they lie.
    """

    inside: int
    right: int
    belonging: int

    @property
    def purity_frac(self) -> float | None:
        """Of what lies in it, the share that belongs there; None if it is empty."""
        return self.right / self.inside if self.inside else None

    @property
    def recovery_frac(self) -> float | None:
        """Of what belongs there, the share that lies in it; None if nothing does."""
        return self.right / self.belonging if self.belonging else None


@dataclass(frozen=True, slots=True)
class Truth:
    """What became of every piece that has landed.

    `right + wrong + sum(end_bin.values()) == pieces`.

    Attributes:
        pieces: True pieces that have landed.
        right: Pieces in the bin to which their true label belongs.
        wrong: Pieces in the bin of a gate that is not theirs.
        end_bin: Pieces in the end bin that belong elsewhere, by reason.
        missed: Every piece that is not where it belongs, by reason.
        bins: Every bin by its name.
        double_counted: Outcomes that tell of a piece of which another already tells.
        phantoms: Outcomes that tell of no true piece.
    """

    pieces: int
    right: int
    wrong: int
    end_bin: Mapping[str, int]
    missed: Mapping[str, int]
    bins: Mapping[str, BinCount]
    double_counted: int
    phantoms: int


def hold_against(world: World, until_ns: int, outcomes: Sequence[Outcome], bins: Bins) -> Truth:
    """Hold what the station says against what is true.

    Args:
        world: In which the station ran.
        until_ns: Pieces that have landed by then are counted.
        outcomes: All of the run.
        bins: Which label belongs where.
    """
    told, double_counted, strangers = _join(world, outcomes)
    landings = world.landings(until_ns)
    end_bin: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    for landing in landings:
        outcome = told.get(landing.number)
        if landing.bin == bins.of_label[landing.label]:
            continue
        if landing.bin == bins.end_bin:
            end_bin[_why_in_end_bin(world, landing, outcome, outcomes)] += 1
        else:
            sent = outcome is not None and outcome.bin == landing.bin
            elsewhere[WRONG_VERDICT if sent else SWEPT] += 1
    wrong = elsewhere.total()
    return Truth(
        pieces=len(landings),
        right=len(landings) - wrong - end_bin.total(),
        wrong=wrong,
        end_bin=dict(end_bin),
        missed=dict(end_bin + elsewhere),
        bins=_count_bins(landings, bins),
        double_counted=double_counted,
        # The middle of a pair may lie far from either of its pieces.
        phantoms=sum(
            not any(_covers(world, each, landing) for landing in landings) for each in strangers
        ),
    )


def _join(
    world: World, outcomes: Sequence[Outcome]
) -> tuple[dict[int, Outcome], int, list[Outcome]]:
    """Return the outcome of each piece that has one, the double counted, and those near none."""
    real = [each for each in outcomes if each.reason is not Reason.VANISHED]
    vanished = [each for each in outcomes if each.reason is Reason.VANISHED]
    told: dict[int, Outcome] = {}
    near = {each.piece: _near(world, each) for each in outcomes}
    _match(real, near, told)
    matched = {each.piece for each in told.values()}
    spare = [each for each in real if each.piece not in matched]
    _match(vanished, near, told)
    strangers = [each for each in spare if not near[each.piece]]
    return told, len(spare) - len(strangers), strangers


def _near(world: World, outcome: Outcome) -> list[tuple[float, int]]:
    """Return the pieces that an outcome may be about: (distance in mm, number)."""
    near: list[tuple[float, int]] = []
    for number in world.present(outcome.last_seen_ns):
        place = world.place(number, outcome.last_seen_ns)
        if place is None:
            continue
        off_mm = hypot(place[0] - outcome.last_along_mm, place[1] - outcome.last_across_mm)
        if off_mm <= world.piece(number).longest_mm / 2 + _SLACK_MM:
            near.append((off_mm, number))
    return near


def _match(
    outcomes: Sequence[Outcome],
    near: Mapping[int, Sequence[tuple[float, int]]],
    told: dict[int, Outcome],
) -> None:
    """Give each outcome the nearest piece that is still free, nearest pairs first."""
    by_piece = {each.piece: each for each in outcomes}
    pairs = sorted((off_mm, piece, number) for piece in by_piece for off_mm, number in near[piece])
    matched: set[int] = set()
    for _, piece, number in pairs:
        if piece not in matched and number not in told:
            told[number] = by_piece[piece]
            matched.add(piece)


def _why_in_end_bin(
    world: World, landing: Landing, outcome: Outcome | None, outcomes: Sequence[Outcome]
) -> str:
    if outcome is not None:
        return RAN_PAST if outcome.reason is Reason.SORTED else outcome.reason.value
    covering = [each for each in outcomes if _covers(world, each, landing)]
    for other in covering:
        if other.reason in _FOR_SEVERAL:
            return other.reason.value
    return TAKEN_FOR_ONE if covering else UNSEEN


def _covers(world: World, outcome: Outcome, landing: Landing) -> bool:
    """Tell whether a piece lay in the region that an outcome tells of."""
    if outcome.reason is Reason.TWO_AT_ONCE:
        return landing.number in world.present(outcome.last_seen_ns)
    # The front of a pair may have left the view by then.
    place = world.place(landing.number, outcome.last_seen_ns)
    reach_mm = outcome.length_mm / 2 + _SLACK_MM
    return (
        place is not None
        and abs(place[0] - outcome.last_along_mm) <= reach_mm
        # An outcome knows no width; two pieces side by side are about as wide as one is long.
        and abs(place[1] - outcome.last_across_mm) <= reach_mm
    )


def _count_bins(landings: Sequence[Landing], bins: Bins) -> dict[str, BinCount]:
    inside = Counter(landing.bin for landing in landings)
    belonging = Counter(bins.of_label[landing.label] for landing in landings)
    right = Counter(
        landing.bin for landing in landings if landing.bin == bins.of_label[landing.label]
    )
    names = {*bins.of_label.values(), *bins.gate_of, bins.end_bin, *inside}
    return {name: BinCount(inside[name], right[name], belonging[name]) for name in sorted(names)}
