"""A gate without a device: it turns a simulated servo and so remembers every movement.

The rule: the servo is told the instant at which the command came, so where the
gate stood follows from what was commanded and when, never from what was planned.
"""

from typing import Literal

from sorterd.ports import Clock, DeviceFault, PartSettings
from sorterd.simulation.servo import SimulatedServo


class Settings(PartSettings):
    """A gate that is only simulated; it has no device to be described."""

    kind: Literal["simulated"] = "simulated"


class SimulatedGate:
    """Meets `ports.Gate`. What it did stands in its servo's `movements`. One thread.

    Args:
        name: The gate's name in the settings.
        clock: Tells when a command comes.
        servo: What moves.

    Attributes:
        name: As given.
        servo: As given; may be read from other threads.
    """

    def __init__(self, name: str, clock: Clock, servo: SimulatedServo) -> None:
        self.name = name
        self.servo = servo
        self._clock = clock
        self._closed = False

    def open(self) -> None:
        """Begin to move into the open position.

        Raises:
            DeviceFault: The gate was let go of, or the servo is made to fail.
        """
        self._command(opening=True)

    def shut(self) -> None:
        """Begin to move into the safe position.

        Raises:
            DeviceFault: The gate was let go of, or the servo is made to fail.
        """
        self._command(opening=False)

    def close(self) -> None:
        """Let go of the servo, which stays where it is."""
        self._closed = True

    def _command(self, *, opening: bool) -> None:
        if self._closed:
            raise DeviceFault(f"gate {self.name}: it was let go of and cannot move; open it again")
        self.servo.command(opening=opening, t_ns=self._clock.now_ns())


def open_part(name: str, settings: Settings, clock: Clock, servo: SimulatedServo) -> SimulatedGate:
    """Return a gate that stands where its servo stands, without moving it."""
    del settings  # it has no keys of its own
    return SimulatedGate(name, clock, servo)
