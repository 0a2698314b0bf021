"""What has a place on the belt: a gate, or the station's light barrier."""

from dataclasses import dataclass

from sorterd.calibration.spread import NotMeasured
from sorterd.settings import Settings


@dataclass(frozen=True, slots=True)
class Spot:
    """Something that pieces run past.

    Attributes:
        title: What a person calls it.
        name: Of its fragment.
        table: Its table in the settings; the place is the key `at_mm` there.
        slack_key: The setting that must be wider than the place's error.
        slack_mm: That setting.
    """

    title: str
    name: str
    table: str
    slack_key: str
    slack_mm: float


def gate_spot(name: str, settings: Settings) -> Spot:
    """Return a gate's; it must be in the settings."""
    table = f"gates.{name}"
    margin_mm = settings.gates[name].margin_mm
    return Spot(f"gate {name}", f"gate-{name}", table, f"{table}.margin_mm", margin_mm)


def trigger_spot(settings: Settings) -> Spot:
    """Return the light barrier's.

    Raises:
        NotMeasured: The station has none.
    """
    if settings.trigger is None:
        raise NotMeasured(
            "this station has no light barrier: write [trigger] into its settings, with kind, pin"
            " and, by a tape measure, at_mm"
        )
    tolerance_mm = settings.trigger.tolerance_mm
    return Spot("the light barrier", "trigger", "trigger", "trigger.tolerance_mm", tolerance_mm)
