"""What a simulated station looks like and what comes its way: numbers only, no behaviour.

A scene with a seed fixes everything that a world shows. Defaults are those of the dry run: a grey
belt 240 mm wide at 200 mm/s, one piece about every 260 mm.
"""

from dataclasses import dataclass, field

from sorterd.core.belt import Direction


@dataclass(frozen=True, slots=True)
class Look:
    """Surface, light and sensor, the same for a belt and a tray.

    Attributes:
        surface_level: Mean brightness of the surface, 0 to 255.
        texture_levels: Standard deviation of its grain and blotches, grey levels.
        scratches: How many scratches a belt's loop has.
        light_drift_frac: How far the light drifts either way, share of its brightness.
        light_period_ms: Time for one slow swing of the light; more than 0.
        vignette_frac: How much darker the picture's corners are than its middle.
        noise_levels: Standard deviation of the sensor's noise, grey levels.
        shadow_frac: How dark the shadow right beside a piece is.
    """

    surface_level: float = 108.0
    texture_levels: float = 3.0
    scratches: int = 40
    light_drift_frac: float = 0.04
    light_period_ms: int = 45_000
    vignette_frac: float = 0.12
    noise_levels: float = 2.0
    shadow_frac: float = 0.5


@dataclass(frozen=True, slots=True)
class BeltScene:
    """A belt and the pieces on it.

    Attributes:
        width_px: Columns of the picture.
        height_px: Rows of the picture.
        mm_per_px: Size of a pixel on the belt.
        speed_mm_s: Mean speed; more than 0.
        speed_jitter_frac: The speed stays within this share of the mean; 0 to below 1.
        direction: Which way the belt runs in the picture.
        halts: When the belt stands: (start, length) in milliseconds, in order, not overlapping.
        rail_mm: Width of the rail on either side of the belt.
        exposure_ms: How long the sensor collects light; smears what moves.
        look: Surface, light and sensor.
        pieces: How many pieces come.
        feed_ms: No group of pieces enters later than this after the start; None: no such end.
        first_ms: When the first one enters; time for the station to learn the empty belt.
        gap_mm: Mean distance between the middles of pieces that follow one another.
        clear_mm: The least belt left bare between them, but for bursts and pairs.
        burst_frac: Share of pieces that come in tight bursts of 3 to 5.
        touching_frac: Share of pieces that touch another.
        overlapping_frac: Share of pieces that lie partly on or under another.
        turning_frac: Share of the other pieces that turn slowly as they go.
    """

    width_px: int = 640
    height_px: int = 480
    mm_per_px: float = 0.5
    speed_mm_s: float = 200.0
    speed_jitter_frac: float = 0.01
    direction: Direction = Direction.RIGHT
    halts: tuple[tuple[int, int], ...] = ()
    rail_mm: float = 8.0
    exposure_ms: float = 4.0
    look: Look = field(default_factory=Look)
    pieces: int = 1_000_000
    feed_ms: int | None = None
    first_ms: int = 1_500
    gap_mm: float = 260.0
    clear_mm: float = 70.0
    burst_frac: float = 0.06
    touching_frac: float = 0.03
    overlapping_frac: float = 0.01
    turning_frac: float = 0.10


@dataclass(frozen=True, slots=True)
class TrayScene:
    """A tray in front of the camera and the person who puts pieces on it.

    Attributes:
        width_px: Columns of the picture.
        height_px: Rows of the picture.
        mm_per_px: Size of a pixel on the tray.
        look: Surface, light and sensor.
        pieces: How many pieces come.
        feed_ms: No piece is put down later than this after the start; None: no such end.
        first_ms: When the first one is put down.
        slide_ms: How long a hand needs to push a piece into place, or to take it away.
        pause_ms: From one piece gone and all lids shut to the next piece.
        patience_ms: How long a piece is left lying; then it goes into the end bin by hand.
        two_at_once_frac: Share of times when two pieces are put down together.
    """

    width_px: int = 640
    height_px: int = 480
    mm_per_px: float = 0.5
    look: Look = field(default_factory=Look)
    pieces: int = 1_000_000
    feed_ms: int | None = None
    first_ms: int = 1_500
    slide_ms: int = 400
    pause_ms: int = 900
    patience_ms: int = 4_000
    two_at_once_frac: float = 0.04
