"""Which peers there are, what each needs, and how one is opened on the bench's bundle."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

from sorterd.classifiers.runtimes import MODULES, Runtime, usable_runtime, without_chatter
from tools import export
from tools.workshop.bench.rivals.given import Loop, Network
from tools.workshop.bench.rows import Bench


@dataclass(frozen=True, slots=True)
class Peer:
    """A way in which people do it today.

    Attributes:
        key: Its file in `rivals`.
        name: For a person.
        note: What to bear in mind.
        package: What must be installed beside what the bench has anyway; empty for nothing.
        install: How to.
        exported: It takes a model as `tools/export.py` writes it.
    """

    key: str
    name: str
    note: str
    package: str = ""
    install: str = ""
    exported: bool = False

    @property
    def missing(self) -> str:
        """Why it cannot be measured here, for a person; empty if it can."""
        if not self.package or find_spec(self.package) is not None:
            return ""
        return f"{self.package} is not installed: {self.install}"


PEERS: Final = (
    Peer("coral", "Coral-shaped loop", "whole frame, no regions, no tracking"),
    Peer("naive", "plain OpenCV loop", "whole frame, normalised in floats, no regions"),
    Peer("mog2", "MOG2 loop", "largest moving contour, then the plain loop"),
    Peer(
        "mediapipe_video",
        "MediaPipe image classifier",
        "VIDEO mode, its own runtime and threads, the exported model, whole frame",
        package="mediapipe",
        # With its dependencies it brings another OpenCV in the place of the station's.
        install="python -m pip install --no-deps mediapipe==1.2.2",
        exported=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Networks:
    """What peers are given.

    Attributes:
        bundle: The bundle's own model on the bench's runtime.
        exported: The same as `tools/export.py` writes it; None if it could not.
        refusal: Why it could not; empty if it could.
    """

    bundle: Network
    exported: Network | None
    refusal: str

    def of(self, peer: Peer) -> Network | None:
        """What this peer is given; None if there is none for it."""
        return self.exported if peer.exported else self.bundle


def network_of(bench: Bench) -> Network:
    """The bench's model as peers are given it.

    Raises:
        DeviceUnavailable: The runtime does not work here.
        BundleFault: It cannot read the model.
    """
    bundle = bench.bundle
    with without_chatter():
        runtime = usable_runtime(cast("Runtime", bench.runtime), bundle.model_path, 1)
    return Network(
        model=bundle.model_path.resolve(),
        module=MODULES[runtime.name],
        output=bundle.manifest.outputs.index("stage_two"),
        gain=bundle.manifest.preprocessing.gain,
        offset=bundle.manifest.preprocessing.offset,
    )


@contextmanager
def networks(bench: Bench) -> Iterator[Networks]:
    """Both, for as long as the exported file lies there.

    Raises:
        DeviceUnavailable: The runtime does not work here.
        BundleFault: It cannot read the model.
    """
    own = network_of(bench)
    if all(peer.missing for peer in PEERS if peer.exported):
        yield Networks(own, None, "nobody here needs it")
        return
    with TemporaryDirectory(prefix="sorterd-bench-") as folder:
        path = Path(folder) / "exported.tflite"
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = export.main([str(bench.bundle.folder), str(path)])
        if code == 0:
            yield Networks(own, replace(own, model=path), "")
        else:
            yield Networks(own, None, " ".join(said.getvalue().split()))


def open_loop(peer: Peer, network: Network) -> Loop:
    """Open a peer in this process; close it."""
    with without_chatter():
        loop: Loop = import_module(f"tools.workshop.bench.rivals.{peer.key}").Loop(network)
        return loop
