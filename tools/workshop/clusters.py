"""Have work done by the workers of a Dask cluster, in order and a bounded number ahead.

Where a worker runs, nobody has installed the commands: their code is sent there as a zip when a
run begins, and again to every worker that joins later. Neither scheduler nor workers need more
than `sorterd[tools]`. What goes wrong with the cluster is one line; what goes wrong with the work
is raised as it is. Commands call `spreading.in_order`, not this.
"""

import asyncio
import hashlib
import importlib
import io
import logging
import sys
import zipfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, wait
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

import dask
from distributed import Client, KilledWorker
from distributed.comm.core import connect
from distributed.diagnostics.plugin import WorkerPlugin

from tools.workshop.faults import WorkshopFault

Item = TypeVar("Item")
Result = TypeVar("Result")

REACH_S = 20
"""A scheduler that does not answer by then cannot be reached."""
LOST_S = 15
"""A cluster without a worker for so long has lost them; a nanny restarts one in 2 to 5 s."""
_POLL_S = 1
_PLUGIN = "sorterd-tools"
# What goes wrong is one line of ours. These would give a page on it, some of it much later.
_LOUD = ("distributed", "distributed.client", "asyncio")
_TOOLS = Path(__file__).resolve().parent.parent
# The cluster's own way to pickle, which takes what stands in the program itself by its code.
_pickling: Any = importlib.import_module("distributed.protocol.pickle")


def on_cluster(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    address: str,
    *,
    ahead: int | None,
    ahead_per_hand: int,
) -> Generator[Result, None, None]:
    """Apply work to items on a cluster; see `spreading.in_order`.

    Args:
        work: Called on the workers.
        items: Taken in the caller's thread.
        address: Of the scheduler.
        ahead: Most items begun and not yet given.
        ahead_per_hand: The same for each of the workers' threads, where `ahead` is None.

    Raises:
        WorkshopFault: The cluster is of no use, or no longer.
    """
    with _connected(address) as client:
        most = ahead or ahead_per_hand * max(1, _hands(client, address))
        # Computed, not given: when the worker that holds it dies, the scheduler has it again.
        packed = client.submit(bytes, _pickling.dumps(work), pure=False)
        begun: deque[Any] = deque()
        calls = (
            client.submit(_errand(), packed, _pickling.dumps(item), pure=False) for item in items
        )
        try:
            begun.extend(islice(calls, most))
            while begun:
                answer = _awaited(client, begun[0], address)
                begun.popleft()
                begun.extend(islice(calls, 1))
                yield cast("Result", answer)
        finally:
            if client.status == "running":
                client.cancel([*begun, packed])


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """A client of a cluster whose workers know this machine's tools."""
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # A bundle travels inside the work; a warning that it is large tells nobody anything.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
        open_client: Any = Client  # partly typed
        try:
            # A client that cannot connect is left half made, and when it is collected while the
            # next one starts, both wait for the same lock for ever. So somebody else goes first.
            asyncio.run(_reach(address))
            client = open_client(address, timeout=REACH_S, set_as_default=False)
        except (OSError, ValueError) as fault:
            raise WorkshopFault(
                f"no Dask scheduler answers at {address}: "
                "give the address that `dask scheduler` prints"
            ) from fault
        try:
            _make_ready(client, address)
            yield client
        finally:
            client.close()


async def _reach(address: str) -> None:
    reach: Any = connect  # untyped
    comm = await reach(address, timeout=REACH_S)
    await comm.close()


def _make_ready(client: Any, address: str) -> None:  # noqa: ANN401  # partly typed library
    try:
        client.wait_for_workers(1, timeout=REACH_S)
    except TimeoutError as fault:
        raise WorkshopFault(
            f"the cluster at {address} has no workers: start some with `dask worker {address}`"
        ) from fault
    with _losable(address):
        client.register_plugin(_luggage(*_packed_tools()), name=_PLUGIN)


