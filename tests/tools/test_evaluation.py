import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.classifiers.bundle import STAGES, Manifest, find, load
from sorterd.core.deciding import Bins, decide
from sorterd.core.judging import JudgingRules, judge
from sorterd.core.records import Box
from sorterd.recordings.pictures import Unusable
from tools.workshop.evaluate.asking import Ask, Carried
from tools.workshop.evaluate.evaluation import Confusion, Said, evaluate
from tools.workshop.evaluate.looking import POSES, posed
from tools.workshop.evaluate.measuring import Share
from tools.workshop.places import Place

TINY = Path(__file__).resolve().parents[1] / "classifiers" / "tiny" / "heads"


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    """Return the manifest of the shipped bundle: seven labels, five of them recyclable."""
    return load(find("waste")).manifest


def said_at_random(manifest: Manifest, n: int, seed: int) -> Said:
    """What a model of middling quality might say."""
    rng = np.random.default_rng(seed)
    size = len(manifest.labels)
    truth = rng.integers(0, size, n)
    powers = np.exp(rng.normal(0, 1.5, (n, size)) + 2.0 * np.eye(size)[truth])
    scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    times = rng.integers(1, 10_000_000, n)
    return Said([f"{k}.jpg" for k in range(n)], truth, scores, None, times, times)


def station_says(
    row: npt.NDArray[np.float32], manifest: Manifest, *, one_frac: float, two_frac: float
) -> tuple[str | None, str]:
    """Label and bin that the station's own rules give."""
    rules = JudgingRules(
        labels=manifest.labels,
        stages=tuple(manifest.stages[label] for label in manifest.labels),
        stage_one_frac=one_frac,
        stage_two_frac=two_frac,
        sure_frac=1.0,
        min_views=1,
        max_views=1,
        same_view_mm=1.0,
    )
    verdict = judge(tuple(float(score) for score in row), rules)
    return verdict.label, decide(verdict, Bins(manifest.bins, {}, manifest.end_bin)).bin


@given(st.integers(1, 60), st.integers(0, 500))
def test_counts_are_those_of_the_station(manifest: Manifest, n: int, seed: int) -> None:
    """It should count as one who puts each picture through the station's judging and deciding."""
    said = said_at_random(manifest, n, seed)
    labels, stages = manifest.labels, manifest.stages
    thresholds = manifest.thresholds

    found = evaluate(said, manifest)

    joint = np.zeros((7, 7), np.int64)
    one = np.zeros((3, 3), np.int64)
    passed = right = in_bin = lost = 0
    for truth, row in zip(said.truth, said.scores, strict=True):
        answer, _ = station_says(row, manifest, one_frac=0.0, two_frac=0.0)
        assert answer is not None
        joint[truth, labels.index(answer)] += 1
        one[STAGES.index(stages[labels[truth]]), STAGES.index(stages[answer])] += 1
        sure, landed = station_says(
            row,
            manifest,
            one_frac=thresholds.stage_one_frac,
            two_frac=thresholds.stage_two_frac,
        )
        passed += sure is not None
        right += sure == labels[truth]
        own = manifest.bins[labels[truth]]
        in_bin += landed == own
        lost += landed != own and landed == manifest.end_bin
    assert found.joint.counts.tolist() == joint.tolist()
    assert found.stage_one.counts.tolist() == one.tolist()
    assert found.landing.answered == Share(passed, n)
    assert found.landing.right == (Share(right, passed) if passed else None)
    assert found.landing.right_bin == Share(in_bin, n)
    assert found.landing.end_bin == Share(lost, n)
    assert found.landing.wrong_bin == Share(n - in_bin - lost, n)
    assert found.landing.cost == pytest.approx((10 * (n - in_bin - lost) + lost) / n)
    assert found.landing.confusion.counts.sum() == n


@given(st.integers(1, 60), st.integers(0, 500))
def test_the_parts_agree_with_each_other(manifest: Manifest, n: int, seed: int) -> None:
    """It should never count a picture in one figure and not in another."""
    said = said_at_random(manifest, n, seed)

    found = evaluate(said, manifest)

    recyclable = STAGES.index("recyclable")
    assert found.stage_two.counts.sum() == found.stage_one.counts[recyclable, recyclable]
    joint_right = found.joint.right
    assert joint_right is not None
    assert joint_right.n == n
    assert found.coverage[-1].right == joint_right
    assert len(found.wrong) == n - joint_right.right
    confidences = [one.confidence_frac for one in found.wrong]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(one.n for one in found.calibration.bins) == n
    if found.recyclable is not None and found.stage_two.right is not None:
        assert found.recyclable.right == found.stage_two.right.right


def test_what_was_never_asked_is_not_known() -> None:
    """It should have no recall of what does not occur, and no precision of what was never said."""
    subject = Confusion(("can", "jar", "rag"), np.array([[2, 0, 0], [0, 0, 0], [1, 0, 0]]))

    assert subject.recall("jar") is None
    assert subject.precision("jar") is None
    assert subject.precision("rag") is None
    assert subject.recall("rag") == Share(0, 1)
    assert subject.macro_recall == 0.5
    assert Confusion(("can",), np.zeros((1, 1), np.int64)).right is None


@given(st.integers(0, len(POSES) - 1), st.integers(0, 300))
def test_a_pose_takes_the_box_along(pose: int, seed: int) -> None:
    """It should show the same pixels in the box, turned as the picture is."""
    rng = np.random.default_rng(seed)
    height, width = (int(edge) for edge in rng.integers(4, 20, 2))
    pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    left, top = int(rng.integers(0, width - 1)), int(rng.integers(0, height - 1))
    box = Box(left, top, int(rng.integers(1, width - left)), int(rng.integers(1, height - top)))

    turned, moved = posed(pixels, box, pose)

    turns, mirrored = POSES[pose]
    inside = pixels[box.top_px : box.bottom_px, box.left_px : box.right_px]
    expected = np.rot90(inside[:, ::-1] if mirrored else inside, turns)
    found = turned[moved.top_px : moved.bottom_px, moved.left_px : moved.right_px]
    assert found.tolist() == expected.tolist()
    assert turned.flags.c_contiguous


def test_a_thread_that_looks_on_does_no_harm(tmp_path: Path) -> None:
    """It should get answers while another thread looks into it, as a cluster's profiler does."""
    _, packed = cv2.imencode(".png", np.full((40, 30, 3), (40, 40, 220), np.uint8))
    (tmp_path / "0.png").write_bytes(packed.tobytes())
    ask = Ask(Place(str(tmp_path)), Carried(load(TINY)), cuts=("whole",), views=8)
    looked_at, done = threading.get_ident(), threading.Event()

    def look_on() -> None:
        while not done.is_set():
            held = sys._current_frames().get(looked_at)
            # As long as it takes to walk up a stack.
            sum(range(300))
            del held

    usual_s = sys.getswitchinterval()
    onlooker = threading.Thread(target=look_on)
    try:
        sys.setswitchinterval(1e-5)
        onlooker.start()
        looks = [ask("0.png") for _ in range(30)]
    finally:
        done.set()
        sys.setswitchinterval(usual_s)
        onlooker.join()

    assert not any(isinstance(look, Unusable) for look in looks)


def test_poses_are_all_different() -> None:
    """It should show an uneven picture in eight ways."""
    pixels = np.arange(3 * 3 * 3, dtype=np.uint8).reshape(3, 3, 3)
    shown = {posed(pixels, Box(0, 0, 3, 3), pose)[0].tobytes() for pose in range(len(POSES))}

    assert len(shown) == 8
