"""Collecting links, against a real server on loopback: what is kept is whole, named and enough."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sorterd.clock import RealClock
from tests.tools.collecting_bench import QUICK, Bench, picture, rows_of
from tests.tools.loopback import (
    DATE,
    STAMP,
    Answer,
    Loopback,
    Visit,
    cut_off,
    dripping,
    hanging_up,
    in_turn,
    serving,
    silent,
    status,
    together,
    whole,
)
from tools.workshop.faults import EXIT_DONE, EXIT_INTERRUPTED, EXIT_MISSED

PROJECT = Path(__file__).resolve().parents[2]
# A shell makes its background jobs, and what they start, deaf to Ctrl-C.
INTERRUPTIBLE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_path("tools/collect.py", run_name="__main__")
"""


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    """Return an empty bench."""
    return Bench(tmp_path, capsys)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """Return a server that is up; a proxy of this machine has no part in it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as server:
        yield server


@pytest.fixture
def one(bench: Bench, server: Loopback) -> Callable[..., str]:
    """Return a way to collect one link that answers so; gives the reason, empty if it was had."""

    def collected(answer: Answer, *options: str) -> str:
        server.answers["/one"] = answer
        bench.links("metal", [server.link("/one")])
        code = bench.collect(*options)
        reasons = bench.dead()
        assert code == (EXIT_MISSED if reasons else EXIT_DONE)
        assert len(bench.provenance()) == 1 - len(reasons)
        return reasons.get("one", "")

    return collected


# What is had.


def test_what_is_collected_says_where_it_came_from(bench: Bench, server: Loopback) -> None:
    """It should put each label's pictures into its folder, with a row that says everything."""
    server.answers = {f"/{n}.jpg": whole(picture(n)) for n in range(3)}
    bench.links("metal", ["# cans", server.link("/0.jpg"), "", server.link("/1.jpg")])
    bench.links("glass", [server.link("/2.jpg")])

    code = bench.collect("--licence", "CC-BY-4.0", "--author", "A. Person")

    rows = {row["origin"]: row for row in bench.provenance()}
    assert code == EXIT_DONE
    assert sorted(bench.pictures().values()) == sorted(picture(n) for n in range(3))
    assert {row["label"] for row in rows.values()} == {"metal", "glass"}
    row = rows[server.link("/2.jpg")]
    assert Path(row["file"]).parent.name == row["label"] == "glass"
    assert row["source"] == "glass/urls.txt"
    assert (row["licence"], row["author"]) == ("CC-BY-4.0", "A. Person")
    assert row["fetched"] == STAMP
    assert not (bench.out / "dead.csv").exists()


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".bmp", ".tif"])
def test_the_content_decides_what_a_file_is_called(
    one: Callable[..., str], bench: Bench, ending: str
) -> None:
    """It should keep a picture whatever the server calls it, with the ending of its format."""
    assert one(whole(picture(1, ending=ending), called="text/html")) == ""
    assert [Path(key).suffix for key in bench.pictures()] == [ending]


def test_redirects_are_followed(one: Callable[..., str], server: Loopback) -> None:
    """It should follow a redirect to the picture."""
    server.answers["/there"] = whole(picture(1))

    assert one(status(302, {"Location": "/there"})) == ""
    assert server.asked == ["/one", "/there"]


@pytest.mark.parametrize(
    "first",
    [
        status(429, {"Retry-After": "0"}),
        status(503, {"Retry-After": DATE}),
        status(500),
        status(408),
        cut_off(picture(1), 100),
        hanging_up,
        silent,
    ],
)
def test_what_may_be_chance_is_tried_again(
    one: Callable[..., str], server: Loopback, first: Answer
) -> None:
    """It should ask a second time after 429, 5xx, a broken connection, half a body and silence."""
    assert one(in_turn(first, whole(picture(1))), "--silence", "0.3") == ""
    assert server.asked == ["/one", "/one"]


def test_a_host_is_left_alone_for_as_long_as_it_asks(bench: Bench, server: Loopback) -> None:
    """It should send nothing to a busy host, for any link, before the wait is over."""
    server.answers = {f"/{n}": whole(picture(n)) for n in range(3)}
    server.answers["/0"] = in_turn(status(429, {"Retry-After": "1"}), server.answers["/0"])
    bench.links("metal", [server.link(f"/{n}") for n in range(3)])

    assert bench.collect("--per-host", "1") == EXIT_DONE
    assert server.began_ns[1] - server.began_ns[0] >= 1_000_000_000
    assert len(bench.provenance()) == 3


