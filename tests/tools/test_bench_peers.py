"""The peers see what they are shown, and stand beside a raw invoke of the same network."""

import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from sorterd.classifiers.bundle import Bundle, load
from sorterd.clock import RealClock
from tools.workshop.bench import peers
from tools.workshop.bench.programs import ROOT, run_program
from tools.workshop.bench.rivals import unbounded
from tools.workshop.bench.rivals.given import Network
from tools.workshop.bench.roster import PEERS, Peer, network_of, networks, open_loop
from tools.workshop.bench.rows import QUICK, Bench

TINY = Path(__file__).resolve().parents[1] / "classifiers" / "tiny"
KINDS = ("int8", "uint8", "float32", "heads")
BY_KEY = {peer.key: peer for peer in PEERS}
Pixels = npt.NDArray[np.uint8]


def bench_of(kind: str, *, pairs: int = 8) -> Bench:
    """Return a short bench of a tiny bundle."""
    return Bench(load(TINY / kind), "ai-edge-litert", replace(QUICK, pairs=pairs))


def colour_frame(bundle: Bundle, label: int, *, grey: int | None = None) -> Pixels:
    """Return a frame in the colour of a label's golden input; all of it, or a square on grey."""
    colour_bgr = bundle.golden[label].pixels[8, 8, ::-1]
    frame = np.empty((480, 640, 3), np.uint8)
    frame[:] = colour_bgr if grey is None else grey
    frame[180:300, 200:330] = colour_bgr
    return frame


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", ["naive", "coral"])
def test_a_loop_gives_the_bundles_own_answers(key: str, kind: str) -> None:
    """It should name each golden input's label, and point the servo there, whatever the input."""
    bench = bench_of(kind)
    loop = open_loop(BY_KEY[key], network_of(bench))

    for label in range(len(bench.bundle.labels)):
        wanted = int(bench.bundle.golden[label].scores.argmax())
        assert loop.handle(colour_frame(bench.bundle, label)) == wanted
        assert loop.servo.angle_deg == 15 * wanted
    loop.close()


def test_background_subtraction_classifies_what_has_come() -> None:
    """It should see nothing on the belt that it has learned, and then the piece on it."""
    bench = bench_of("int8")
    loop = open_loop(BY_KEY["mog2"], network_of(bench))
    empty = np.full((480, 640, 3), 90, np.uint8)
    for _ in range(30):
        loop.handle(empty)

    assert loop.handle(empty) is None
    assert loop.handle(colour_frame(bench.bundle, 1, grey=90)) == 1


def test_ages_grow_behind_a_queue_without_bound() -> None:
    """It should fall further behind with every frame when more come than it can handle."""
    bench = bench_of("int8")
    frames = [np.full((480, 640, 3), 90, np.uint8)]

    ages_ms = unbounded.run(
        6.0, network=network_of(bench), frames=frames, lasts_s=0.3, clock=RealClock()
    )

    # At the end of 300 ms at six times the pace, the frame in hand came five sixths of them ago.
    assert ages_ms[-1] > 100
    assert ages_ms[-1] > ages_ms[len(ages_ms) // 2] > ages_ms[0] > 0


def test_every_peer_has_a_row_beside_the_raw_invoke() -> None:
    """It should tell ratios of those that are installed, and how to install the others."""
    chapter = peers.measure(bench_of("heads"))

    rows = {row.name: row for row in chapter.rows}
    assert set(rows) == {"raw invoke", *(peer.name for peer in PEERS)}
    for peer in PEERS:
        row = rows[peer.name]
        if peer.missing:
            assert row.note == peer.missing
            assert not row.figures
        else:
            assert row.figures["raw_x"] > 0
            assert len(chapter.series[f"{peer.key}_ms"]) <= 8
    assert len(chapter.series["raw_ms"]) == 8
    assert peers.seconds(QUICK) < 20


def test_a_missing_package_is_told_with_its_remedy() -> None:
    """It should say how to install what a peer needs."""
    peer = Peer("odd", "Odd", "", package="no_such_package", install="pip install it")

    assert "no_such_package" in peer.missing
    assert "pip install it" in peer.missing


def test_a_network_travels_on_a_command_line() -> None:
    """It should be read back as it was written."""
    network = network_of(bench_of("uint8"))

    assert Network.of(network.as_arguments()) == network
    assert network.mean == pytest.approx(127.5)
    assert network.std == pytest.approx(127.5)


def test_peers_do_not_pay_for_sorterd() -> None:
    """It should import nothing of the station in a program that is started beside it."""
    names = ["bare", "rivals.naive", "rivals.coral", "rivals.mog2", "rivals.start"]
    lines = "; ".join(f"import tools.workshop.bench.{name}" for name in names)
    told = "import sys; print([name for name in sys.modules if name.startswith('sorterd')])"

    done = subprocess.run(  # noqa: S603  # our own lines
        [sys.executable, "-c", f"{lines}; {told}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.key)
def test_a_peer_starts_as_a_program_of_its_own(peer: Peer) -> None:
    """It should handle one frame and say what it holds."""
    if peer.missing:
        pytest.skip(peer.missing)
    bench = bench_of("heads")
    with networks(bench) as given:
        network = given.of(peer)
        assert network is not None, given.refusal
        run = run_program("rivals.start.main", [peer.key, *network.as_arguments()], bench.clock)

    assert run.cpu_ms > 0
    assert run.rss_mib > 10
    assert run.last("label") in {-1.0, 0.0, 1.0, 2.0}


@pytest.mark.skipif(find_spec("mediapipe") is None, reason=BY_KEY["mediapipe_video"].missing)
def test_mediapipe_is_given_the_exported_model() -> None:
    """It should get another file than the peers that take the bundle's own."""
    bench = bench_of("heads")
    with networks(bench) as given:
        assert given.exported is not None
        assert given.exported.model != given.bundle.model
        assert given.exported.model.exists()
