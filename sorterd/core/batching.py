"""Which crops go through the model next, in what size of batch, and which can no longer help.

The rules. Pieces that no view was scored of go first, of these the ones that the
newest frame shows, of these the most urgent: when more comes than the model can
score, each piece gets one look before any gets another, and what is looked at is
fresh. A batch is never started that cannot end before the earliest deadline in
it, by its measured worst cost. Of the sizes that can, the one with the least cost
a crop wins, and the smaller one on a near tie, for its first answer comes earlier.
Nothing waits for a fuller batch while the runtime is free. One batch is out at a
time, and with a quick runtime the next one lies ready behind it, so that handing
over costs it nothing. A batch that does not come back within its budget is a stall.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sorterd.core.records import Crop, Drop, RunBatch, ScoresReady


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call of one batch size costs: the median and the 99th percentile."""

    typical_ns: int
    worst_ns: int


# A call that takes longer gains nothing from a batch that lies ready: handing over takes 0.1 to
# 0.5 ms, and what lies ready is older by a call when its turn comes.
READY_UP_TO_NS = 10_000_000

# A larger batch must be cheaper a crop by this much to be worth its later first answer.
WORTH_FRAC = 0.03


def choose(
    waiting: Iterable[Crop], costs: Mapping[int, Cost], *, now_ns: int
) -> tuple[int, tuple[Crop, ...]] | None:
    """Choose the next batch among crops that can all still be scored in time.

    Args:
        waiting: Crops whose due time a batch of some size can still meet.
        costs: By batch size.
        now_ns: The present.

    Returns:
        The size and its crops, in their order; None if nothing waits or no size is in time.

    Example:
        >>> costs = {1: Cost(10, 12), 4: Cost(20, 24)}
        >>> from sorterd.core.records import Box
        >>> crops = [Crop(n, 1, 0, Box(0, 0, 9, 9), due_ns=100) for n in range(3)]
        >>> size, chosen = choose(crops, costs, now_ns=0)
        >>> size, len(chosen)
        (4, 3)
    """
    ordered = _in_order(waiting)
    best_size, best_ns = 0, 0.0
    for size in sorted(costs) if ordered else ():
        crops = ordered[:size]
        fits = now_ns + costs[size].worst_ns <= min(crop.due_ns for crop in crops)
        each_ns = costs[size].typical_ns / len(crops)
        if fits and (best_size == 0 or each_ns < best_ns * (1 - WORTH_FRAC)):
            best_size, best_ns = size, each_ns
    return (best_size, tuple(ordered[:best_size])) if best_size else None


def _in_order(waiting: Iterable[Crop]) -> list[Crop]:
    crops = list(waiting)
    newest = max((crop.sequence for crop in crops), default=0)

    def rank(crop: Crop) -> tuple[bool, bool, int, int]:
        return crop.views > 0, crop.sequence < newest, crop.due_ns, crop.piece

    return sorted(crops, key=rank)


@dataclass(slots=True)
class _Out:
    """A batch that is with the runtime, since when, and whether it was given up in a stall."""

    batch: RunBatch
    since_ns: int
    lost: bool = False


