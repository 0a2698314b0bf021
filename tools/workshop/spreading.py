"""Spread work over threads or over machines; the answers come back in the order of the items.

The caller takes answers one by one, and no more than `ahead` items are begun before they are
needed: a command that has enough stops taking, and what was begun is called off. The answers and
their order are the same wherever the work was done. Nothing here knows what the work is.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from tools.workshop.clusters import on_cluster

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD_PER_HAND = 2
"""Items begun for each thread that works, unless told: one in work and one that waits."""


def in_order(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    cluster: str | None = None,
    threads: int = 1,
    ahead: int | None = None,
) -> Generator[Result, None, None]:
    """Apply work to items, some of them at once, and give the answers in the items' order.

    Nothing begins before the first answer is asked for. Closing the generator (`close()`,
    `contextlib.closing`) calls off what was begun and not yet given; what is at work ends first.

    A cluster is a Dask scheduler by its address (`tcp://10.0.0.7:8786`). A worker, started from
    any folder, must run this machine's version of Python and of `sorterd[tools]`; the commands'
    own code (`tools/`) is sent to it, and so is the work. It must reach what the work reads: a
    bucket, with credentials of its own, or a folder that is there under the same path.

    Args:
        work: Called once an item, by several threads at once. For a cluster it must pickle, as
            must items and answers. It is sent once a run, not once an item, and each worker keeps
            it, so what it holds in a `threading.local` lasts. A worker that dies has its work
            done again by another, so work must be harmless to do twice.
        items: Taken as they are needed, in the caller's thread.
        cluster: Address of a Dask scheduler; None works on this machine.
        threads: On this machine; 1 works in the caller's own thread. A cluster has its own.
        ahead: Most items begun and not yet given, 1 or more; None for twice what works at once.

    Yields:
        What `work` returned, item by item. What it raises is raised when its turn comes.

    Raises:
        WorkshopFault: The cluster cannot be reached, has lost all its workers, lacks a library,
            or an item has killed worker after worker.
        ValueError: `threads` or `ahead` is below 1.
    """
    if threads < 1 or (ahead is not None and ahead < 1):
        raise ValueError(f"{threads} threads, {ahead} ahead: 1 or more of each")
    if cluster is not None:
        return on_cluster(work, items, cluster, ahead=ahead, ahead_per_hand=AHEAD_PER_HAND)
    if threads == 1:
        return (work(item) for item in items)
    return _in_threads(work, items, threads, ahead or AHEAD_PER_HAND * threads)


def _in_threads(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int, ahead: int
) -> Generator[Result, None, None]:
    pool = ThreadPoolExecutor(threads)
    begun: deque[Future[Result]] = deque()
    waiting = iter(items)
    try:
        begun.extend(pool.submit(work, item) for item in islice(waiting, ahead))
        while begun:
            answer = begun.popleft().result()
            begun.extend(pool.submit(work, item) for item in islice(waiting, 1))
            yield answer
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
