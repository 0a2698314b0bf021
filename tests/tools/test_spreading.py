"""Work that is spread: the same answers in the same order, whoever does it and whoever dies."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from itertools import count
from pathlib import Path

import pytest
from distributed import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.machines import PROJECT, Cluster, dask_cluster
from tools.workshop import clusters
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place
from tools.workshop.spreading import in_order

MANY = 60
Squares = Callable[[int], tuple[int, int]]


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a cluster whose workers may be killed."""
    with dask_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def two(machines: Cluster) -> Cluster:
    """Return the cluster with two workers."""
    machines.settle(2)
    return machines


@pytest.fixture
def squares() -> Squares:
    """Return work that says who did it; it stands in a function, so it travels by its code."""

    def square(item: int) -> tuple[int, int]:
        return item * item, os.getpid()

    return square


@given(
    items=st.lists(st.integers(), max_size=30),
    threads=st.integers(1, 4),
    ahead=st.none() | st.integers(1, 40),
)
def test_threads_give_what_a_loop_gives(items: list[int], threads: int, ahead: int | None) -> None:
    """It should give every answer in the items' order, however many work at it."""
    assert list(in_order(str, items, threads=threads, ahead=ahead)) == [str(i) for i in items]


def test_a_cluster_gives_what_a_loop_gives(two: Cluster, squares: Squares) -> None:
    """It should give the same answers in the same order, done by the workers."""
    answers = list(in_order(squares, range(MANY), cluster=two.address))

    assert [square for square, _ in answers] == [n * n for n in range(MANY)]
    assert {who for _, who in answers} <= {worker.pid for worker in two.workers}


def test_a_killed_workers_work_is_done_by_another(two: Cluster, squares: Squares) -> None:
    """It should lose no answer and no place in the order when a worker is killed midway."""
    with closing(in_order(squares, range(MANY), cluster=two.address, ahead=12)) as answers:
        before = [next(answers) for _ in range(MANY // 3)]
        two.kill_worker()
        after = list(answers)

    assert [square for square, _ in before + after] == [n * n for n in range(MANY)]
    assert after[-1][1] == two.workers[0].pid


def test_a_worker_that_comes_later_has_the_tools(machines: Cluster, tmp_path: Path) -> None:
    """It should send the commands' code to a worker that joins after the work began."""
    machines.settle(1)
    place = Place(str(tmp_path))
    for n in range(MANY):
        place.write(str(n), str(n).encode())

    with closing(in_order(place.read, map(str, range(MANY)), cluster=machines.address)) as answers:
        before = [next(answers)]
        machines.add_worker()
        machines.kill_worker()
        contents = before + list(answers)

    assert contents == [str(n).encode() for n in range(MANY)]


def test_a_worker_with_older_tools_gets_these(
    two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should do the work with the code of whoever sent it, whatever it had imported before."""

    def mark(_: int) -> object:
        return vars(import_module("tools.workshop.faults")).get("MARK")

    before = list(in_order(mark, range(4), cluster=two.address))
    newer = shutil.copytree(PROJECT / "tools", tmp_path / "tools")
    with (newer / "workshop" / "faults.py").open("a") as file:
        file.write("MARK = 7\n")
    monkeypatch.setattr(clusters, "_TOOLS", newer)
    after = list(in_order(mark, range(4), cluster=two.address))

    assert before == [None] * 4
    assert after == [7] * 4


@pytest.mark.parametrize("where", ["loop", "threads", "cluster"])
def test_no_more_is_begun_than_is_allowed(where: str, request: pytest.FixtureRequest) -> None:
    """It should take items as they are needed: those given, those ahead, and no others."""
    address = request.getfixturevalue("two").address if where == "cluster" else None
    taken: list[int] = []
    items = (taken.append(n) or n for n in count())  # type: ignore[func-returns-value]
    threads = 3 if where == "threads" else 1
    ahead = {"loop": 1, "threads": 5, "cluster": 5}[where]

    with closing(in_order(str, items, cluster=address, threads=threads, ahead=ahead)) as answers:
        begun_before = len(taken)
        given_out = [next(answers) for _ in range(4)]

    assert begun_before == 0
    assert given_out == ["0", "1", "2", "3"]
    assert 4 <= len(taken) <= 4 + ahead


def test_what_was_begun_is_called_off(two: Cluster, squares: Squares) -> None:
    """It should leave nothing on the cluster when the caller has enough."""
    with closing(in_order(squares, count(), cluster=two.address, ahead=40)) as answers:
        first = next(answers)

    assert first[0] == 0
    with Client(two.address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        # Calling off travels to the scheduler and on to the workers.
        while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
            pass


@pytest.mark.parametrize("where", ["loop", "threads", "cluster"])
def test_a_fault_has_its_turn(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """It should raise what the work raised when its turn comes, after the answers before it."""
    address = request.getfixturevalue("two").address if where == "cluster" else None
    place = Place(str(tmp_path))
    place.write("there", b"1")
    work = in_order(
        place.read, ["there", "gone", "there"], cluster=address, threads=1 + (where == "threads")
    )

    with closing(work) as answers:
        first = next(answers)
        with pytest.raises(WorkshopFault, match="gone is not there"):
            next(answers)

    assert first == b"1"


def test_an_address_where_nobody_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should say in one line that no scheduler answers."""
    monkeypatch.setattr(clusters, "REACH_S", 1)

    for address in ("tcp://127.0.0.1:9", "nonsense://x", "127.0.0.1:port"):
        with pytest.raises(WorkshopFault, match="no Dask scheduler answers"):
            next(in_order(str, [1], cluster=address))


def test_a_cluster_without_workers(machines: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """It should say in one line that there are none, before anything is begun."""
    machines.settle(0)
    monkeypatch.setattr(clusters, "REACH_S", 1)

    with pytest.raises(WorkshopFault, match="has no workers"):
        next(in_order(str, [1], cluster=machines.address))


def test_a_cluster_that_loses_all_workers(
    two: Cluster, squares: Squares, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should give up in one line once nobody has been there for a while."""
    monkeypatch.setattr(clusters, "LOST_S", 1)

    with closing(in_order(squares, count(), cluster=two.address)) as answers:
        next(answers)
        two.kill_workers()
        with pytest.raises(WorkshopFault, match="has lost all its workers"):
            list(answers)


def test_work_that_kills_workers(tmp_path: Path) -> None:
    """It should give up in one line on work that has killed as many workers as the cluster bears.

    Here that is one.
    """

    def deadly(item: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL + item)

    bears = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with dask_cluster(tmp_path, **bears) as cluster:
        cluster.settle(1)
        with pytest.raises(WorkshopFault, match="has killed every worker"):
            list(in_order(deadly, [0], cluster=cluster.address))


def test_a_scheduler_that_dies(two: Cluster, squares: Squares) -> None:
    """It should give up in one line."""
    with closing(in_order(squares, count(), cluster=two.address)) as answers:
        next(answers)
        two.kill_scheduler()
        with pytest.raises(WorkshopFault, match="was lost"):
            list(answers)


def test_no_hands_is_a_callers_bug() -> None:
    """It should refuse at once, not when the first answer is asked for."""
    with pytest.raises(ValueError, match="1 or more"):
        in_order(str, [1], threads=0)
    with pytest.raises(ValueError, match="1 or more"):
        in_order(str, [1], ahead=0)