def test_exact_doubles_are_kept_once(bench: Bench, server: Loopback) -> None:
    """It should keep one file for equal pictures, with a row for each link, and count one."""
    server.answers = {f"/{n}": whole(picture(1)) for n in range(3)}
    bench.links("metal", [server.link(f"/{n}") for n in (0, 1, 2, 0)])

    assert bench.collect() == EXIT_DONE
    assert len(bench.pictures()) == 1
    assert len(bench.provenance()) == 3
    assert "listed more than once, asked for once: 1" in bench.said()[0]
    assert server.times() == {"/0": 1, "/1": 1, "/2": 1}


def test_a_picture_under_two_labels_is_reported(bench: Bench, server: Loopback) -> None:
    """It should name a picture that two labels claim, and keep it under one of them."""
    server.answers = {f"/{n}": whole(picture(1)) for n in range(2)}
    bench.links("glass", [server.link("/0")])
    bench.links("metal", [server.link("/1")])

    assert bench.collect() == EXIT_DONE
    (key,) = bench.pictures()
    other = ({"glass", "metal"} - {key.partition("/")[0]}).pop()
    assert {row["label"] for row in bench.provenance()} == {"glass", "metal"}
    assert f"{key} is also called {other}" in bench.said()[0]


# What is not had.


@pytest.mark.parametrize(
    ("answer", "reason", "asked"),
    [
        (status(404), "answers 404", 1),
        (status(410), "answers 410", 1),
        (status(403), "answers 403", 1),
        (status(204), "answers 204", 1),
        (status(500), "answers 500", 2),
        (status(503), "answers 503", 2),
        (status(429, {"Retry-After": "7000"}), "asks to wait 7000 s", 1),
        (whole(b"<!doctype html><p>Please log in"), "the server calls it image/jpeg", 1),
        (whole(b""), "empty", 1),
        (whole(b"\xff\xd8\xff\xe0 and nothing that could be shown"), "cut off", 1),
        (whole(picture(1)[:-200]), "cut off", 1),
        (whole(picture(1, ending=".png")[:-20]), "damaged", 1),
        (whole(picture(1, side_px=20)), "20 x 15 pixels, below 16 a side", 1),
        (cut_off(picture(1), 100), "the connection failed", 2),
        (hanging_up, "the connection failed", 2),
        (status(302, {"Location": "/one"}), "more than 5 redirects", 6),
        (status(302, {"Location": "ftp://127.0.0.1/x.jpg"}), "no http or https address", 1),
        (status(302, {"Location": "http://127.0.0.1:99999/"}), "no http or https address", 1),
        (status(302, {"Location": "http://xn--/"}), "leads to no address", 1),
        (status(429, {"Retry-After": "Fri, 31 Dec 99999 00:00:00 GMT"}), "answers 429", 2),
    ],
)
def test_a_dead_link_is_reported_with_its_reason(
    one: Callable[..., str], server: Loopback, answer: Answer, reason: str, asked: int
) -> None:
    """It should keep nothing of what is no whole picture, say why, and not insist."""
    assert reason in one(answer)
    assert len(server.asked) == asked


def test_silence_is_not_waited_for(one: Callable[..., str], server: Loopback) -> None:
    """It should give up a link whose server says nothing, after its retries."""
    assert "silent for 0.1 s" in one(silent, "--silence", "0.1")
    assert len(server.asked) == 2


def test_an_endless_body_is_left(one: Callable[..., str]) -> None:
    """It should stop reading once a body is longer than it may be."""
    endless = dripping(picture(1, ending=".png"), bytes(4096), 0.0)

    assert "longer than 30000 bytes" in one(endless, "--most-bytes", "30000")


def test_a_body_that_is_said_to_be_too_long_is_not_begun(one: Callable[..., str]) -> None:
    """It should believe a server that announces too much, and not wait for it."""

    def announce(visit: Visit) -> None:
        visit.begin(200, {"Content-Type": "image/png", "Content-Length": "30001"})
        silent(visit)

    assert "longer than 30000 bytes" in one(announce, "--most-bytes", "30000")


def test_a_dripping_body_is_left(one: Callable[..., str]) -> None:
    """It should stop reading a body that never falls silent and never ends, by the total time."""
    drip = dripping(picture(1, ending=".png"), b".", 0.02)

    assert "not complete after 0.3 s" in one(drip, "--total", "0.3")


def test_a_body_that_is_no_picture_is_not_read_on(one: Callable[..., str]) -> None:
    """It should know from the first bytes that an endless page is no picture."""
    page = dripping(b"<html>" * 20, b"<p>", 0.02)

    assert "not a JPEG" in one(page, "--total", "9", "--silence", "9")


@pytest.mark.parametrize(
    ("limit", "value"), [("--most-bytes", "500"), ("--least-px", "37"), ("--most-px", "1000")]
)
def test_limits_are_kept(one: Callable[..., str], limit: str, value: str) -> None:
    """It should refuse what is too large or too small, and take the same picture without."""
    content = picture(1)
    assert len(content) > 500

    assert one(whole(content), limit, value) != ""
    assert one(whole(content), "--retry-dead") == ""


