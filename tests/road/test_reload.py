"""SIGHUP: new settings between two frames or by opening anew; the old ones when they are faulty."""

import signal
import threading
from pathlib import Path

from sorterd.capture import Reopening
from sorterd.patience import Patience
from sorterd.ports import DeviceFault
from sorterd.sinks.journal import read_notes, read_runs
from tests.road.child import PIN, SHUT_US, Child, settings_text, station
from tests.road.dying import PATIENCE_S, Dying, Notebook, S, dying, waits_for


def reload(subject: Child, folder: Path, **changed: object) -> str:
    """Have the station read changed settings; return the status that it tells when it has."""
    (folder / "sorterd.toml").write_text(settings_text(folder, **changed))
    subject.signal(signal.SIGHUP)
    subject.wait_for("RELOADING=1")
    _, status = subject.wait_for("READY=1")
    return status.removeprefix("STATUS=")


def test_a_station_reads_its_settings_again(tmp_path: Path) -> None:
    """It should go on with good ones, keep the old ones if not, and say each time what it did."""
    with station(tmp_path) as subject:
        subject.wait_for("READY=1")

        assert reload(subject, tmp_path).startswith("sorting: tiny int8 1")
        assert reload(subject, tmp_path, judging__max_views=4).startswith("sorting: ")
        kept = reload(subject, tmp_path, judging__views=4, belt__speed_mm_s=-1)
        assert kept.startswith("sorting with the old settings")
        kept = reload(subject, tmp_path, model__bundle='"nowhere"')
        assert kept.startswith("sorting with the old settings")
        assert reload(subject, tmp_path, camera__rate_hz=25).startswith("sorting: ")
        kept = reload(subject, tmp_path, camera__path='"/nowhere"')
        assert kept.startswith("sorting with the old settings")

        subject.signal(signal.SIGTERM)
        code, widths_us, log = subject.end()

    assert code == 0
    assert widths_us[-2:] == [SHUT_US, 0]
    assert "reload: nothing has changed" in log
    notes = [note.text for note in read_notes(tmp_path / "journal.db") if note.kind == "reload"]
    begun = [
        "judging.max_views changed; now tiny int8 1",
        "refused: belt.speed_mm_s = -1",
        "refused: judging.views = 4",
        "refused: ",
        "the devices are opened anew",
        "opened anew; no frame was seen for",
        "the devices are opened anew",
        "back to the old settings, for with the new ones: /nowhere does not exist",
        "opened anew; no frame was seen for",
    ]
    assert len(notes) == len(begun)
    assert [
        text for text, start in zip(notes, begun, strict=True) if not text.startswith(start)
    ] == []
    # Pieces are counted from 1 again, so each change is a run of its own.
    assert [run.run for run in read_runs(tmp_path / "journal.db")] == [1, 2, 3, 4, 5]


def test_a_watchdog_gives_a_station_time_to_be_opened_anew(tmp_path: Path) -> None:
    """It should ask for more time while no frame can pass, and give it back afterwards."""
    with station(tmp_path) as subject:
        subject.wait_for("READY=1")
        subject.wait_for("WATCHDOG_USEC=15000000")
        subject.heard.clear()
        reload(subject, tmp_path, gates__packaging__pin=PIN, gates__packaging__settle_ms=150)
        subject.wait_for("WATCHDOG_USEC=15000000")

    assert "WATCHDOG_USEC=60000000" in subject.heard


class Change:
    """Another station's parts, on their way into one that runs."""

    def __init__(self, subject: Dying) -> None:
        self.other = Dying(Patience())
        self.sink = Notebook()
        self.done = threading.Event()
        self.shut_before = False
        self._subject = subject
        subject.daemon.change(
            self.other.station, [self.sink], let_go=subject.finder.close, done=self._done
        )

    def _done(self, paused_ns: int) -> None:
        del paused_ns
        self.shut_before = self._subject.gates["glass"].shut_again.is_set()
        self.done.set()


def test_pulses_come_to_their_end_before_a_change() -> None:
    """It should wait for the gate that stands open, then let every owner close what it had."""
    with dying() as subject:
        change = Change(subject)
        subject.camera.tell()
        subject.clock.sleep_until(subject.clock.now_ns() + 3 * S)
        subject.daemon._moving._bell.ring()
        assert change.done.wait(PATIENCE_S)
        assert change.shut_before

        subject.show_a_frame()
        assert change.other.station.pipeline.looked_ns is not None
        subject.daemon.note("test", "to the new sink")
        change.other.model.when_asked = change.other.asked.set
        subject.ask_the_model()
        assert change.other.asked.wait(PATIENCE_S)
    subject.running.exception(PATIENCE_S)
    assert subject.finder.closed
    assert subject.model._inputs == {}
    assert subject.sink.closed
    assert change.sink.notes[0] == ("test", "to the new sink")


def test_a_gate_that_stays_open_for_long_is_shut_for_a_change() -> None:
    """It should not wait for ever: what is open after the drain's time is shut."""
    with dying(Patience(camera=Reopening(after_ns=()), drain_ns=S)) as subject:
        change = Change(subject)
        subject.camera.tell()
        # Until the sort thread has seen the change it does not count the time.
        while subject.daemon._sorting._out.draining_since_ns is None:
            subject.daemon._in.bell.ring()
        subject.clock.sleep_until(subject.clock.now_ns() + S)
        subject.camera.tell()

        assert change.done.wait(PATIENCE_S)
        assert change.shut_before


def test_a_model_that_does_not_answer_ends_a_change_and_the_station() -> None:
    """It should not go on with another model while the old one's thread is lost in it."""
    goes_on = threading.Event()
    with dying(Patience(camera=Reopening(after_ns=()), drain_ns=S)) as subject:
        subject.model.when_asked = waits_for(goes_on)
        subject.ask_the_model()
        change = Change(subject)
        while subject.daemon._sorting._out.draining_since_ns is None:
            subject.daemon._in.bell.ring()
        subject.clock.sleep_until(subject.clock.now_ns() + S)
        subject.camera.tell()
        assert subject.gates["glass"].shut_again.wait(PATIENCE_S)
        goes_on.set()
        subject.camera.close()

        assert isinstance(subject.running.exception(PATIENCE_S), DeviceFault)
    assert not change.done.is_set()
