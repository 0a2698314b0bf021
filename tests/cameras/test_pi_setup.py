"""What a Pi's camera is asked for at its start, and what stays locked afterwards."""

import logging
from typing import Any

import numpy as np
import pytest

from tests.cameras.fake_picamera2 import MS, Rig, opened, refusal, taken

CROP = {"left_px": 8, "top_px": 16, "width_px": 1024, "height_px": 768}


# --- Exposure and white balance drift: motionpie#247, picamera2#1100 ---


def test_exposure_and_colour_are_locked_once_they_have_settled(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """It should wait until they stand still, keep exactly that, and say what it is."""
    rig.light = [(1000 * n, 1.0, (1.0 + n / 10, 1.5)) for n in range(1, 9)]
    with caplog.at_level(logging.INFO):
        opened(rig)
    start, lock = rig.sent
    assert start["AeEnable"] is True
    assert start["AwbEnable"] is True
    assert lock == {
        "AeEnable": False,
        "ExposureTime": 8000,
        "AnalogueGain": 1.0,
        "AwbEnable": False,
        "ColourGains": (1.8, 1.5),
    }
    assert "locked after" in caplog.text
    assert "exposure 8000 us, gain 1.00, red 1.80, blue 1.50" in caplog.text
    assert rig.cameras[0].frames == 17


def test_what_does_not_settle_is_locked_in_the_end(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """It should not wait for ever for a light that flickers, and say that it does."""
    rig.light = [(8000 + 1000 * (n % 2), 2.0, (1.8, 1.5)) for n in range(1000)]
    before_ns = rig.clock.now_ns()
    opened(rig, settle_ms=1000)
    assert rig.clock.now_ns() - before_ns <= 1100 * MS
    assert rig.sent[-1]["AeEnable"] is False
    assert "have not settled" in caplog.text


def test_a_lock_can_be_left_open(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """It should leave the camera to itself, and tell the operator that."""
    with caplog.at_level(logging.INFO):
        opened(rig, lock=False)
    assert len(rig.sent) == 1
    assert "not locked" in caplog.text


def test_what_is_set_by_hand_needs_no_settling(rig: Rig) -> None:
    """It should start with what a person measured, and only wait for the first frame."""
    opened(rig, exposure_us=4000, gain=2.5, red_gain=1.9, blue_gain=1.4)
    (start,) = rig.sent
    assert start["AeEnable"] is False
    assert start["AwbEnable"] is False
    assert start["ExposureTime"] == 4000
    assert start["AnalogueGain"] == 2.5
    assert start["ColourGains"] == (1.9, 1.4)
    assert rig.cameras[0].frames == 1


def test_a_camera_without_controls_is_taken_as_it_is(rig: Rig) -> None:
    """It should work with a camera that libcamera cannot steer."""
    rig.offered = {}
    assert taken(opened(rig)).pixels.shape == (48, 64, 3)
    assert rig.sent == [{}]


# --- What the camera is asked for ---


def test_the_image_processor_scales(rig: Rig) -> None:
    """It should have one stream of the road's own size, in the order of bytes that the road has."""
    camera = opened(rig, rate_hz=50)
    wanted = rig.cameras[0].wanted
    assert wanted["main"] == {"size": (64, 48), "format": "RGB888"}
    assert wanted["raw"] is None
    assert rig.sent[0]["FrameDurationLimits"] == (20_000, 20_000)
    assert (taken(camera).pixels[0, 0] != taken(camera).pixels[0, 63]).any()


def test_a_mode_a_crop_a_lens_and_noise_are_passed_on(rig: Rig) -> None:
    """It should ask for each in libcamera's words."""
    rig.offered |= {
        "LensPosition": (0.0, 15.0, 1.0),
        "AfMode": (0, 2, 0),
        "ScalerCrop": ((0, 0, 64, 64), (0, 0, 4608, 2592), (0, 0, 4608, 2592)),
    }
    given: dict[str, Any] = {
        "sensor_width_px": 2304,
        "sensor_height_px": 1296,
        "crop": CROP,
        "lens_dioptres": 2.5,
        "noise_reduction": "off",
    }
    opened(rig, **given)
    assert rig.cameras[0].wanted["sensor"] == {"output_size": (2304, 1296)}
    start = rig.sent[0]
    assert start["ScalerCrop"] == (8, 16, 1024, 768)
    assert (start["LensPosition"], start["AfMode"]) == (2.5, 0)
    assert start["NoiseReductionMode"] == 0
    # A Pi's libcamera looks at the second alone where there are both.
    rig.offered["ScalerCrops"] = rig.offered["ScalerCrop"]
    opened(rig, **given)
    assert rig.sent[2]["ScalerCrops"] == [(8, 16, 1024, 768)]
    assert "ScalerCrop" not in rig.sent[2]


def test_another_crop_is_told_of(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """It should say what is shown instead of what was asked for, but for a few pixels."""
    rig.offered["ScalerCrop"] = ((0, 0, 64, 64), (0, 0, 4608, 2592), (0, 0, 4608, 2592))
    rig.shown = (10, 16, 1024, 766)
    opened(rig, crop=CROP)
    assert "of the sensor" not in caplog.text
    rig.shown = (8, 16, 2304, 1296)
    opened(rig, crop=CROP)
    assert "shows the part (8, 16, 2304, 1296) of the sensor" in caplog.text


def test_a_lens_nobody_set_is_told_of(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """It should tell the operator that the lens is wherever it is."""
    rig.offered |= {"LensPosition": (0.0, 15.0, 1.0), "AfMode": (0, 2, 0)}
    opened(rig)
    assert "set lens_dioptres" in caplog.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lens_dioptres": 2}, "has no LensPosition; leave out lens_dioptres"),
        ({"crop": CROP}, "leave out crop"),
        ({"gain": 20}, "takes gain from 1 to 16, not 20"),
        ({"exposure_us": 20}, "takes exposure_us from 26 to"),
        ({"rate_hz": 200}, "at most 125.0 frames a second"),
        ({"sensor_width_px": 640, "sensor_height_px": 480}, "the nearest is 2304x1296"),
    ],
)
def test_what_it_cannot_is_named(rig: Rig, given: dict[str, Any], said: str) -> None:
    """It should refuse a setting that the camera would quietly change, and let go of it."""
    assert said in refusal(rig, **given)
    assert rig.cameras[0].closings == 1


def test_another_size_or_layout_is_refused(rig: Rig) -> None:
    """It should read back what the camera made of the size and the layout."""
    rig.size = (32, 48)
    assert "offers 32x48 instead of 64x48" in refusal(rig)
    rig.size, rig.layout = None, "NV12"
    assert 'pixel_format = "NV12"' in refusal(rig)


def test_nv12_is_made_into_bgr(rig: Rig) -> None:
    """It should ask for the colours that OpenCV reads NV12 in, and come close to them."""
    pixels = taken(opened(rig, pixel_format="NV12")).pixels
    assert rig.cameras[0].wanted["colour_space"] == "smpte170m"
    assert pixels.shape == (48, 64, 3)
    number = rig.cameras[0].frames - 1
    grey = (10 + 20 * number) % 256
    blue = np.abs(pixels[20, 10].astype(int) - (200, grey, grey))
    assert np.abs(pixels[20, 50].astype(int) - grey).max() <= 3
    assert blue.max() <= 3


def test_a_camera_in_use_is_unavailable(rig: Rig) -> None:
    """It should tell the first cause, which picamera2 wraps twice, in one line."""
    busy = RuntimeError("Camera __init__ sequence did not complete.")
    busy.__cause__ = RuntimeError("Failed to acquire camera:\nDevice or resource busy")
    rig.fails["open"] = busy
    said = refusal(rig)
    assert "imx708: cannot be opened (Failed to acquire camera: Device or resource busy)" in said


def test_a_setting_that_is_not_taken_is_unavailable(rig: Rig) -> None:
    """It should name what picamera2 said, and let go of the camera."""
    rig.fails["configure"] = RuntimeError("Invalid camera configuration")
    assert "Invalid camera configuration" in refusal(rig)
    assert rig.cameras[0].closings == 1