def test_a_line_that_is_no_link_is_a_dead_link(bench: Bench, server: Loopback) -> None:
    """It should report junk in a list like a dead link and get the rest."""
    server.answers["/0"] = whole(picture(1))
    junk = ["htp://x/y.jpg", "file:///etc/hostname", "http://", "http://[::x]/y.jpg", "see below"]
    junk += ["http://127.0.0.1:99999/x.jpg", "http://xn--/x.jpg", "http://a\u202eb/x.jpg"]
    bench.links("metal", [*junk, server.link("/0")])

    assert bench.collect() == EXIT_MISSED
    assert set(bench.dead().values()) == {"not an http or https address"}
    assert len(rows_of(bench.out / "dead.csv")) == len(junk)
    assert len(bench.provenance()) == 1


def test_a_host_that_is_down_is_spared(bench: Bench, server: Loopback) -> None:
    """It should not ask a silent host for link after link, nor call those links dead for good."""
    server.answers = {f"/{n}": hanging_up for n in range(20)}
    bench.links("metal", [server.link(f"/{n}") for n in range(20)])

    assert bench.collect("--per-host", "1", "--retries", "0") == EXIT_MISSED
    assert len(server.asked) == 5
    assert len(bench.dead()) == 20
    server.answers = {f"/{n}": whole(picture(n)) for n in range(20)}
    assert bench.collect() == EXIT_DONE
    assert len(bench.provenance()) == 20
    assert not bench.dead()


# Manners.


@pytest.mark.parametrize("most", [1, 2, 3])
def test_only_so_many_ask_one_host(bench: Bench, server: Loopback, most: int) -> None:
    """It should have as many requests at one host as it may, and never more."""
    barrier = threading.Barrier(most)
    links = range(most * 3)
    server.answers = {f"/{n}": together(barrier, whole(picture(n))) for n in links}
    bench.links("metal", [server.link(f"/{n}") for n in links])

    assert bench.collect("--per-host", str(most)) == EXIT_DONE
    assert server.most_inside == most
    assert len(bench.provenance()) == len(links)


def test_hosts_are_asked_side_by_side(bench: Bench, server: Loopback) -> None:
    """It should not let one host's links wait for another's; a redirect's host counts too."""
    both = threading.Barrier(2)
    with serving() as other:
        for n in range(2):
            server.answers[f"/{n}"] = together(both, whole(picture(n)))
            other.answers[f"/{n}"] = together(both, whole(picture(9 + n)))
        server.answers["/there"] = status(302, {"Location": other.link("/last")})
        other.answers["/last"] = whole(picture(20))
        bench.links("metal", [server.link(path) for path in ("/0", "/1", "/there")])
        bench.links("glass", [other.link(path) for path in ("/0", "/1")])

        assert bench.collect("--per-host", "1") == EXIT_DONE
        assert (server.most_inside, other.most_inside) == (1, 1)
    assert len(bench.provenance()) == 5


def test_redirects_wait_for_the_turn_of_their_host(bench: Bench, server: Loopback) -> None:
    """It should not crowd a host that the links of several others lead to."""
    with serving() as one, serving() as other:
        for n in range(3):
            server.answers[f"/{n}"] = together(threading.Barrier(1), whole(picture(n)))
            for host in (one, other):
                host.answers[f"/{n}"] = status(302, {"Location": server.link(f"/{n}")})
        bench.links("metal", [host.link(f"/{n}") for n in range(3) for host in (one, other)])

        assert bench.collect("--per-host", "1") == EXIT_DONE
    assert len(server.asked) == 6
    assert server.most_inside == 1


def test_requests_to_one_host_keep_their_distance(bench: Bench, server: Loopback) -> None:
    """It should begin no request to a host sooner after the one before than it was told."""
    server.answers = {f"/{n}": whole(picture(n)) for n in range(8)}
    bench.links("metal", [server.link(f"/{n}") for n in range(8)])
    before_ns = RealClock().now_ns()

    assert bench.collect("--delay", "0.1", "--per-host", "4") == EXIT_DONE
    assert max(server.began_ns) - before_ns >= 700_000_000


# A second run.


def test_a_second_run_asks_only_for_what_is_missing(bench: Bench, server: Loopback) -> None:
    """It should fetch again what was lost or damaged, and nothing else."""
    server.answers = {f"/{n}": whole(picture(n)) for n in range(4)}
    bench.links("metal", [server.link(f"/{n}") for n in range(4)])
    bench.collect()
    first = bench.pictures()
    lost, damaged, *_ = sorted(first)
    (bench.out / lost).unlink()
    (bench.out / damaged).write_bytes(first[damaged][:10])
    server.asked.clear()

    assert bench.collect() == EXIT_DONE
    assert len(server.asked) == 2
    assert bench.pictures() == first
    server.asked.clear()
    assert bench.collect() == EXIT_DONE
    assert server.asked == []
    assert len(bench.provenance()) == 4


