"""What a person may ask of a camera on the Pi's own connector."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from sorterd.ports import PartSettings

Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Crop(BaseModel):
    """The part of the sensor that is shown, in pixels of the whole sensor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    left_px: int = Field(ge=0, le=16_384)
    """Columns left of it."""
    top_px: int = Field(ge=0, le=16_384)
    """Rows above it."""
    width_px: int = Field(ge=64, le=16_384)
    """Columns in it."""
    height_px: int = Field(ge=64, le=16_384)
    """Rows in it."""


class Settings(PartSettings):
    """A camera on the Pi's own connector, or any other that libcamera knows."""

    kind: Literal["pi"] = "pi"
    camera_id: Word | None = None
    """libcamera's own name for it, which says where it is plugged in, as
    `rpicam-hello --list-cameras` shows it in brackets. Any other is refused."""
    sensor: Word | None = None
    """Model of its sensor, like imx708; a camera with another one is refused."""
    width_px: int = Field(default=640, ge=16, le=8192)
    """Width of the frames; even. The Pi's image processor scales to it, at no cost."""
    height_px: int = Field(default=480, ge=16, le=8192)
    """Height of the frames; even."""
    rate_hz: float = Field(default=30, ge=1, le=240)
    """Frames per second; the sensor's mode must be able to."""
    pixel_format: Literal["BGR", "NV12"] = "BGR"
    """What the image processor gives; NV12 is for those that give no BGR, and is converted."""
    timeout_ms: int = Field(default=1000, ge=50, le=10_000)
    """Without a frame for this long the camera counts as stalled."""
    exposure_us: int | None = Field(default=None, ge=10, le=1_000_000)
    """Exposure time; left out, it is found at the start."""
    gain: float | None = Field(default=None, ge=1, le=64)
    """Analogue gain, a factor; left out, it is found at the start."""
    red_gain: float | None = Field(default=None, ge=0.1, le=32)
    """White balance: factor of red; together with blue_gain. Left out, it is found."""
    blue_gain: float | None = Field(default=None, ge=0.1, le=32)
    """White balance: factor of blue."""
    lock: bool = True
    """Keep what was found of exposure, gain and white balance: pieces keep their look."""
    settle_ms: int = Field(default=4000, ge=200, le=30_000)
    """Longest time to find them in, at each start."""
    lens_dioptres: float | None = Field(default=None, ge=0, le=32)
    """Where a lens that can move is put: 1000 / millimetres from the lens to the belt."""
    noise_reduction: Literal["off", "minimal", "fast", "best"] = "fast"
    """How much the image processor smooths; best may cost frames."""
    sensor_width_px: int | None = Field(default=None, ge=64, le=16_384)
    """The sensor's mode, by its width. Left out, the one nearest to the frame's size: some of
    the small ones show only the middle of the sensor."""
    sensor_height_px: int | None = Field(default=None, ge=64, le=16_384)
    """The sensor's mode, by its height."""
    crop: Crop | None = None
    """The part of the sensor that is shown; left out, all of what its mode shows."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.width_px % 2 or self.height_px % 2:
            raise ValueError("width_px and height_px must be even: take the next even number")
        if (self.red_gain is None) != (self.blue_gain is None):
            raise ValueError("red_gain and blue_gain go together: give both, or neither")
        if (self.sensor_width_px is None) != (self.sensor_height_px is None):
            raise ValueError(
                "sensor_width_px and sensor_height_px go together: give both, or neither"
            )
        if self.exposure_us is not None and self.exposure_us > 1e6 / self.rate_hz:
            raise ValueError(
                f"exposure_us = {self.exposure_us} is longer than a frame at rate_hz ="
                f" {self.rate_hz:g}: lower one of them"
            )
        if self.timeout_ms < 2000 / self.rate_hz:
            raise ValueError(
                f"timeout_ms = {self.timeout_ms} is shorter than two frames at rate_hz ="
                f" {self.rate_hz:g}: raise one of them"
            )
        return self

    def advice(self) -> str | None:
        """Return one line on what works and yet is unwise, or None."""
        if self.camera_id is None and self.sensor is None:
            return (
                "the camera is whichever is plugged in: name it by camera_id or sensor, so that"
                " another one is refused"
            )
        if not self.lock:
            return "lock = false: light and colour of the pieces will change with what lies there"
        return None
