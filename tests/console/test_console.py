"""The console: what it shows of a real journal, also while that is written, or not there yet."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from sorterd.clock import ManualClock
from sorterd.console.app import build_app
from sorterd.console.state import Station
from sorterd.core.records import Outcome, Pulse, Reason, Verdict
from sorterd.holding import hold
from sorterd.sinks.journal import Journal, open_journal

S_NS = 1_000_000_000
SEEN = Outcome(
    piece=1,
    bin="glass",
    reason=Reason.SORTED,
    verdict=Verdict("glass", 0.93, "recyclable", 0.99, (0.93, 0.07)),
    sightings=30,
    crops=3,
    first_seen_ns=1 * S_NS,
    last_seen_ns=2 * S_NS,
    last_along_mm=300.0,
    last_across_mm=100.0,
    length_mm=60.0,
    evidence_ns=2 * S_NS,
    decided_ns=2 * S_NS,
    deadline_ns=3 * S_NS,
    pulse=Pulse(1, 1, "glass", 3 * S_NS, 3 * S_NS, 4 * S_NS, 5 * S_NS),
    opened_late_ns=250_000,
    ended_ns=5 * S_NS,
)


def ended(piece: int, bin_name: str, reason: Reason, label: str | None) -> Outcome:
    """Return how a piece ended that no gate moved for."""
    verdict = replace(SEEN.verdict, label=label)
    return replace(
        SEEN,
        piece=piece,
        bin=bin_name,
        reason=reason,
        verdict=verdict,
        pulse=None,
        opened_late_ns=None,
    )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Return an open journal of the second run; three pieces are in it."""
    path = tmp_path / "journal.db"
    first = open_journal(path, {"station": "attic"})
    first.write(ended(1, "landfill", Reason.UNSURE, None))
    first.close()
    about = {"station": "yard <2>", "bundle": "waste 2", "runtime": "ai-edge-litert"}
    opened = open_journal(path, about, started="in the morning")
    opened.write(SEEN)
    opened.write(ended(2, "landfill", Reason.UNSURE, None))
    opened.write(ended(3, "landfill", Reason.TOO_CLOSE, "paper"))
    opened.note("gate", "gate paper: GPIO 17 did not take the command", 4 * S_NS)
    opened.flush()
    yield opened
    opened.close()


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """Return where to look: nobody holds the devices, the clock stands at 7 s."""
    return Station("sorterd", tmp_path / "journal.db", ManualClock(7 * S_NS), lock=tmp_path)


