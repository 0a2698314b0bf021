from dataclasses import replace
from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.judging import FLOOR_FRAC, REPEAT_WEIGHT, Evidence, JudgingRules, judge
from sorterd.core.records import NO_EVIDENCE

CAN = (0.85, 0.05, 0.05, 0.05)
JAR = (0.05, 0.85, 0.05, 0.05)
BLANK = (0.25, 0.25, 0.25, 0.25)


@pytest.fixture
def subject(judging: JudgingRules) -> Evidence:
    """Return no evidence yet."""
    return Evidence(judging)


def look(subject: Evidence, *views: tuple[float, ...], apart_mm: float = 40.0) -> None:
    """Take in some views, each so far from the last one."""
    for number, scores in enumerate(views):
        subject.add(scores, along_mm=100.0 + apart_mm * number, exposed_ns=number)


def test_stage_one_adds_up_its_labels(judging: JudgingRules) -> None:
    """It should be sure of recyclable where it wavers between can and jar, and stay unsure."""
    verdict = judge((0.45, 0.45, 0.05, 0.05), judging)

    assert verdict.label is None
    assert verdict.stage_one == "recyclable"
    assert verdict.stage_one_frac == pytest.approx(0.9)


def test_stage_two_asks_only_within_stage_one(judging: JudgingRules) -> None:
    """It should weigh a label against its own stage-one answer, not against the others."""
    verdict = judge((0.5, 0.22, 0.14, 0.14), judging)

    assert verdict.label == "can"
    assert verdict.confidence_frac == 0.5


def test_single_label_needs_its_stage_only(judging: JudgingRules) -> None:
    """It should let stage one decide where stage two has nothing to choose from."""
    assert judge((0.1, 0.1, 0.75, 0.05), judging).label == "pear"
    assert judge((0.2, 0.1, 0.65, 0.05), judging).label is None


def test_thresholds_are_reached_by_being_equal(judging: JudgingRules) -> None:
    """It should take a belief that is just enough."""
    assert judge((0.0, 0.0, 0.0, 0.7), replace(judging, stage_one_frac=0.7)).label == "rag"
    assert judge((0.5, 0.25, 0.0, 0.25), replace(judging, stage_two_frac=2 / 3)).label == "can"


def test_stage_one_may_overrule_the_likeliest_label(judging: JudgingRules) -> None:
    """It should not follow one strong label out of the stage that most labels speak for."""
    verdict = judge((0.35, 0.25, 0.4, 0.0), replace(judging, stage_one_frac=0.5))

    assert verdict.stage_one == "recyclable"
    assert verdict.label is None


def test_nothing_seen_is_no_evidence(subject: Evidence) -> None:
    """It should have no verdict before the first view."""
    assert subject.verdict == NO_EVIDENCE
    assert not subject.sure
    assert subject.newest_ns is None


def test_independent_views_add_up(subject: Evidence) -> None:
    """It should be surer after two views than after one."""
    look(subject, CAN)
    once_frac = subject.verdict.confidence_frac
    look(subject, CAN)

    assert once_frac == pytest.approx(0.85)
    assert subject.verdict.confidence_frac > once_frac
    assert subject.views == 2


def test_full_weight_multiplies_the_odds(subject: Evidence) -> None:
    """It should add log-probabilities of views that lie apart."""
    look(subject, CAN, CAN)

    odds = (0.85 / 0.05) ** 2
    assert subject.verdict.confidence_frac == pytest.approx(odds / (odds + 3))


def test_repeated_view_counts_less(subject: Evidence, judging: JudgingRules) -> None:
    """It should not be made sure by looking at the same thing again."""
    look(subject, CAN, CAN, apart_mm=0.0)
    half = Evidence(judging)
    look(half, CAN, CAN, apart_mm=10.0)

    for evidence, weight in ((subject, REPEAT_WEIGHT), (half, 0.5)):
        odds = (0.85 / 0.05) ** (1 + weight)
        assert evidence.verdict.confidence_frac == pytest.approx(odds / (odds + 3))


def test_no_single_view_has_a_veto(subject: Evidence) -> None:
    """It should get over one view that says zero, as a reflection may."""
    look(subject, CAN, CAN, CAN, (0.0, 1.0, 0.0, 0.0))

    assert subject.verdict.label == "can"


def test_floor_bounds_what_a_view_can_say(subject: Evidence) -> None:
    """It should take 0 and the floor for the same."""
    look(subject, (1.0, 0.0, 0.0, 0.0))

    assert subject.verdict.confidence_frac == pytest.approx(1 / (1 + 3 * FLOOR_FRAC))
    assert log(FLOOR_FRAC) < -5


def test_views_without_end_are_borne(subject: Evidence) -> None:
    """It should weigh labels against each other, however unlikely a thousand views make each."""
    look(subject, *[(0.5, 0.5, 0.0, 0.0)] * 1000)

    assert subject.verdict.scores == pytest.approx((0.5, 0.5, 0.0, 0.0))


def test_sure_needs_views_belief_and_a_label(subject: Evidence, judging: JudgingRules) -> None:
    """It should not decide early on one view, nor on views that do not agree."""
    once, torn = Evidence(judging), Evidence(judging)
    look(once, (0.99, 0.0, 0.01, 0.0))
    look(torn, CAN, JAR)
    look(subject, CAN, CAN)

    assert not once.sure
    assert not torn.sure
    assert torn.verdict.label is None
    assert subject.sure


def test_full_asks_for_no_more_views(subject: Evidence, judging: JudgingRules) -> None:
    """It should have enough after `max_views`, sure or not."""
    fewer = Evidence(judging)
    look(fewer, *[BLANK] * 4)
    look(subject, *[BLANK] * 5)

    assert not fewer.full
    assert subject.full
    assert subject.verdict.label is None


def test_newest_frame_is_remembered(subject: Evidence) -> None:
    """It should know the age of its evidence."""
    look(subject, CAN, CAN, CAN)

    assert subject.newest_ns == 2


@settings(derandomize=True, deadline=None)
@given(
    views=st.lists(
        st.tuples(*[st.floats(0.0, 1.0)] * 4).filter(lambda row: sum(row) > 0.1),
        min_size=1,
        max_size=200,
    ),
    apart_mm=st.floats(0.0, 50.0),
)
def test_beliefs_are_always_beliefs(
    judging: JudgingRules, views: list[tuple[float, ...]], apart_mm: float
) -> None:
    """It should never lose its mind over many views, zeros and certainties."""
    evidence = Evidence(judging)
    look(evidence, *views, apart_mm=apart_mm)

    assert sum(evidence.verdict.scores) == pytest.approx(1.0)
    assert evidence.verdict.confidence_frac <= evidence.verdict.stage_one_frac <= 1.0 + 1e-9


@pytest.mark.parametrize("apart_mm", [0.0, 1.0])
def test_every_view_may_count_in_full(judging: JudgingRules, apart_mm: float) -> None:
    """It should weigh all views alike where none is near enough to be the same."""
    evidence = Evidence(replace(judging, same_view_mm=0.0))
    look(evidence, CAN, CAN, apart_mm=apart_mm)

    odds = (0.85 / 0.05) ** 2
    assert evidence.verdict.confidence_frac == pytest.approx(odds / (odds + 3))
