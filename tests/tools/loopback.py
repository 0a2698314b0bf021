"""A real HTTP server on loopback that behaves as badly as a test wants.

A test says what each path answers; the server remembers what it was asked and how many asked at
the same time.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sorterd.clock import RealClock

Answer = Callable[["Visit"], None]
"""What a path does with one visit."""

# The date that the server gives to every answer.
DATE = "Tue, 03 Nov 2026 09:15:00 GMT"
STAMP = "2026-11-03T09:15:00Z"
# Nothing here waits longer than this for a client that should have come or gone.
PATIENCE_S = 20.0


class Visit(BaseHTTPRequestHandler):
    """One request, and the ways to answer it."""

    server: "Loopback"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer as the test said."""
        with self.server.visited(self.path):
            self.close_connection = True
            self.server.answers.get(self.path, status(404))(self)

    def begin(self, code: int, headers: Mapping[str, str]) -> None:
        """Send everything but the body."""
        self.send_response_only(code)
        for name, value in {"Date": DATE, "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def drip(self, piece: bytes, every_s: float) -> None:
        """Send the same bytes again and again, until the client has gone."""
        with suppress(ConnectionError):
            while not self.server.closing.wait(every_s):
                self.wfile.write(piece)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the parent's name
        """Say nothing on the terminal."""


class Loopback(ThreadingHTTPServer):
    """The server. Its attributes may be read while it runs.

    Attributes:
        answers: By path; a path without one answers 404.
        asked: Every path that was asked for, in order.
        began_ns: When, on the monotonic clock.
        most_inside: The most visits at one time.
        closing: Is set when the test is over.
    """

    block_on_close = True
    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.began_ns: list[int] = []
        self.most_inside = 0
        self.closing = threading.Event()
        self._inside = 0
        self._lock = threading.Lock()

    def link(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    def times(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(self.asked)

    @contextmanager
    def visited(self, path: str) -> Iterator[None]:
        """Remember one visit, for as long as it lasts."""
        with self._lock:
            self.asked.append(path)
            self.began_ns.append(RealClock().now_ns())
            self._inside += 1
            self.most_inside = max(self.most_inside, self._inside)
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1


@contextmanager
def serving() -> Iterator[Loopback]:
    """A server that is up, and is gone with all its threads afterwards."""
    with Loopback() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


def whole(content: bytes, called: str = "image/jpeg") -> Answer:
    """Answer with a body, and its length."""

    def answer(visit: Visit) -> None:
        visit.begin(200, {"Content-Type": called, "Content-Length": str(len(content))})
        # A client that does not want such a body hangs up.
        with suppress(ConnectionError):
            visit.wfile.write(content)

    return answer


def cut_off(content: bytes, sent: int) -> Answer:
    """Promise a body and send only its beginning."""

    def answer(visit: Visit) -> None:
        visit.begin(200, {"Content-Type": "image/jpeg", "Content-Length": str(len(content))})
        visit.wfile.write(content[:sent])

    return answer


def status(code: int, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with a status, without a body."""

    def answer(visit: Visit) -> None:
        visit.begin(code, {"Content-Length": "0", **(headers or {})})

    return answer


def dripping(head: bytes, piece: bytes, every_s: float) -> Answer:
    """Begin a body and never end it."""

    def answer(visit: Visit) -> None:
        visit.begin(200, {"Content-Type": "image/png"})
        visit.wfile.write(head)
        visit.drip(piece, every_s)

    return answer


def silent(visit: Visit) -> None:
    """Say nothing at all until the test is over."""
    visit.server.closing.wait(PATIENCE_S)


def hanging_up(visit: Visit) -> None:
    """Close the connection without a word."""
    visit.wfile.flush()


def in_turn(*answers: Answer) -> Answer:
    """Answer the first visit so, the next so; the last answer stays."""
    left = list(answers)

    def answer(visit: Visit) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(visit)

    return answer


def together(barrier: threading.Barrier, then: Answer) -> Answer:
    """Answer only when as many are inside as the barrier has parties."""

    def answer(visit: Visit) -> None:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(PATIENCE_S)
            # Whoever is let in too early comes now.
            visit.server.closing.wait(0.02)
            then(visit)

    return answer