def test_known_dead_links_are_asked_again_only_on_request(bench: Bench, server: Loopback) -> None:
    """It should remember a dead link, still count it, and forget it once it is alive."""
    bench.links("metal", [server.link("/0")])
    assert bench.collect() == EXIT_MISSED
    server.answers["/0"] = whole(picture(1))

    assert bench.collect() == EXIT_MISSED
    assert "not asked again: 1 " in bench.said()[0]
    assert server.asked == ["/0"]
    assert bench.collect("--retry-dead") == EXIT_DONE
    assert server.asked == ["/0", "/0"]
    assert not bench.dead()
    assert len(bench.provenance()) == 1


def test_an_interrupted_run_is_continued(bench: Bench, server: Loopback) -> None:
    """It should keep what was finished, with its rows, and later ask only for the rest."""
    server.answers = {f"/{n}": whole(picture(n)) for n in range(6)}
    for n in (3, 4, 5):
        server.answers[f"/{n}"] = dripping(picture(n, ending=".png")[:-12], b"", 0.02)
    bench.links("metal", [server.link(f"/{n}") for n in range(6)])
    command = [str(bench.lists), "--out", str(bench.out), *QUICK]
    command += ["--per-host", "1", "--silence", "60", "--total", "60"]
    with subprocess.Popen(  # noqa: S603  # our own tool with our own arguments
        [sys.executable, "-c", INTERRUPTIBLE, *command],
        cwd=PROJECT, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        try:
            while "/3" not in server.asked and running.poll() is None:
                server.closing.wait(0.02)
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=60)
        finally:
            running.kill()

    assert running.returncode == EXIT_INTERRUPTED
    assert said.splitlines() == ["collect: interrupted; what was finished is kept"]
    assert len(bench.provenance()) == 3
    for n in (3, 4, 5):
        server.answers[f"/{n}"] = whole(picture(n))
    server.asked.clear()
    assert bench.collect() == EXIT_DONE
    assert server.times() == {"/3": 1, "/4": 1, "/5": 1}
    assert len(bench.provenance()) == 6


def test_what_a_killed_run_leaves_is_healed(bench: Bench, server: Loopback) -> None:
    """It should drop half a row and a file that was only begun, and fetch what is missing."""
    server.answers = {f"/{n}": whole(picture(n)) for n in range(3)}
    bench.links("metal", [server.link(f"/{n}") for n in range(3)])
    bench.collect()
    table = bench.out / "provenance.csv"
    lines = table.read_bytes().splitlines(keepends=True)
    table.write_bytes(b"".join(lines[:-1]) + lines[-1][:40])
    (bench.out / "metal" / f".{'0a' * 10}.jpg-x7_q").write_bytes(picture(0)[:90])
    server.asked.clear()

    assert bench.collect() == EXIT_DONE
    assert len(server.asked) == 1
    assert len(bench.provenance()) == 3


def test_no_half_written_file_is_ever_visible(bench: Bench, server: Loopback) -> None:
    """It should show a picture whole or not at all, whenever somebody looks."""
    content = picture(1, ending=".bmp", side_px=400)
    seen: list[bytes] = []

    def look(visit: Visit) -> None:
        seen.extend(bench.pictures().values())
        whole(content)(visit)

    server.answers = {f"/{n}": look for n in range(4)}
    server.answers["/cut"] = cut_off(content, 90_000)
    bench.links("metal", [server.link(path) for path in ("/0", "/cut", "/1", "/2", "/3")])

    assert bench.collect("--per-host", "1") == EXIT_MISSED
    assert seen
    assert set(seen) == {content}
    assert set(bench.pictures().values()) == {content}


def test_enough_is_enough(bench: Bench, server: Loopback) -> None:
    """It should stop at the number wanted, now and in a second run, and fill up what is dead."""
    # The first is gone, the third is the second again.
    server.answers = {f"/{n}": whole(picture(1 if n == 2 else n)) for n in range(1, 9)}
    bench.links("metal", [server.link(f"/{n}") for n in range(9)])

    assert bench.collect("--most-files", "3", "--per-host", "1") == EXIT_MISSED
    assert server.asked == ["/0", "/1", "/2", "/3", "/4"]
    assert bench.collect("--most-files", "3") == EXIT_MISSED
    assert len(server.asked) == 5
    assert bench.collect("--most-files", "4", "--per-host", "1") == EXIT_MISSED
    assert server.asked[5:] == ["/5"]
    bench.provenance()
    assert len(bench.pictures()) == 4
