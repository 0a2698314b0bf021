"""A belt station with three gates, and a line that it sorts."""

from collections.abc import Callable

import pytest

from sorterd.core.belt import Belt
from sorterd.core.deciding import Bins
from sorterd.core.judging import JudgingRules
from sorterd.core.records import Region, ScoresReady
from sorterd.core.scheduling import GatePlan
from sorterd.core.sorter import BeltStation, Sorter
from tests.core.line import COSTS, Line
from tests.core.surroundings import MS


@pytest.fixture
def station(belt: Belt, judging: JudgingRules, bins: Bins) -> BeltStation:
    """Return a station whose three gates stand at 450, 600 and 750 mm."""
    places = {"metal": 450.0, "glass": 600.0, "compost": 750.0}
    gates = {
        name: GatePlan(name, at_mm, move_ns=120 * MS, margin_mm=15.0, recover_ns=120 * MS)
        for name, at_mm in places.items()
    }
    return BeltStation(
        belt=belt,
        gates=gates,
        bins=bins,
        judging=judging,
        lead_ns=40 * MS,
        moving_at_once=2,
        max_age_ns=250 * MS,
        stall_ns=500 * MS,
    )


@pytest.fixture
def subject(station: BeltStation) -> Sorter:
    """Return a sorter before its first event."""
    return Sorter(station, COSTS)


@pytest.fixture
def line(
    subject: Sorter, region: Callable[..., Region], scored: Callable[..., ScoresReady]
) -> Line:
    """Return a line with one can."""
    return Line(sorter=subject, scored=scored, region=region)