class BatchDesk:
    """Where crops wait, and the batches that are with the runtime. One thread.

    Args:
        costs: Measured at start, by batch size; kept current by what batches really take.
        stall_ns: A batch that is out for longer is a stall.
    """

    # Costs follow what is seen: the median by a tenth a call, the worst at once upwards and slowly
    # down, so that one disturbed call is forgotten after some hundred quiet ones. Both take a call
    # for a few medians at most: one hiccup of a second must not make every deadline look lost.
    TYPICAL_SHARE = 0.1
    WORST_SHARE = 0.01
    WORST_PER_TYPICAL = 4
    # A crop that is given up while the runtime stands idle is given up for the costs' sake: each
    # such crop brings them this much nearer to what was measured at start, or a slow spell would
    # keep the runtime idle for ever.
    EASE_SHARE = 0.1
    # A size that is not used is not measured: with each call of another it comes this much nearer
    # to what was measured at start, or a slow spell would keep it from use for ever.
    IDLE_SHARE = 0.02

    def __init__(self, costs: Mapping[int, Cost], *, stall_ns: int) -> None:
        self._measured = dict(costs)
        self._costs = dict(costs)
        self._stall_ns = stall_ns
        self._waiting: dict[int, Crop] = {}
        self._out: deque[_Out] = deque()
        self._batches = 0
        self.stalled = False
        self.drops: Counter[Drop] = Counter()

    @property
    def costs(self) -> Mapping[int, Cost]:
        """What a call costs by now, by batch size."""
        return self._costs

    @property
    def one_ns(self) -> int:
        """The worst cost of the quickest batch: the least notice a crop needs."""
        return min(cost.worst_ns for cost in self._costs.values())

    def offer(self, crop: Crop) -> None:
        """Let a crop wait; it takes the place of an older view of the same piece."""
        if crop.piece in self._waiting:
            self.drops[Drop.CROP_SUPERSEDED] += 1
        self._waiting[crop.piece] = crop

    def withdraw(self, piece: int) -> None:
        """Forget a piece's waiting crop: it is decided or given up."""
        if self._waiting.pop(piece, None) is not None:
            self.drops[Drop.CROP_NOT_NEEDED] += 1

    @property
    def open(self) -> bool:
        """Whether a batch could go out at once."""
        if not self._out:
            return True
        first = self._out[0].batch.size
        quick = self._costs[first].typical_ns <= READY_UP_TO_NS
        return quick and len(self._out) == 1 and not self.stalled

    def holds(self, piece: int) -> bool:
        """Whether a crop of this piece is with the runtime."""
        return any(crop.piece == piece for out in self._out for crop in out.batch.crops)

    def waits(self, piece: int) -> bool:
        """Whether a crop of this piece waits for the runtime."""
        return piece in self._waiting

    def frames_needed(self) -> frozenset[int]:
        """Return the sequences of the frames that waiting crops refer to."""
        return frozenset(crop.sequence for crop in self._waiting.values())

    def next_batch(self, now_ns: int) -> RunBatch | None:
        """Send out a batch if the runtime is open and something can still be scored in time."""
        if not self.open:
            return None
        begins_ns = now_ns
        if self._out:
            first = self._out[0]
            ends_ns = first.since_ns + self._costs[first.batch.size].worst_ns
            begins_ns = max(now_ns, ends_ns)
        for crop in list(self._waiting.values()):
            if now_ns + self.one_ns > crop.due_ns:
                del self._waiting[crop.piece]
                self.drops[Drop.CROP_NO_TIME] += 1
                for size in self._costs:
                    self._ease(size, self.EASE_SHARE)
        chosen = choose(self._waiting.values(), self._costs, now_ns=begins_ns)
        if chosen is None:
            return None
        size, crops = chosen
        for crop in crops:
            del self._waiting[crop.piece]
        self._batches += 1
        batch = RunBatch(self._batches, size, crops)
        self._out.append(_Out(batch, now_ns))
        return batch

    def answered(self, ready: ScoresReady) -> RunBatch | None:
        """Take back a batch; None if its answer comes after the stall was called."""
        if not self._out or ready.batch != self._out[0].batch.batch:
            return None
        out = self._out.popleft()
        if self._out:
            self._out[0].since_ns = ready.now_ns
        if out.lost:
            self.stalled = any(each.lost for each in self._out)
            return None
        for size in self._costs:
            if size != out.batch.size:
                self._ease(size, self.IDLE_SHARE)
        self._learn(out.batch.size, ready.took_ns)
        return out.batch

    def _learn(self, size: int, took_ns: int) -> None:
        before = self._costs[size]
        took_ns = min(took_ns, self.WORST_PER_TYPICAL * before.typical_ns)
        typical_ns = before.typical_ns + self.TYPICAL_SHARE * (took_ns - before.typical_ns)
        worst_ns = before.worst_ns + self.WORST_SHARE * (took_ns - before.worst_ns)
        self._costs[size] = Cost(round(typical_ns), max(took_ns, round(worst_ns)))

    def _ease(self, size: int, share: float) -> None:
        """Bring a cost nearer to what was measured at start, if it is dearer."""
        cost, start = self._costs[size], self._measured[size]
        self._costs[size] = Cost(
            cost.typical_ns - round(share * max(0, cost.typical_ns - start.typical_ns)),
            cost.worst_ns - round(share * max(0, cost.worst_ns - start.worst_ns)),
        )

    def stall(self, now_ns: int) -> tuple[Crop, ...]:
        """Notice a stall, once; return the crops that were lost in it."""
        if self.wake_ns is None or now_ns < self.wake_ns:
            return ()
        self.stalled = True
        for out in self._out:
            out.lost = True
        lost = tuple(crop for out in self._out for crop in out.batch.crops)
        self.drops[Drop.CROP_STALLED] += len(lost)
        return lost

    @property
    def wake_ns(self) -> int | None:
        """When the batch that is out must have come back; None if there is none to wait for."""
        return None if not self._out or self.stalled else self._out[0].since_ns + self._stall_ns
