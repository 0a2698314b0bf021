"""The sink thread: what leaves the road is written down, and nobody waits for it."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from sorterd.core.records import Outcome, Reason
from sorterd.mailbox import Bell, Mailbox, NewestBox
from sorterd.ports import Clock, DeviceFault, Sink

log = logging.getLogger(__name__)

# Queues between threads hold what a burst can bring and no more; pieces come a few a second.
ROOM = 256

# What the station itself did not manage; a piece that is unsure or too close is the belt's doing.
_FAILINGS = frozenset({Reason.GATE_FAULT, Reason.GATE_LATE, Reason.RUNTIME_STALLED})


@runtime_checkable
class NotingSink(Sink, Protocol):
    """A sink that also takes what happens to the station, not to a piece."""

    def note(self, kind: str, text: str, at_ns: int) -> None:
        """Take one event of the station.

        Raises:
            DeviceFault: It could not be written. What was taken is kept for another try.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Note:
    kind: str
    text: str
    at_ns: int


class Writing:
    """Owns the sinks. One thread calls `run`; any thread may send.

    Args:
        clock: The station's.
        sinks: Take outcomes and notes.
        flush_ns: How often they bring what they hold to where it lasts.
        arrived: Told when a token of life has come all the way.
    """

    def __init__(
        self, clock: Clock, sinks: Iterable[Sink], *, flush_ns: int, arrived: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._sinks = tuple(sinks)
        self._flush_ns = flush_ns
        self._arrived = arrived
        self._bell = Bell(clock)
        self._box: Mailbox[Outcome | _Note | tuple[Sink, ...]] = Mailbox(self._bell, ROOM)
        self._tokens: NewestBox[int] = NewestBox(self._bell)
        self._over = threading.Event()
        self.by_bin: Counter[str] = Counter()
        """How many pieces ended in each bin so far."""

    @property
    def lost(self) -> int:
        """How many records found no room."""
        return self._box.lost

    def send(self, outcome: Outcome) -> None:
        """Hand over an outcome; never waits. Sort thread."""
        self._box.put(outcome)

    def note(self, kind: str, text: str) -> None:
        """Hand over something that happened to the station; never waits. Any thread."""
        self._box.put(_Note(kind, text, self._clock.now_ns()))

    def change(self, sinks: tuple[Sink, ...]) -> None:
        """Have other sinks take what is sent from now on; the old ones are closed. Sort thread."""
        self._box.put(sinks)

    def pass_token(self, token: int) -> None:
        """Take a token of life from the gate thread."""
        self._tokens.put(token)

    def stop(self) -> None:
        """Let `run` write what there is, and return. Any thread."""
        self._over.set()
        self._bell.ring()

    def run(self) -> None:
        """Write until `stop`. The sink thread."""
        due_ns = self._clock.now_ns() + self._flush_ns
        while not self._over.is_set():
            self._bell.wait_until(due_ns)
            self._write_all()
            if self._clock.now_ns() >= due_ns:
                due_ns = self._clock.now_ns() + self._flush_ns
                self._flush_all()
            if self._tokens.take() is not None:
                self._arrived()
        self._write_all()
        self._flush_all()

    def close(self) -> None:
        """Close the sinks, when `run` has returned or will not any more."""
        for sink in self._sinks:
            with _full_disk_is_no_reason_to_stop():
                sink.close()

    def _write_all(self) -> None:
        while (record := self._box.take()) is not None:
            match record:
                case Outcome():
                    self._write(record)
                case _Note():
                    for sink in self._sinks:
                        if isinstance(sink, NotingSink):
                            with _full_disk_is_no_reason_to_stop():
                                sink.note(record.kind, record.text, record.at_ns)
                case _:
                    self.close()
                    self._sinks = record

    def _write(self, outcome: Outcome) -> None:
        self.by_bin[outcome.bin] += 1
        if outcome.reason in _FAILINGS:
            _tell(outcome)
        for sink in self._sinks:
            with _full_disk_is_no_reason_to_stop():
                sink.write(outcome)

    def _flush_all(self) -> None:
        for sink in self._sinks:
            with _full_disk_is_no_reason_to_stop():
                sink.flush()


def _tell(outcome: Outcome) -> None:
    gate = outcome.pulse.gate if outcome.pulse is not None else ""
    fields = {
        "PIECE": outcome.piece,
        "BIN": outcome.bin,
        "REASON": outcome.reason.value,
        "GATE": gate,
    }
    log.warning(
        "piece %d went to %s: %s%s",
        outcome.piece,
        outcome.bin,
        outcome.reason.value,
        f" (gate {gate})" if gate else "",
        extra={"fields": fields},
    )


@contextmanager
def _full_disk_is_no_reason_to_stop() -> Iterator[None]:
    """Pass over a sink's fault: it keeps what it can for the next try, and the belt goes on."""
    try:
        yield
    except DeviceFault as fault:
        log.warning("%s", fault)
