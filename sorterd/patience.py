"""How long a running station bears with its devices."""

from dataclasses import dataclass, field

from sorterd.capture import Reopening

S_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the daemon bears with its devices.

    Attributes:
        camera: How often to open a camera that has failed.
        silent_camera_ns: No frame for so long is a fault, whatever the camera says.
        stalled_runtime_ns: A model that has not answered for so long is a fault.
        drain_ns: Longest wait for pulses already sent to come to their end.
        flush_ns: How often sinks bring what they hold to where it lasts.
    """

    camera: Reopening = field(default_factory=Reopening)
    silent_camera_ns: int = 10 * S_NS
    stalled_runtime_ns: int = 10 * S_NS
    drain_ns: int = 4 * S_NS
    flush_ns: int = S_NS
