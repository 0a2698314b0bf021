"""Fetch files over HTTP as a good guest: few at a time from one host, slower when asked to.

Every request, also one that a redirect leads to, waits for its host's turn. A host that answers
429 or 503 is left alone for as long as it says; one that keeps silent is given up for this run.
A whole answer has a time limit, however slowly it drips.

Nothing is written here, and no page is read to look for links.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Self

import httpx

from tools.workshop.collect.answers import Again, read_answer
from tools.workshop.collect.obtained import Body, Missed

# Links of one host that may fail in a row, each after all its retries, before the rest is spared.
SILENT_LINKS = 5


@dataclass(frozen=True, slots=True)
class Manners:
    """How a guest behaves. Times in seconds.

    Attributes:
        at_once: Requests under way at the same time, over all hosts.
        per_host: The same, for one host and port.
        delay_s: Between the beginnings of two requests to one host.
        silence_s: Longest wait for a connection and for the next bytes.
        total_s: Longest time for one answer, however it drips.
        retries: After a first attempt that may have failed by chance.
        backoff_s: Before the first retry; it doubles with each.
        longest_wait_s: A host that asks for more patience is given up for this run.
        redirects: Followed for one link.
        introduction: What is told to the servers as User-Agent.
    """

    at_once: int = 16
    per_host: int = 2
    delay_s: float = 0.2
    silence_s: float = 15.0
    total_s: float = 120.0
    retries: int = 3
    backoff_s: float = 1.0
    longest_wait_s: float = 120.0
    redirects: int = 5
    introduction: str = "sorterd-collect"


def host_of(url: str) -> str | None:
    """The host and port that a link leads to; None if it is no http or https address."""
    try:
        parsed = httpx.URL(url)
        return parsed.netloc.decode() if _is_link(parsed) else None
    except (httpx.InvalidURL, UnicodeError):
        return None


class Fetcher:
    """Fetches links. Belongs to one event loop; used as an asynchronous context.

    Args:
        manners: How it behaves.
    """

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._gates: dict[bytes, _Gate] = {}
        self._at_once = asyncio.Semaphore(manners.at_once)
        # The gates and the semaphore count connections: the pool must not do it a second time.
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(manners.silence_s, pool=None),
            limits=httpx.Limits(max_connections=None),
            # Pictures are packed already, and a packed body hides its length.
            headers={
                "User-Agent": manners.introduction,
                "Accept": "image/*",
                "Accept-Encoding": "identity",
            },
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, fault, trace)

    async def get(self, url: str, *, most_bytes: int) -> Body | Missed:
        """Fetch what a link leads to, as politely and as often as the manners say.

        Args:
            url: An http or https address.
            most_bytes: A longer body is not read to its end.

        Returns:
            What begins like a picture, whole; or why there is none.
        """
        for attempt in count():
            answer = await self._follow(url, most_bytes)
            if not isinstance(answer, Again):
                return answer
            if attempt == self._manners.retries:
                self._gate_of(answer.asked).note(failed=not answer.answered)
                return Missed(answer.reason, lasting=False)
            await self._wait(answer, attempt)
        raise AssertionError  # it counts for ever

    async def _follow(self, url: str, most_bytes: int) -> Body | Missed | Again:
        request = self._client.build_request("GET", url)
        for _ in range(self._manners.redirects + 1):
            if not _is_link(request.url):
                return Missed("leads to no http or https address", lasting=True)
            gate = self._gate_of(request.url)
            if gate.closed:
                return Missed(gate.closed, lasting=False)
            async with gate.turn(), self._at_once:
                answer = await self._answer(request, most_bytes)
            if isinstance(answer, Again):
                return answer
            gate.note(failed=isinstance(answer, Missed) and not answer.lasting)
            if not isinstance(answer, httpx.Request):
                return answer
            request = answer
        return Missed(f"more than {self._manners.redirects} redirects", lasting=True)

    async def _answer(
        self, request: httpx.Request, most_bytes: int
    ) -> Body | Missed | Again | httpx.Request:
        try:
            async with asyncio.timeout(self._manners.total_s):
                response = await self._client.send(request, stream=True, follow_redirects=False)
                try:
                    return await read_answer(response, most_bytes)
                finally:
                    await response.aclose()
        except TimeoutError:
            # A body that dripped once drips again: waiting for it three more times helps nobody.
            return Missed(f"not complete after {self._manners.total_s:g} s", lasting=False)
        except httpx.TimeoutException:
            return Again(request.url, f"silent for {self._manners.silence_s:g} s")
        except (httpx.InvalidURL, UnicodeError) as fault:
            return Missed(f"leads to no address ({_line(fault)})", lasting=True)
        except httpx.DecodingError as fault:
            return Missed(f"packed in a way that cannot be undone ({_line(fault)})", lasting=True)
        except httpx.TransportError as fault:
            return Again(request.url, f"the connection failed ({_line(fault)})")

    async def _wait(self, answer: Again, attempt: int) -> None:
        backoff_s = self._manners.backoff_s * 2**attempt
        if not answer.busy:
            await asyncio.sleep(backoff_s)
            return
        wait_s = backoff_s if answer.wait_s is None else answer.wait_s
        gate = self._gate_of(answer.asked)
        if wait_s > self._manners.longest_wait_s:
            gate.closed = f"{answer.reason}, and the host asks to wait {wait_s:g} s"
        else:
            gate.hold(wait_s)

    def _gate_of(self, url: httpx.URL) -> "_Gate":
        return self._gates.setdefault(
            url.netloc, _Gate(self._manners.per_host, self._manners.delay_s)
        )


class _Gate:
    """One host's door: so many guests at a time, and a pause between two."""

    def __init__(self, per_host: int, delay_s: float) -> None:
        self._turns = asyncio.Semaphore(per_host)
        self._delay_s = delay_s
        self._next_s = 0.0
        self._silent_links = 0
        self.closed: str | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn; it lasts as long as the context."""
        async with self._turns:
            await self._pause()
            self._next_s = _now_s() + self._delay_s
            yield

    def hold(self, wait_s: float) -> None:
        """Let nobody in for so long."""
        self._next_s = max(self._next_s, _now_s() + wait_s)

    def note(self, *, failed: bool) -> None:
        """Count the links in a row that got no answer; close the door after too many."""
        self._silent_links = self._silent_links + 1 if failed else 0
        if self._silent_links >= SILENT_LINKS:
            self.closed = f"not asked: {SILENT_LINKS} links of its host failed before it"

    async def _pause(self) -> None:
        if (wait_s := self._next_s - _now_s()) > 0:
            await asyncio.sleep(wait_s)
            # It may have grown meanwhile: somebody went first, or the host asked for a rest.
            await self._pause()


def _is_link(url: httpx.URL) -> bool:
    ports = url.port is None or 1 <= url.port <= 65535
    return url.scheme in {"http", "https"} and bool(url.host) and ports


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _line(fault: Exception) -> str:
    return " ".join(str(fault).split())[:160] or type(fault).__name__
