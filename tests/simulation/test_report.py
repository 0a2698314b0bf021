"""What a run came to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.deciding import Bins
from sorterd.core.records import NO_EVIDENCE, Drop, Outcome, Reason
from sorterd.simulation.belt_world import BeltEnds, BeltWorld
from sorterd.simulation.report import Report, ReportFault, Run, report
from sorterd.simulation.scene import BeltScene
from sorterd.simulation.servo import SimulatedServo
from sorterd.simulation.sprites import Sprite, trimmed
from sorterd.simulation.world import GatePlace

MS = 1_000_000
SECOND_NS = 1_000_000_000
END_NS = 60 * SECOND_NS
BINS = Bins(
    of_label={"can": "metal", "jar": "glass", "rag": "landfill"},
    gate_of={"metal": "cans", "glass": "jars"},
    end_bin="landfill",
)
ENDS = BeltEnds(
    (GatePlace("cans", 120.0, "metal"), GatePlace("jars", 160.0, "glass")), 220.0, "landfill"
)
SCENE = BeltScene(
    width_px=160,
    height_px=120,
    pieces=6,
    first_ms=100,
    gap_mm=60.0,
    clear_mm=30.0,
    rail_mm=2.0,
    burst_frac=0,
    touching_frac=0,
    overlapping_frac=0,
)
KEYS = {
    "pieces",
    "sent_to",
    "right_bin",
    "wrong_bin",
    "end_bin_by_reason",
    "purity",
    "recovery",
    "purity_by_bin",
    "recovery_by_bin",
    "double_counted",
    "phantoms",
    "late_gates",
    "missed_by_reason",
    "latency_ms",
    "gate_lateness_ms",
    "frames",
    "crops",
    "decisions_per_s",
    "seconds",
    "runtime",
    "bundle",
    "seed",
}


class Cards:
    """A source of cards of 10 to 24 mm, of each label in turn."""

    def take(self, rng: np.random.Generator) -> Sprite:
        """Return one."""
        height, width = (int(each) for each in rng.integers(20, 48, 2))
        label = ("can", "jar", "rag")[int(rng.integers(3))]
        alpha = np.full((height, width), 255, np.uint8)
        return trimmed(label, np.full((height, width, 3), 250, np.uint8), alpha, 2.0)


class Station:
    """A belt, its servos, and the outcomes that a station might write about it."""

    def __init__(self, seed: int = 3, scene: BeltScene = SCENE) -> None:
        self.servos = {gate.name: SimulatedServo(10 * MS) for gate in ENDS.gates}
        self.world = BeltWorld(scene, Cards(), seed, ends=ENDS, servos=self.servos, start_ns=0)
        self.seen_ns = {number: self._middle_ns(number) for number in range(1, scene.pieces + 1)}

    def _middle_ns(self, number: int) -> int:
        """Return when a piece is about in the middle of the picture."""
        for t_ns in range(0, END_NS, 20 * MS):
            place = self.world.place(number, t_ns)
            if place is not None and place[0] >= 40.0:
                return t_ns
        raise AssertionError(number)

    def divert(self, number: int, gate: str) -> None:
        """Open a gate just while a piece passes it."""
        at_mm = next(each.at_mm for each in ENDS.gates if each.name == gate)
        passes_ns = self.seen_ns[number] + round((at_mm - 42.0) / 200.0 * SECOND_NS)
        self.servos[gate].command(opening=True, t_ns=passes_ns - 60 * MS)
        self.servos[gate].command(opening=False, t_ns=passes_ns + 60 * MS)

    def outcome(
        self,
        number: int,
        *,
        piece: int | None = None,
        reason: Reason = Reason.UNSURE,
        into: str = "landfill",
    ) -> Outcome:
        """Return what a station that sees well writes about a piece."""
        t_ns = self.seen_ns[number]
        along_mm, across_mm = self.world.place(number, t_ns) or (0.0, 0.0)
        return Outcome(
            piece=piece or number,
            bin=into,
            reason=reason,
            verdict=NO_EVIDENCE,
            sightings=5,
            crops=3,
            first_seen_ns=t_ns - 100 * MS,
            last_seen_ns=t_ns,
            last_along_mm=along_mm,
            last_across_mm=across_mm,
            length_mm=20.0,
            evidence_ns=t_ns,
            decided_ns=t_ns + number * MS,
            deadline_ns=t_ns + 300 * MS,
            pulse=None,
            opened_late_ns=None,
            ended_ns=t_ns + 500 * MS,
        )

    def number_of(self, label: str) -> int:
        """Return a piece of a label."""
        return next(n for n in self.seen_ns if self.world.piece(n).label == label)

    def report(
        self, outcomes: Sequence[Outcome], drops: Mapping[Drop, int] | None = None
    ) -> Report:
        """Report on the outcomes."""
        run = Run(
            outcomes=outcomes,
            drops=drops or {},
            frames=900,
            ran_ns=30 * SECOND_NS,
            tolerance_ns=15 * MS,
            runtime="a runtime",
            bundle="a bundle",
            seed=3,
        )
        return report(run, BINS, world=self.world, until_ns=END_NS)


@pytest.fixture
def station() -> Station:
    """Build a small station whose six pieces are two of each label or so."""
    return Station()


def test_keys(station: Station) -> None:
    """It should have exactly the keys that programs read."""
    assert set(station.report([]).as_json()) == KEYS


def test_right_wrong_and_missed(station: Station) -> None:
    """It should count each piece by the bin it fell in and its true label."""
    can, jar = station.number_of("can"), station.number_of("jar")
    station.divert(min(can, jar), "cans")
    station.divert(max(can, jar), "cans")
    outcomes = [
        station.outcome(n, into="metal", reason=Reason.SORTED)
        if n in (can, jar)
        else station.outcome(n)
        for n in station.seen_ns
    ]
    told = station.report(outcomes).as_json()
    rags = sum(1 for n in station.seen_ns if station.world.piece(n).label == "rag")
    assert told["pieces"] == 6
    assert told["right_bin"] == 1 + rags
    assert told["wrong_bin"] == 1
    assert told["end_bin_by_reason"] == {"unsure": 6 - 2 - rags}
    assert told["missed_by_reason"] == {"unsure": 6 - 2 - rags, "wrong_verdict": 1}
    assert told["purity"] == 0.5
    assert told["recovery"] == pytest.approx(1 / (6 - rags), abs=1e-6)
    assert told["purity_by_bin"] == {
        "glass": None,
        "landfill": pytest.approx(rags / 4, abs=1e-6),
        "metal": 0.5,
    }


def test_swept(station: Station) -> None:
    """It should call a piece swept that a gate took although it was sent elsewhere."""
    jar = station.number_of("jar")
    station.divert(jar, "cans")
    truth = station.report([station.outcome(n) for n in station.seen_ns]).truth
    assert truth is not None
    assert truth.wrong == 1
    assert truth.missed["swept"] == 1


def test_ran_past_and_unseen(station: Station) -> None:
    """It should tell a piece that its gate missed from one that nobody knew of."""
    can, jar = station.number_of("can"), station.number_of("jar")
    outcomes = [
        station.outcome(n, into="metal", reason=Reason.SORTED) if n == can else station.outcome(n)
        for n in station.seen_ns
        if n != jar
    ]
    reasons = station.report(outcomes).end_bin_by_reason
    assert reasons["ran_past"] == 1
    assert reasons["unseen"] == 1


def test_one_outcome_speaks_for_a_touching_pair() -> None:
    """It should give both pieces of a pair the reason that one outcome gives for both."""
    scene = replace(SCENE, touching_frac=1.0, pieces=2)
    station = next(
        each
        for each in (Station(seed, scene) for seed in range(100))
        if all(each.world.piece(n).label != "rag" for n in (1, 2))
    )
    t_ns = station.seen_ns[2]
    first, second = (station.world.place(n, t_ns) for n in (1, 2))
    assert first is not None
    assert second is not None
    both = replace(
        station.outcome(2, reason=Reason.TOUCHING),
        last_along_mm=(first[0] + second[0]) / 2,
        last_across_mm=(first[1] + second[1]) / 2,
        length_mm=40.0,
    )
    told = station.report([both])
    assert told.end_bin_by_reason == {"touching": 2}
    # One of the two is what the station took both for.
    one = station.report([replace(both, reason=Reason.UNSURE)])
    assert one.end_bin_by_reason == {"unsure": 1, "taken_for_one": 1}
    assert one.as_json()["phantoms"] == 0


def test_double_counted_and_phantoms(station: Station) -> None:
    """It should count a second outcome of one piece, and outcomes of nothing; vanished ones not."""
    nowhere = replace(station.outcome(3, piece=9), last_seen_ns=10 * MS, last_along_mm=30.0)
    outcomes = [
        *(station.outcome(n) for n in station.seen_ns),
        station.outcome(1, piece=7),
        station.outcome(2, piece=8, reason=Reason.VANISHED),
        nowhere,
        replace(nowhere, piece=10, reason=Reason.VANISHED),
    ]
    told = station.report(outcomes).as_json()
    assert told["double_counted"] == 1
    assert told["phantoms"] == 1
    assert told["pieces"] == 6


def test_vanished_is_better_than_unseen(station: Station) -> None:
    """It should say that a piece vanished if nothing else is known of it."""
    can = station.number_of("can")
    reasons = station.report([station.outcome(can, reason=Reason.VANISHED)]).end_bin_by_reason
    assert reasons["vanished"] == 1


def test_times(station: Station) -> None:
    """It should give percentiles by nearest rank, and count gates later than their tolerance."""
    late_ms = [1, 2, 16, None, None, 15]
    outcomes = [
        replace(station.outcome(n), opened_late_ns=None if late is None else late * MS)
        for n, late in zip(station.seen_ns, late_ms, strict=True)
    ]
    told = station.report(outcomes).as_json()
    assert told["latency_ms"] == {"p50": 3.0, "p95": 6.0, "p99": 6.0}
    assert told["gate_lateness_ms"] == {"p50": 2.0, "p95": 16.0, "p99": 16.0, "max": 16.0}
    assert told["late_gates"] == 1
    assert told["decisions_per_s"] == 0.2


def test_drops(station: Station) -> None:
    """It should tell the drops of frames from those of crops."""
    drops = {Drop.FRAME_TOO_OLD: 2, Drop.CROP_NO_TIME: 3}
    told = station.report([station.outcome(1)], drops).as_json()
    assert told["frames"] == {"seen": 900, "dropped_by_reason": {"frame_too_old": 2}}
    assert told["crops"] == {"scored": 3, "dropped_by_reason": {"crop_no_time": 3}}


def test_without_truth(station: Station) -> None:
    """It should claim nothing that only a simulated world knows."""
    outcomes = [
        station.outcome(1, into="metal", reason=Reason.SORTED),
        station.outcome(2),
        station.outcome(3, reason=Reason.VANISHED),
    ]
    told = replace(station.report(outcomes), truth=None)
    figures = told.as_json()
    assert set(figures) == KEYS
    assert figures["pieces"] == 2
    assert figures["end_bin_by_reason"] == {"unsure": 1}
    for key in ("right_bin", "wrong_bin", "purity", "recovery", "double_counted", "phantoms"):
        assert figures[key] is None
    assert "right bin" not in told.table()


MISTAKES = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.sampled_from(Reason),
        st.sampled_from(["landfill", "metal", "glass"]),
        st.floats(-80, 80),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.integers(0, 5),
    MISTAKES,
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["cans", "jars"])), max_size=3),
)
def test_pieces_add_up(
    seed: int, mistakes: list[tuple[int, Reason, str, float]], diverted: list[tuple[int, str]]
) -> None:
    """It should account for every piece exactly once, whatever the station says of it."""
    station = Station(seed)
    for number, gate in sorted(dict(diverted).items()):
        station.divert(number, gate)
    outcomes = [
        replace(
            station.outcome(number, piece=order, reason=reason, into=into),
            last_along_mm=40.0 + off_mm,
        )
        for order, (number, reason, into, off_mm) in enumerate(mistakes, start=1)
    ]
    told = station.report(outcomes)
    truth = told.truth
    assert truth is not None
    assert truth.right + truth.wrong + sum(truth.end_bin.values()) == truth.pieces == 6
    assert truth.right + sum(truth.missed.values()) == 6
    assert sum(each.inside for each in truth.bins.values()) == 6
    real = sum(1 for each in outcomes if each.reason is not Reason.VANISHED)
    assert 0 <= truth.double_counted + truth.phantoms <= real
    assert real - truth.double_counted - truth.phantoms <= 6
    json.dumps(told.as_json())
    for line in told.table().splitlines():
        assert len(line) <= 80
        assert line == line.rstrip()


def test_table(station: Station) -> None:
    """It should say at a glance what matters."""
    can = station.number_of("can")
    station.divert(can, "cans")
    outcomes = [
        replace(station.outcome(n, into="metal", reason=Reason.SORTED), opened_late_ns=MS)
        if n == can
        else station.outcome(n)
        for n in station.seen_ns
    ]
    table = station.report(outcomes, {Drop.FRAME_COVERED: 4}).table()
    for word in ("right bin", "wrong bin", "unsure", "purity", "metal", "frame_covered", "p99"):
        assert word in table


def test_write_is_repeatable_and_whole(station: Station, tmp_path: Path) -> None:
    """It should write the same bytes for the same run, in place of what was there."""
    path = tmp_path / "r.json"
    path.write_text("old and much longer than nothing", encoding="utf-8")
    told = station.report([station.outcome(n) for n in station.seen_ns])
    told.write(path)
    first = path.read_bytes()
    station.report([station.outcome(n) for n in station.seen_ns]).write(path)
    assert path.read_bytes() == first
    assert set(json.loads(first)) == KEYS
    assert list(tmp_path.iterdir()) == [path]


def test_unwritable(station: Station, tmp_path: Path) -> None:
    """It should name the path and what to do, in one line, and leave nothing behind."""
    told = station.report([])
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "absent" / "r.json", tmp_path / "folder", Path("/dev/null")):
        with pytest.raises(ReportFault, match=r"^report .*cannot be written.*[^\n]$") as caught:
            told.write(path)
        assert "\n" not in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
