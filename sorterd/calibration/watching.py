"""Frames for a calibration: from the station's camera, or from a recording at its own instants.

A recording is played on a manual clock: nobody waits, no frame is skipped, and the instants are
the recording's own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sorterd.cameras import replay
from sorterd.clock import ManualClock, RealClock
from sorterd.holding import hold
from sorterd.ports import Camera, DeviceUnavailable, Frame
from sorterd.settings import Settings, ask_for_a_camera
from sorterd.wiring.devices import open_camera

# Width by height may differ from the station's by rounding, not by another shape of picture.
_SHAPE_FRAC: Final = 0.01


@dataclass(frozen=True, slots=True)
class Source:
    """Where frames come from.

    Attributes:
        recording: A video or a folder of pictures; None for the station's camera.
        rate_hz: Pictures a second of a folder; None for a video's own.
    """

    recording: Path | None
    rate_hz: float | None = None


@contextmanager
def opened(source: Source, settings: Settings, what: str) -> Iterator[Camera]:
    """Open the camera or the recording, until the end of the block.

    Args:
        source: Which.
        settings: The station's: its camera, and the size of its frames.
        what: What holds the devices meanwhile, for others.

    Raises:
        DeviceUnavailable: It cannot be opened, or another program holds the devices.
        SettingsFault: The station has no camera.
    """
    if source.recording is not None:
        camera = _recording(source.recording, source.rate_hz, settings)
        try:
            yield camera
        finally:
            camera.close()
        return
    ask_for_a_camera(settings, "set it in the station's settings (--config), or give --recording")
    with hold(what):
        live = open_camera(settings.camera, settings.view, RealClock())
        try:
            yield live
        finally:
            live.close()


def frames_of(camera: Camera, *, seconds: float | None) -> Iterator[Frame]:
    """Give frames until the recording is over, or for so many seconds of the frames' own time.

    Raises:
        DeviceFault: The camera failed.
    """
    first_ns: int | None = None
    while (frame := camera.read()) is not None:
        first_ns = frame.exposed_ns if first_ns is None else first_ns
        if seconds is not None and frame.exposed_ns - first_ns > seconds * 1e9:
            return
        yield frame


def _recording(path: Path, rate_hz: float | None, settings: Settings) -> Camera:
    camera = replay.open_part(replay.Settings(path=path, rate_hz=rate_hz), ManualClock())
    view = settings.view
    if settings.source_of(("view",)) == "default":
        return camera  # nobody has said how large the station's frames are: as these
    shape, own = view.width_px / view.height_px, camera.width_px / camera.height_px
    camera.close()
    if abs(own / shape - 1) > _SHAPE_FRAC:
        raise DeviceUnavailable(
            f"{path}: its pictures have another shape ({camera.width_px} x {camera.height_px}) than"
            f" the station's frames ({view.width_px} x {view.height_px}): record with the"
            " station's own camera settings"
        )
    size = {"width_px": view.width_px, "height_px": view.height_px}
    return replay.open_part(replay.Settings(path=path, rate_hz=rate_hz, **size), ManualClock())
