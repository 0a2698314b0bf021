"""The plain loop behind a queue without bound, which a camera's thread fills: what falls behind.

`queue.Queue()` between a producer and a consumer as the Python documentation of `queue` and of
`threading` has it. It never loses a frame, so from the first moment in which frames come faster
than they are handled, each decision is about an older belt than the one before.
"""

import threading
from collections.abc import Sequence
from queue import Queue
from statistics import median
from typing import Final

from sorterd.clock import RealClock
from tools.workshop.bench.rivals import naive
from tools.workshop.bench.rivals.given import Network, Pixels

_CALLS: Final = 20
"""Frames by which the loop's own pace is measured before load is offered."""
_S_NS: Final = 1_000_000_000


def run(
    offered_x: float,
    *,
    network: Network,
    frames: Sequence[Pixels],
    lasts_s: float,
    clock: RealClock,
) -> list[float]:
    """Offer frames at a multiple of the pace that the loop can keep.

    Args:
        offered_x: Frames offered, divided by what the loop can handle; above 1 is overload.
        network: What is asked.
        frames: Shown round and round, by reference.
        lasts_s: Time for which they are offered. What still waits at its end is never decided, so
            the ages that are told are the milder half.
        clock: Paces the camera and tells the ages.

    Returns:
        The age of each decision in milliseconds, from the frame in the camera's hand to the servo
        commanded, in their order.
    """
    loop = naive.Loop(network)
    took_ns = []
    for number in range(_CALLS):
        before_ns = clock.now_ns()
        loop.handle(frames[number % len(frames)])
        took_ns.append(clock.now_ns() - before_ns)
    period_ns = round(median(took_ns) / offered_x)
    waiting: Queue[tuple[Pixels, int] | None] = Queue()
    begun_ns = clock.now_ns()
    until_ns = begun_ns + round(lasts_s * _S_NS)

    def show() -> None:
        for number in range(max(1, round(lasts_s * _S_NS / period_ns))):
            clock.sleep_until(begun_ns + number * period_ns)
            waiting.put((frames[number % len(frames)], clock.now_ns()))
        waiting.put(None)

    camera = threading.Thread(target=show, name="camera")
    camera.start()
    ages_ms = []
    while clock.now_ns() < until_ns and (shown := waiting.get()) is not None:
        pixels, exposed_ns = shown
        loop.handle(pixels)
        ages_ms.append((clock.now_ns() - exposed_ns) / 1e6)
    camera.join()
    return ages_ms
