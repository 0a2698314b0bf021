"""The camera's controls, by libcamera's names: what the settings ask for, and what is locked."""

from collections.abc import Mapping
from typing import Any, Final

from sorterd.cameras.pi.settings import Settings
from sorterd.ports import DeviceUnavailable

# libcamera's AfModeManual, and draft::NoiseReductionMode.
_BY_HAND: Final = 0
_NOISE_REDUCTION: Final = {"off": 0, "fast": 1, "best": 2, "minimal": 3}
_KEYS: Final = {
    "ExposureTime": "exposure_us",
    "AnalogueGain": "gain",
    "ColourGains": "red_gain and blue_gain",
    "LensPosition": "lens_dioptres",
    "AfMode": "lens_dioptres",
    "ScalerCrop": "crop",
}
"""Controls that are only sent where a person asked for them, each with the key that does."""

CROP_PX: Final = 8
"""By so little a crop may differ: the sensor joins up to four pixels, and colours come in pairs."""

Offered = Mapping[str, tuple[Any, Any, Any]]
"""The controls that a camera has: least, most and usual value of each."""


def wanted(settings: Settings, offered: Offered, camera: object) -> dict[str, object]:
    """Return the controls to start with.

    Raises:
        DeviceUnavailable: The camera lacks one that a person asked for, or it is out of range.
    """
    controls: dict[str, object] = {
        "FrameDurationLimits": (period_us(settings), period_us(settings)),
        "NoiseReductionMode": _NOISE_REDUCTION[settings.noise_reduction],
        "AeEnable": settings.exposure_us is None or settings.gain is None,
        "AwbEnable": settings.red_gain is None,
    }
    # Those that every camera of a Pi has; another may lack them, and is then as it is.
    controls = {name: value for name, value in controls.items() if name in offered}
    controls |= _by_hand(settings)
    for name in controls:
        if name not in offered:
            raise DeviceUnavailable(f"{camera} has no {name}; leave out {_KEYS[name]}")
    _check_rate(settings, offered, camera)
    _check_range(settings, offered, camera)
    # Where both are there, libcamera on a Pi heeds the second alone, and picamera2 sets it.
    if settings.crop is not None and "ScalerCrops" in offered:
        controls["ScalerCrops"] = [controls.pop("ScalerCrop")]
    return controls


def period_us(settings: Settings) -> int:
    """From one frame to the next, microseconds."""
    return round(1e6 / settings.rate_hz)


def _by_hand(settings: Settings) -> dict[str, object]:
    controls: dict[str, object] = {}
    if settings.exposure_us is not None:
        controls["ExposureTime"] = settings.exposure_us
    if settings.gain is not None:
        controls["AnalogueGain"] = settings.gain
    if settings.red_gain is not None:
        controls["ColourGains"] = (settings.red_gain, settings.blue_gain)
    if settings.lens_dioptres is not None:
        controls["LensPosition"] = settings.lens_dioptres
        controls["AfMode"] = _BY_HAND
    if (crop := settings.crop) is not None:
        controls["ScalerCrop"] = (crop.left_px, crop.top_px, crop.width_px, crop.height_px)
    return controls


def _check_rate(settings: Settings, offered: Offered, camera: object) -> None:
    if "FrameDurationLimits" not in offered:
        return
    shortest_us = int(offered["FrameDurationLimits"][0])
    # The sensor's rates are no round numbers: 1% is its, not a person's, matter.
    if shortest_us > 1.01 * period_us(settings):
        raise DeviceUnavailable(
            f"{camera} gives at most {1e6 / shortest_us:.1f} frames a second in this mode, not"
            f" {settings.rate_hz:g}; lower rate_hz, or name a smaller mode by sensor_width_px and"
            " sensor_height_px"
        )


def _check_range(settings: Settings, offered: Offered, camera: object) -> None:
    asked = {
        "ExposureTime": settings.exposure_us,
        "AnalogueGain": settings.gain,
        "LensPosition": settings.lens_dioptres,
    }
    for name, value in asked.items():
        if value is None:
            continue
        least, most, _ = offered[name]
        if not least <= value <= most:
            raise DeviceUnavailable(
                f"{camera} takes {_KEYS[name]} from {least:g} to {most:g}, not {value:g}"
            )


def other_crop(settings: Settings, metadata: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Return the part of the sensor that a frame shows, if another was asked for; else None."""
    crop, shown = settings.crop, metadata.get("ScalerCrop")
    if crop is None or shown is None:
        return None
    asked = (crop.left_px, crop.top_px, crop.width_px, crop.height_px)
    apart_px = max(abs(a - b) for a, b in zip(asked, shown, strict=True))
    return tuple(shown) if apart_px > CROP_PX else None


def to_settle(controls: Mapping[str, object]) -> bool:
    """Tell whether the camera finds any of exposure, gain and white balance by itself."""
    return bool(controls.get("AeEnable") or controls.get("AwbEnable"))


def locked(metadata: Mapping[str, Any], offered: Offered) -> dict[str, object]:
    """Return the controls that keep a camera as it was when it made a frame."""
    controls: dict[str, object] = {}
    for switch, names in (
        ("AeEnable", ("ExposureTime", "AnalogueGain")),
        ("AwbEnable", ("ColourGains",)),
    ):
        found = {name: metadata[name] for name in names if name in metadata and name in offered}
        # Switched off without a value, the camera would keep whatever it likes.
        if switch in offered and len(found) == len(names):
            controls |= {switch: False, **found}
    return controls