def _awaited(client: Any, future: Any, address: str) -> object:  # noqa: ANN401  # as above
    """Wait for one answer for as long as there is anybody who could give it."""
    # Not future.result(timeout): what ends just then may be lost, and a long answer never comes.
    answer = asyncio.run_coroutine_threadsafe(
        client.gather(future, asynchronous=True), client.loop.asyncio_loop
    )
    alone_s = 0
    try:
        while not wait([answer], timeout=_POLL_S).done:
            alone_s = 0 if _hands(client, address) else alone_s + _POLL_S
            if alone_s >= LOST_S:
                raise WorkshopFault(
                    f"the cluster at {address} has lost all its workers: "
                    f"start some with `dask worker {address}` and run this again"
                )
        return answer.result()
    except KilledWorker as fault:
        raise WorkshopFault(
            f"a piece of work has killed every worker of {address} that took it: "
            "look at the workers' logs and at their memory"
        ) from fault
    except CancelledError as fault:
        raise WorkshopFault(f"the cluster at {address} was lost: start it again") from fault
    except ImportError as fault:
        raise WorkshopFault(
            f"a worker of {address} lacks a library ({fault}): "
            "install sorterd[tools] there, of this machine's version"
        ) from fault
    finally:
        answer.cancel()


def _hands(client: Any, address: str) -> int:  # noqa: ANN401  # as above
    """How many threads work there."""
    with _losable(address):
        return sum(client.nthreads().values())


@contextmanager
def _losable(address: str) -> Iterator[None]:
    """Say in one line that the scheduler went away."""
    try:
        yield
    except (OSError, ValueError) as fault:
        raise WorkshopFault(f"the cluster at {address} was lost: start it again") from fault


def _packed_tools() -> tuple[str, bytes]:
    """This machine's `tools` as a zip that Python can import from, and its digest."""
    sources = sorted(_TOOLS.rglob("*.py"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        # A regular package wins over any other `tools` on a worker's path; ours has no __init__.
        for folder in sorted({_TOOLS, *(path.parent for path in sources)}):
            inside = Path("tools", folder.relative_to(_TOOLS))
            archive.writestr(zipfile.ZipInfo(f"{inside.as_posix()}/__init__.py"), b"")
        for path in sources:
            inside = Path("tools", path.relative_to(_TOOLS))
            archive.writestr(zipfile.ZipInfo(inside.as_posix()), path.read_bytes())
    content = packed.getvalue()
    HERE.shipped = hashlib.sha256(content).hexdigest()
    return HERE.shipped, content


class Here:
    """What this process knows of its own code: the digest of the zip that is the same."""

    shipped = ""


HERE = Here()


def do_here(packed: bytes, item: bytes) -> object:
    """Do one item in this process, with the work unpacked once and kept. Any thread may call it.

    Args:
        packed: The work, pickled.
        item: The item, pickled.
    """
    return _unpacked(packed)(_pickling.loads(item))


@lru_cache(maxsize=4)  # some runs at once, each with a model of some megabytes
def _unpacked(packed: bytes) -> Callable[[object], object]:
    return cast("Callable[[object], object]", _pickling.loads(packed))


# A function or class inside a function travels by its code, not by its name: the scheduler and a
# fresh worker unpack these two where nobody can import `tools` yet.


def _errand() -> Callable[[bytes, bytes], object]:
    """What a worker is asked to call."""

    def done_there(packed: bytes, item: bytes) -> object:
        there: Any = importlib.import_module("tools.workshop.clusters")
        return there.do_here(packed, item)

    return done_there


def _luggage(digest: str, content: bytes) -> WorkerPlugin:
    """What puts the commands' code on a worker, also on one that joins later.

    A worker keeps what it has imported, so older tools are forgotten first. There are tools of
    one version at a time: people who share a cluster have the same ones, or take turns.
    """

    class Luggage(WorkerPlugin):
        def setup(self, worker: Any) -> None:  # noqa: ANN401  # as above
            loaded = sys.modules.get("tools.workshop.clusters")
            if loaded is not None and loaded.HERE.shipped == digest:
                return
            path = Path(worker.local_directory) / f"sorterd-tools-{digest[:16]}.zip"
            path.write_bytes(content)
            for name in [n for n in sys.modules if n == "tools" or n.startswith("tools.")]:
                del sys.modules[name]
            sys.path[:] = [str(path), *(p for p in sys.path if "sorterd-tools-" not in p)]
            there: Any = importlib.import_module("tools.workshop.clusters")
            there.HERE.shipped = digest

    return Luggage()
