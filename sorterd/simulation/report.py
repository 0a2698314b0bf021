"""What a run came to: the figures, as a table for people and as JSON for programs.

Where the world is simulated the report tells what is true: a piece counts by the bin in which it
physically fell, never by what the station thinks. How a piece and an outcome find each other is in
`truth`. With a real camera or a recording nobody knows the truth; then a piece is an outcome, and
what would need the truth is null.

    pieces              true pieces that have landed
    right_bin           pieces in the bin to which their true label belongs; the end bin too
    wrong_bin           pieces in the bin of a gate that is not theirs
    end_bin_by_reason   pieces in the end bin that belong elsewhere, by why the station let them
                        run; unseen: it never knew of them; taken_for_one: with a neighbour;
                        ran_past: their gate missed them
    sent_to             pieces by the bin that a gate's pulse was made for
    missed_by_reason    the same and the wrong ones, by wrong_verdict (sent there) or swept
                        (taken by a gate that moved for another)
    purity              of all pieces in gates' bins, the share that belong there
    recovery            of all pieces that belong in gates' bins, the share that got there
    ..._by_bin          the same for one bin, the end bin as well; null where there is nothing
    double_counted      outcomes that tell of a piece of which another already tells
    phantoms            outcomes that tell of no true piece; vanished ones count in neither
    late_gates          gates that began to move later than their tolerance
    latency_ms          from the exposure of the newest evidence to the decision
    gate_lateness_ms    from when a gate should have begun to move to when it did
    beams               with a trigger: pieces it placed, and edges that placed none
    decisions_per_s     decisions, of the whole run

`right_bin + wrong_bin + sum(end_bin_by_reason) == pieces` wherever the truth is known. Percentiles
are by nearest rank. The same run gives the same bytes.
"""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from errno import EINVAL
from math import ceil
from pathlib import Path

from sorterd.core.deciding import Bins
from sorterd.core.records import Drop, Outcome, Reason
from sorterd.simulation.report_table import table
from sorterd.simulation.truth import BinCount, Truth, hold_against
from sorterd.simulation.world import World

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000


class ReportFault(OSError):
    """The report cannot be written. The message says where, why and what to do, in one line."""