class Browser:
    """Asks a console in this process; no port is opened."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def get(self, path: str) -> httpx.Response:
        """Ask for something."""
        return asyncio.run(self._ask("GET", path))

    def post(self, path: str) -> httpx.Response:
        """Send something."""
        return asyncio.run(self._ask("POST", path))

    async def _ask(self, method: str, path: str) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            return await client.request(method, path)


@pytest.fixture
def client(station: Station) -> Browser:
    """Return a browser."""
    return Browser(build_app(station))


@pytest.mark.usefixtures("journal")
def test_the_page_shows_the_newest_run(client: Browser) -> None:
    """It should show name, bins, reasons and the last pieces, the newest first."""
    answer = client.get("/")
    page = " ".join(answer.text.split())

    assert answer.status_code == 200
    assert "<title>yard &lt;2&gt;</title>" in page
    assert "Run 2, started in the morning: waste 2 on ai-edge-litert" in page
    assert '<td>landfill</td><td class="number">2</td>' in page
    assert '<td>too close</td><td class="number">1</td>' in page
    assert "attic" not in page
    rows = [row for row in page.split("<tr>") if row.startswith('<td class="number">')]
    assert ["glass" in row for row in rows] == [False, False, True]
    assert "93%" in rows[2]
    assert "0.25 ms" in rows[2]
    assert "unsure" in rows[1]
    assert "GPIO 17 did not take the command" in page


@pytest.mark.usefixtures("journal")
def test_the_page_needs_nothing_but_itself(client: Browser) -> None:
    """It should ask no other file or machine for anything, run no script, and come again."""
    answer = client.get("/")

    for word in ("<script", "src=", "href=", "@import", "url("):
        assert word not in answer.text
    assert '<meta http-equiv="refresh"' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_more_pieces_than_it_shows(client: Browser, journal: Journal) -> None:
    """It should count all and show the last 20."""
    for piece in range(4, 40):
        journal.write(replace(SEEN, piece=piece, pulse=None))
    journal.flush()

    page = client.get("/").text

    assert '<td>glass</td><td class="number">37</td>' in page
    assert page.count("0.25 ms") == 20
    assert '<td class="number">39</td>' in page  # fmt: skip


@pytest.mark.usefixtures("journal")
def test_metrics(client: Browser) -> None:
    """It should be read by Prometheus: pieces by bin and reason, lateness in buckets."""
    answer = client.get("/metrics")
    families = {each.name: each for each in text_string_to_metric_families(answer.text)}
    pieces = {
        (each.labels["bin"], each.labels["reason"]): each.value
        for each in families["sorterd_pieces"].samples
    }
    buckets = families["sorterd_gate_lateness_seconds"].samples
    late = {each.labels.get("le"): each.value for each in buckets}

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert pieces == {
        ("glass", "sorted"): 1,
        ("landfill", "unsure"): 1,
        ("landfill", "too_close"): 1,
    }
    assert (late["0.0001"], late["0.0005"], late["+Inf"]) == (0, 1, 1)
    assert families["sorterd_running"].samples[0].value == 0
    assert families["sorterd_run"].samples[0].labels["station"] == "yard <2>"
    assert families["sorterd_run"].samples[0].value == 2


def test_before_the_station_has_run(client: Browser, tmp_path: Path) -> None:
    """It should start without a journal, say so, and be well."""
    page, health, metrics = client.get("/"), client.get("/healthz"), client.get("/metrics")

    assert f"no journal at {tmp_path}/journal.db yet: the station has not run" in page.text
    assert (page.status_code, health.status_code, metrics.status_code) == (200, 200, 200)
    assert "sorterd_journal_readable 0.0" in metrics.text
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_comes_later_is_shown(client: Browser, tmp_path: Path) -> None:
    """It should look anew each time, and know a run without a piece."""
    assert "no journal" in client.get("/").text
    journal = open_journal(tmp_path / "journal.db", {"station": "yard"})

    page = client.get("/").text

    assert "<title>yard</title>" in page
    assert "no piece yet" in page
    journal.close()


def test_another_programs_file(client: Browser, tmp_path: Path) -> None:
    """It should tell in a line what is wrong with the journal, and not be well."""
    with sqlite3.connect(tmp_path / "journal.db") as other:
        other.execute("CREATE TABLE mine (a)")
    other.close()

    assert "another program&#39;s database; name another file" in client.get("/").text
    assert client.get("/healthz").status_code == 503
    assert "another program's database" in client.get("/healthz").text


@pytest.mark.usefixtures("journal")
def test_it_says_whether_the_station_runs(station: Station, tmp_path: Path) -> None:
    """It should tell who holds the devices, and how long ago the last piece ended while it runs."""
    client = Browser(build_app(station))
    assert "standing still" in client.get("/").text

    with hold("sorterd run", tmp_path):
        page, metrics = client.get("/").text, client.get("/metrics").text
        assert f"sorting (sorterd run, process {os.getpid()})" in page
        assert "last piece 2 s ago" in page
        assert "sorterd_running 1.0" in metrics
        assert "sorterd_last_piece_age_seconds 2.0" in metrics
    with hold("sorterd calibrate", tmp_path):
        page = client.get("/").text
        assert f"held by sorterd calibrate, process {os.getpid()}" in page
        assert "ago" not in page


def test_where_locks_cannot_be_seen(station: Station, tmp_path: Path) -> None:
    """It should not say that a station stands still of which it knows nothing."""
    blind = replace(station, locks=tmp_path / "none")

    assert "not known whether it runs" in Browser(build_app(blind)).get("/").text


def test_the_station_is_not_held_up(client: Browser, journal: Journal) -> None:
    """It should let the station write whatever it is shown in between."""
    for piece in range(4, 60):
        journal.write(replace(SEEN, piece=piece, pulse=None))
        journal.flush()
        assert client.get("/").status_code == 200

    assert journal.dropped == 0


def test_what_is_not_there_is_not_found(client: Browser) -> None:
    """It should answer three questions and change nothing."""
    assert client.get("/journal.db").status_code == 404
    assert client.post("/").status_code == 405
