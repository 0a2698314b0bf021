"""What `--camera SOURCE` means: a device, a video, or a folder of photos."""

from pathlib import Path

from sorterd.cameras import replay, v4l2
from sorterd.ports import PartSettings
from sorterd.settings import Settings


def is_device(source: str) -> bool:
    """Tell whether a source is a USB camera rather than a recording."""
    return source.startswith("/dev/")


def camera_part(source: str, settings: Settings) -> PartSettings:
    """Return the camera that shows `source` in the size of the station's frames."""
    width_px, height_px = settings.view.width_px, settings.view.height_px
    if is_device(source):
        if isinstance(settings.camera, v4l2.Settings):
            return settings.camera.model_copy(update={"device": source})
        return v4l2.Settings(device=source, width_px=width_px, height_px=height_px)
    return replay.Settings(path=Path(source), width_px=width_px, height_px=height_px)
