from dataclasses import replace

import pytest

from sorterd.core.deciding import Bins, Decision, decide
from sorterd.core.records import NO_EVIDENCE, Reason, Verdict


@pytest.fixture
def subject() -> Verdict:
    """Return the verdict that a piece is a can."""
    return Verdict(label="can", confidence_frac=0.9, stage_one="recyclable", stage_one_frac=0.95)


def test_label_goes_to_its_bin_through_its_gate(subject: Verdict, bins: Bins) -> None:
    """It should name the gate that leads to the label's bin."""
    assert decide(subject, bins) == Decision("metal", "metal", None)


def test_what_belongs_in_the_end_bin_needs_no_gate(subject: Verdict, bins: Bins) -> None:
    """It should move nothing, and say that this is right."""
    rag = replace(subject, label="rag")

    assert decide(rag, bins) == Decision("landfill", None, Reason.BELONGS_IN_END_BIN)


def test_unsure_is_safe(bins: Bins) -> None:
    """It should move nothing without a label."""
    assert decide(NO_EVIDENCE, bins) == Decision("landfill", None, Reason.UNSURE)


def test_label_without_a_bin_is_a_bug(subject: Verdict, bins: Bins) -> None:
    """It should not guess: the settings were to be checked before."""
    with pytest.raises(KeyError):
        decide(replace(subject, label="sofa"), bins)
