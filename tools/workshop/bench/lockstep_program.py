"""A station driven through very many frames on a manual clock, as fast as it goes.

Everything is the station's own (finder, mind, cropper, interpreter, judging, pulses, a journal in a
file) but the clock, the camera and the gates' servos. It says what it holds every so many frames.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from sorterd.clock import ManualClock, RealClock
from sorterd.lockstep import Lockstep, NominalCost
from sorterd.ports import Frame
from sorterd.realtime import steady_memory
from sorterd.settings import load
from sorterd.simulation.servo import SimulatedServo
from sorterd.sinks.journal import open_journal, read
from sorterd.wiring.devices import simulated_gates
from sorterd.wiring.models import open_model
from sorterd.wiring.parts import assemble
from tools.workshop.bench.reel import ReelCamera, plan_of
from tools.workshop.bench.resident import resident, say


class _Telling(ReelCamera):
    """Says what the process holds before every so many frames."""

    every = 1000
    servos: Mapping[str, SimulatedServo] = {}

    def read(self) -> Frame | None:
        """Return the next frame; see `ReelCamera.read`."""
        frame = super().read()
        if frame is None or self.shown % self.every == 0:
            # What a simulated servo remembers of its life is the simulation's, not the station's.
            for servo in self.servos.values():
                del servo.movements[:-1]
            say(shown=self.shown, **resident())
        return frame


def main() -> None:
    """The command line: settings, reel, journal, how many frames, and every how many to say so."""
    config, reel, journal, frames, every = sys.argv[1:]
    settings = load(Path(config), {})
    clock = ManualClock()
    model = open_model(settings, RealClock())
    gates, servos = simulated_gates(settings, clock)
    camera = _Telling(clock, Path(reel), plan_of("mixed", int(frames)))
    camera.every, camera.servos = int(every), servos
    sink = open_journal(Path(journal), {"station": settings.name})
    typical_ns = model.costs[1].typical_ns
    engine = Lockstep(
        clock=clock,
        station=assemble(settings, model, model.costs, gates, clock),
        camera=camera,
        sinks=(sink,),
        cost=NominalCost(call_ns=0, crop_ns=typical_ns),
    )
    with steady_memory():
        engine.run(None)
    sink.close()
    say(pieces=sum(1 for _ in read(Path(journal))))
