"""What holds for the belt's sorter in every world that Hypothesis can think of."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.records import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.properties.conftest import Ran, World

SECOND_NS = 1_000_000_000


def shifted(record: Any, by_ns: int) -> Any:
    """Return a record whose instants are later by a constant; `took_ns` is a length of time."""
    if isinstance(record, tuple):
        return tuple(shifted(each, by_ns) for each in record)
    if not is_dataclass(record) or isinstance(record, type):
        return record
    changes = {}
    for each in fields(record):
        value = getattr(record, each.name)
        if each.name.endswith("_ns") and each.name not in {"took_ns", "late_ns", "opened_late_ns"}:
            changes[each.name] = None if value is None else value + by_ns
        else:
            changes[each.name] = shifted(value, by_ns)
    return replace(record, **changes)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(data=st.data())
def test_same_events_same_commands(
    data: st.DataObject, worlds: st.SearchStrategy[World], run: Callable[..., Ran]
) -> None:
    """It should do the same whenever it is told the same."""
    world = data.draw(worlds)

    assert run(world).commands == run(world).commands


@settings(derandomize=True, deadline=None, max_examples=100)
@given(data=st.data(), by_s=st.integers(-6, 1_000_000))
def test_a_constant_added_to_every_time_moves_every_command(
    data: st.DataObject, by_s: int, worlds: st.SearchStrategy[World], run: Callable[..., Ran]
) -> None:
    """It should know no absolute time and no other clock."""
    world = data.draw(worlds)
    by_ns = by_s * SECOND_NS
    moved = replace(world, origin_ns=world.origin_ns + by_ns)

    commands = [(at + by_ns, shifted(each, by_ns)) for at, each in run(world).commands]

    assert run(moved).commands == commands


@settings(derandomize=True, deadline=None, max_examples=100)
@given(data=st.data())
def test_each_piece_has_exactly_one_outcome(
    data: st.DataObject, worlds: st.SearchStrategy[World], run: Callable[..., Ran]
) -> None:
    """It should end every piece that it ever numbered, once, whatever goes wrong."""
    ran = run(data.draw(worlds))

    ended = [outcome.piece for outcome in ran.outcomes]
    assert sorted(ended) == list(range(1, len(ended) + 1))
    assert not ran.sorter.views(ran.end_ns)
    assert {crop.piece for _, batch in ran.batches for crop in batch.crops} <= set(ended)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(data=st.data())
def test_pulses_never_overlap_and_leave_the_lead(
    data: st.DataObject, worlds: st.SearchStrategy[World], run: Callable[..., Ran]
) -> None:
    """It should send a gate one pulse at a time, and in time."""
    ran = run(data.draw(worlds))

    lead_ns = ran.world.station().lead_ns
    for at_ns, pulse in ran.pulses:
        assert at_ns + lead_ns <= pulse.start_ns <= pulse.open_ns <= pulse.close_ns
        assert pulse.close_ns < pulse.clear_ns
    for gate in {pulse.gate for _, pulse in ran.pulses}:
        mine = [pulse for _, pulse in ran.pulses if pulse.gate == gate]
        assert all(one.clear_ns <= other.start_ns for one, other in pairwise(mine))


@settings(derandomize=True, deadline=None, max_examples=100)
@given(data=st.data())
def test_dropped_frames_never_send_a_piece_to_a_wrong_bin(
    data: st.DataObject, worlds: st.SearchStrategy[World], run: Callable[..., Ran]
) -> None:
    """It should at worst lose a piece to the end bin, also a neighbour that it never saw."""
    ran = run(data.draw(worlds))

    bins = ran.world.station().bins
    for piece in ran.world.pieces:
        assert ran.fell_into(piece) in {bins.of_label[piece.label], bins.end_bin, None}
