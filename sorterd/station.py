"""Run a real station from its settings until it is told to stop; read them again when asked to.

A reload loads settings and model beside the running ones. If anything is wrong with them, the old
ones stay. If only what no device was told of has changed, the station goes on with other parts
between two frames (`running.py`). Otherwise it drains, lets go of its devices, and the devices are
opened anew here, within the same process; if they cannot be opened so, with the old settings.
"""

import faulthandler
from collections.abc import Callable

from sorterd.clock import RealClock
from sorterd.holding import hold
from sorterd.opening import Chosen, choose
from sorterd.ports import DeviceFault, DeviceUnavailable
from sorterd.running import Before, Host, Running, Words
from sorterd.service.logs import STDERR
from sorterd.service.notify import notifier_here, watchdog_ns
from sorterd.settings import Settings

OnSignal = Callable[[Callable[[], None]], None]


def run_station(
    load: Callable[[], Settings], on_signal: OnSignal, on_hangup: OnSignal = lambda _: None
) -> int:
    """Run until a signal or a fault.

    Args:
        load: Reads the settings; each value within its bounds. Called again for a reload.
        on_signal: Told what to call when the process is asked to stop.
        on_hangup: Told what to call when the process is asked to read its settings again.

    Returns:
        0 after an orderly stop.

    Raises:
        SettingsFault: The settings cannot be used, or do not fit the model or a real station.
        BundleFault: The model must not be used.
        DeviceUnavailable: A device could not be opened, or another program holds them.
        DeviceFault: A device failed for good.
    """
    # The watchdog ends a station that hangs with SIGABRT; this says where each of its threads was.
    faulthandler.enable(STDERR)
    settings, words = load(), Words()
    on_signal(words.ask_to_stop)
    on_hangup(words.ask_to_reload)
    with hold("sorterd run"):
        clock = RealClock()
        host = Host(load, words, clock, notifier_here(), watchdog_ns(), clock.now_ns())
        _run(host, settings)
    return 0


def _run(host: Host, settings: Settings) -> None:
    """Run a station, and those that take its place, until the last is over."""
    chosen: Chosen | None = choose(settings, host.clock)
    before: Before | None = None
    while chosen is not None:
        running = None
        try:
            running = Running(host, chosen, before)
            chosen = running.run()
            before = Before(
                since_ns=host.clock.now_ns(),
                told="the devices are opened anew, as the new settings ask",
                old=running.settings,
            )
        except (DeviceUnavailable, DeviceFault) as fault:
            old = before.old if before is not None else None
            if running is not None:
                old = running.fallback
            if old is None:
                raise
            chosen = choose(old, host.clock)
            told = f"back to the old settings, for with the new ones: {fault}"
            before = Before(since_ns=host.clock.now_ns(), told=told, old=None)
