"""One opened station on its way through life: it runs, and takes in new settings between frames.

All here happens on the thread that waits for signals, but for the two callbacks
that say otherwise. The threads that work learn of it by what they are handed.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sorterd.beam_watch import BeamWatch
from sorterd.capture import Reopening
from sorterd.classifiers.bundle import BundleFault
from sorterd.daemon import Daemon
from sorterd.opening import Chosen, Opened, choose, open_beside, open_station
from sorterd.patience import Patience
from sorterd.ports import Clock, DeviceFault, DeviceUnavailable
from sorterd.service.heartbeat import Heartbeat
from sorterd.service.notify import Notifier
from sorterd.settings import Settings, SettingsFault
from sorterd.settings.changes import Changes, changes
from sorterd.sinks.written import told_written, written_bytes
from sorterd.wiring.devices import open_camera
from sorterd.wiring.units import MS_NS

log = logging.getLogger(__name__)

S_NS: Final = 1_000_000_000
# Draining, settling and a slow camera's start come one after the other when a station is opened
# anew: 5, 10 and 10 s at most. No frame can pass meanwhile.
ANEW_NS: Final = 60 * S_NS
HOUR_NS: Final = 3600 * S_NS


class Words:
    """What signal handlers leave for the thread that waits; they take no lock."""

    def __init__(self) -> None:
        self.stop = False
        self.reload = False

    def ask_to_stop(self) -> None:
        """Ask for an orderly stop."""
        self.stop = True

    def ask_to_reload(self) -> None:
        """Ask for the settings to be read again."""
        self.reload = True


@dataclass(frozen=True, slots=True)
class Host:
    """What the process has for each station that it runs, one after the other.

    Attributes:
        load: Reads the settings again.
        words: What signal handlers left.
        clock: Of every station.
        notifier: Tells systemd.
        watchdog_ns: The period within which systemd wants a sign of life; None if it wants none.
        began_ns: When the process began.
    """

    load: Callable[[], Settings]
    words: Words
    clock: Clock
    notifier: Notifier
    watchdog_ns: int | None
    began_ns: int


@dataclass(frozen=True, slots=True)
class Before:
    """What happened before a station was opened in place of another.

    Attributes:
        since_ns: When the other one began to stop.
        told: Why, for the log and the journal.
        old: What to go back to if the devices cannot be opened; None if this goes back already.
    """

    since_ns: int
    told: str
    old: Settings | None


class Running:
    """One station. Opens its devices at once, but for the camera.

    Args:
        host: The process's.
        chosen: What it runs with.
        before: Why it takes another's place; None if it does not.

    Raises:
        DeviceUnavailable: A device could not be opened.
    """

    def __init__(self, host: Host, chosen: Chosen, before: Before | None) -> None:
        self._host = host
        self._before = before
        self._opened = open_station(chosen, host.clock)
        self._pending: Opened | None = None
        self._paused_ns: int | None = None
        self._anew: Chosen | None = None
        self._began = False
        self._count_ns = host.clock.now_ns() + HOUR_NS
        back = before is not None and before.old is None
        patience = _patience(chosen.settings)
        self._heartbeat = Heartbeat(
            host.notifier,
            f"sorting{' with the old settings' if back else ''}: {chosen.told}",
            watchdog_ns=host.watchdog_ns,
            recent_ns=patience.stalled_runtime_ns,
        )
        camera, view = chosen.settings.camera, chosen.settings.view
        self._daemon = Daemon(
            clock=host.clock,
            station=self._opened.station,
            open_camera=lambda: open_camera(camera, view, host.clock),
            sinks=self._opened.sinks,
            patience=patience,
            heartbeat=self._heartbeat if host.notifier.heard else None,
            trigger=self._opened.trigger,
        )
        self._beam_watch = BeamWatch(self._daemon.note)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._opened.chosen.settings

    @property
    def fallback(self) -> Settings | None:
        """What to go back to if a device fails now; None once a frame was looked at.

        A station that has looked fails by its devices; one that never did, by its new settings.
        """
        return None if self._before is None or self._daemon.looked else self._before.old

    def run(self) -> Chosen | None:
        """Run until a signal, a fault, or new settings that need the devices to be opened anew.

        Returns:
            What to open in its place; None if the station is to end.

        Raises:
            DeviceUnavailable: The camera could not be opened, or not again.
            DeviceFault: A device failed for good.
        """
        log.info("%s is running: %s", self.settings.name, self._opened.chosen.told)
        if self._before is not None:
            log.warning("reload: %s", self._before.told)
            self._daemon.note("reload", self._before.told)
        try:
            self._daemon.run(None, look=self._look, ending=self._ending)
        finally:
            self._tell_counts()
            self._close()
        if self._anew is not None and self._host.words.stop:
            self._anew.model.close()
            return None
        return self._anew

    def _look(self) -> None:
        """See twice a second whether there is a word from a handler, or news from the threads."""
        if not self._began and self._daemon.looked:
            self._began = True
            self._tell_begun()
        if self._pending is not None and self._paused_ns is not None:
            self._take_over(self._pending, self._paused_ns)
        if self._host.words.stop:
            self._daemon.ask_to_stop()
        elif self._host.words.reload and self._began and self._pending is None:
            self._host.words.reload = False
            self._reload()
        self._beam_watch.look(self._daemon.beam_silent)
        if self._host.clock.now_ns() >= self._count_ns:
            self._count_ns += HOUR_NS
            self._tell_written()

    # A reload.

    def _reload(self) -> None:
        host = self._host
        host.notifier.reloading(host.clock.now_ns(), "reading the settings again")
        try:
            chosen = choose(host.load(), host.clock)
        except (SettingsFault, BundleFault, DeviceUnavailable) as fault:
            self._refuse(fault)
            return
        differ = changes(self.settings, chosen.settings)
        if differ.anew:
            self._open_anew(chosen, differ)
        elif (
            differ.keys or chosen.model.bundle.manifest != self._opened.chosen.model.bundle.manifest
        ):
            self._go_on_with(chosen)
        else:
            chosen.model.close()
            log.info("reload: nothing has changed")
            host.notifier.ready(f"sorting: {chosen.told}")

    def _go_on_with(self, chosen: Chosen) -> None:
        host = self._host
        try:
            pending = open_beside(chosen, host.clock)
        except DeviceUnavailable as fault:
            chosen.model.close()
            self._refuse(fault)
            return
        self._pending = pending
        self._daemon.change(
            pending.station,
            pending.sinks,
            let_go=self._opened.chosen.model.let_go_of_segmenter,
            done=self._changed,
        )

    def _refuse(self, fault: Exception) -> None:
        for line in str(fault).splitlines():
            log.error("reload: %s", line)
            self._daemon.note("reload", f"refused: {line}")
        self._host.notifier.ready(
            "sorting with the old settings: the new ones are faulty, see the log"
        )

    def _open_anew(self, chosen: Chosen, differ: Changes) -> None:
        log.info("reload: %s; the station is opened anew", ", ".join(differ.anew))
        self._anew = chosen
        if self._host.watchdog_ns is not None:
            self._host.notifier.watchdog(ANEW_NS)
        self._daemon.stop()

    def _changed(self, paused_ns: int) -> None:
        """Leave a word that the threads have taken the new parts. Sort thread."""
        self._paused_ns = paused_ns

    def _take_over(self, pending: Opened, paused_ns: int) -> None:
        keys = changes(self.settings, pending.chosen.settings).keys
        self._opened, self._pending, self._paused_ns = pending, None, None
        told = (
            f"{', '.join(keys) or 'no setting'} changed; now {pending.chosen.told}; "
            f"nothing was sorted for {paused_ns / S_NS:.2f} s, and the belt is learned anew"
        )
        log.info("reload: %s", told)
        self._daemon.note("reload", told)
        self._host.notifier.ready(f"sorting: {self._opened.chosen.told}")

    # What is told.

    def _tell_begun(self) -> None:
        if self._host.watchdog_ns is not None:
            self._host.notifier.watchdog(self._host.watchdog_ns)
        if self._before is not None:
            took_ns = self._host.clock.now_ns() - self._before.since_ns
            told = f"opened anew; no frame was seen for {took_ns / S_NS:.1f} s"
            log.info("reload: %s", told)
            self._daemon.note("reload", told)

    def _ending(self) -> None:
        fault = self._daemon.fault
        goes_back = isinstance(fault, DeviceUnavailable | DeviceFault) and self.fallback is not None
        if self._anew is None and not goes_back:
            self._host.notifier.stopping("stopping" if fault is None else f"stopping: {fault}")

    def _tell_counts(self) -> None:
        by_bin, dropped = self._daemon.by_bin(), self._daemon.dropped()
        bins = ", ".join(f"{name} {count}" for name, count in sorted(by_bin.items()))
        drops = ", ".join(f"{drop.value} {count}" for drop, count in sorted(dropped.items()))
        log.info(
            "%s has stopped: %d pieces (%s); not used: %s",
            self.settings.name,
            by_bin.total(),
            bins or "none",
            drops or "nothing",
            extra={"fields": {"PIECES": by_bin.total()}},
        )
        self._tell_written()

    def _tell_written(self) -> None:
        since_ns = self._host.clock.now_ns() - self._host.began_ns
        log.info("%s", told_written(written_bytes(), since_ns))

    def _close(self) -> None:
        if self._opened.reviewing is not None:
            reviewing = self._opened.reviewing
            reviewing.sink.close()
            log.info("%s", reviewing.summary)
        for opened in (self._opened, self._pending):
            if opened is not None:
                opened.close()


def _patience(settings: Settings) -> Patience:
    usual = Patience(flush_ns=settings.journal.flush_ms * MS_NS)
    # A recording that ends too early ends as early the next time.
    recorded = settings.camera.kind == "replay"
    return replace(usual, camera=Reopening(after_ns=())) if recorded else usual
