"""A camera on the Pi's own connector, through picamera2.

picamera2 may block for ever in any call (picamera2#794, #1004, #1090), so no thread of the
station ever calls it: `errands.py` has a thread for that, and everybody else waits only so long.
A frame is a counted loan that is given back as soon as its pixels are copied. Exposure, gain and
white balance are found at the start and then stay.

This package must never stamp a frame with an instant that has not come.
"""

from sorterd.cameras.pi.camera import PiCamera, open_part
from sorterd.cameras.pi.settings import Settings

__all__ = ["PiCamera", "Settings", "open_part"]