@dataclass(frozen=True, slots=True)
class Run:
    """What the station did.

    Attributes:
        outcomes: Of every piece.
        drops: Frames and crops that were not used.
        frames: Frames that were looked at.
        ran_ns: How long the run was, on the station's clock.
        tolerance_ns: A gate that begins to move later than this is late.
        runtime: What ran the model.
        bundle: Which model.
        seed: Of the world.
        placed: Pieces that a beam has placed; None for a station without one.
    """

    outcomes: Sequence[Outcome]
    drops: Mapping[Drop, int]
    frames: int
    ran_ns: int
    tolerance_ns: int
    runtime: str
    bundle: str
    seed: int
    placed: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run; made by `report`."""

    run: Run
    truth: Truth | None
    """None where nobody knows it."""
    end_bin: str
    """The name of the end bin."""

    def as_json(self) -> dict[str, object]:
        """Return the figures as JSON has them; what each means stands above."""
        run, truth = self.run, self.truth
        latencies_ns = [
            each.decided_ns - each.evidence_ns
            for each in run.outcomes
            if each.decided_ns is not None and each.evidence_ns is not None
        ]
        late_ns = [each.opened_late_ns for each in run.outcomes if each.opened_late_ns is not None]
        decided = sum(1 for each in run.outcomes if each.decided_ns is not None)
        gates = self.gates_together
        return {
            "pieces": self.pieces,
            "right_bin": truth and truth.right,
            "wrong_bin": truth and truth.wrong,
            "end_bin_by_reason": self.end_bin_by_reason,
            "missed_by_reason": truth and dict(truth.missed),
            "sent_to": self._sent_to,
            "purity": gates and _rounded(gates.purity_frac),
            "recovery": gates and _rounded(gates.recovery_frac),
            "purity_by_bin": truth
            and {name: _rounded(each.purity_frac) for name, each in truth.bins.items()},
            "recovery_by_bin": truth
            and {name: _rounded(each.recovery_frac) for name, each in truth.bins.items()},
            "double_counted": truth and truth.double_counted,
            "phantoms": truth and truth.phantoms,
            "late_gates": sum(1 for each_ns in late_ns if each_ns > run.tolerance_ns),
            "latency_ms": _percentiles_ms(latencies_ns, (50, 95, 99)),
            "gate_lateness_ms": _percentiles_ms(late_ns, (50, 95, 99))
            | {"max": max(late_ns) / _NS_PER_MS if late_ns else None},
            "frames": {"seen": run.frames, "dropped_by_reason": self._drops("frame_")},
            "crops": {
                "scored": sum(each.crops for each in run.outcomes),
                "dropped_by_reason": self._drops("crop_"),
            },
            **self._beams,
            "decisions_per_s": _rounded(decided * _NS_PER_S / run.ran_ns if run.ran_ns else 0.0),
            "seconds": _rounded(run.ran_ns / _NS_PER_S),
            "runtime": run.runtime,
            "bundle": run.bundle,
            "seed": run.seed,
        }

    @property
    def pieces(self) -> int:
        """True pieces; outcomes that did not vanish, where nobody knows the truth."""
        if self.truth is not None:
            return self.truth.pieces
        return sum(1 for each in self.run.outcomes if each.reason is not Reason.VANISHED)

    @property
    def end_bin_by_reason(self) -> dict[str, int]:
        """Pieces in the end bin that belong elsewhere; all in it, where nobody knows the truth."""
        if self.truth is not None:
            return dict(self.truth.end_bin)
        spared = {Reason.SORTED, Reason.VANISHED}
        return dict(Counter(o.reason.value for o in self.run.outcomes if o.reason not in spared))

    @property
    def _sent_to(self) -> dict[str, int]:
        sent = Counter(o.bin for o in self.run.outcomes if o.reason is Reason.SORTED)
        return dict(sorted(sent.items()))

    @property
    def gates_together(self) -> BinCount | None:
        """The bins of all gates as one; None where nobody knows the truth."""
        if self.truth is None:
            return None
        bins = [each for name, each in self.truth.bins.items() if name != self.end_bin]
        return BinCount(
            inside=sum(each.inside for each in bins),
            right=sum(each.right for each in bins),
            belonging=sum(each.belonging for each in bins),
        )

    def table(self) -> str:
        """Return a table of at most 80 columns that a person reads at a glance."""
        bins = None if self.truth is None else self.truth.bins
        return table(self.as_json(), bins, self.gates_together)

    def write(self, path: Path) -> None:
        """Write the JSON; what was there before is replaced whole or not at all.

        Raises:
            ReportFault: It could not be written; nothing is left half-written.
        """
        text = json.dumps(self.as_json(), indent=2, sort_keys=True) + "\n"
        try:
            target, part = _places(path)
            try:
                part.write_text(text, encoding="utf-8")
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise _fault(path, error) from error

    @property
    def _beams(self) -> dict[str, object]:
        if self.run.placed is None:
            return {}
        return {"beams": {"placed": self.run.placed, "dropped_by_reason": self._drops("beam_")}}

    def _drops(self, of: str) -> dict[str, int]:
        drops = self.run.drops
        return {each.value: drops[each] for each in sorted(drops) if each.value.startswith(of)}


def report(run: Run, bins: Bins, *, world: World | None, until_ns: int) -> Report:
    """Bring together what a run came to.

    Args:
        run: What the station did.
        bins: Which label belongs where.
        world: The simulated world it ran in; None for a real camera or a recording.
        until_ns: Pieces that have landed by then are counted.
    """
    truth = None if world is None else hold_against(world, until_ns, run.outcomes, bins)
    return Report(run, truth, bins.end_bin)


def _places(path: Path) -> tuple[Path, Path]:
    """Return the file that `path` stands for, and the one beside it that is written first."""
    target = Path(os.path.realpath(path))
    # A device or a folder must not be replaced, whoever runs this.
    if target.exists() and not target.is_file():
        raise OSError(EINVAL, "not a plain file")
    return target, target.with_name(f".{target.name}.part")


def _fault(path: Path, error: OSError) -> ReportFault:
    return ReportFault(
        f"report {path}: cannot be written ({error.strerror}); name a file in a folder that exists "
        "and that you may write to"
    )


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 6)


def _percentiles_ms(lengths_ns: Sequence[int], percents: Sequence[int]) -> dict[str, float | None]:
    ranked = sorted(lengths_ns)
    return {
        f"p{percent}": _rounded(ranked[ceil(percent * len(ranked) / 100) - 1] / _NS_PER_MS)
        if ranked
        else None
        for percent in percents
    }
