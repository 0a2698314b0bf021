"""What a server's answer means: a body, another address, a dead link, or a reason to ask again.

A body is read only as far as it may be wanted: its first bytes must be a picture's, and its length
is counted while it streams. What the server calls the content is told in the report; the content
decides. Nothing here waits or asks.
"""

from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz

import httpx

from sorterd.recordings.pictures import FORMATS, is_picture
from tools.workshop.collect.obtained import Body, Missed, stamp

# Bytes that `is_picture` wants to see.
HEAD_BYTES = 16
# Answers after which the whole host is left alone for a while, not only this link.
_HOST_IS_BUSY = frozenset({429, 503})
_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Again:
    """No answer that counts; another attempt may give one.

    Attributes:
        asked: The address, which a redirect may have led to.
        reason: Why, in a few words.
        answered: Whether the host said anything.
        busy: Whether it wants to be left alone.
        wait_s: For how long, if it said so.
    """

    asked: httpx.URL
    reason: str
    answered: bool = False
    busy: bool = False
    wait_s: float | None = None


async def read_answer(
    response: httpx.Response, most_bytes: int
) -> Body | Missed | Again | httpx.Request:
    """Read an answer's body as far as it may be wanted.

    Args:
        response: Its head has come, its body has not been read.
        most_bytes: A longer body is not read to its end.

    Returns:
        What begins like a picture, whole; why there is none; or, after a redirect, what to ask.

    Raises:
        httpx.HTTPError: The body ends before its end, or falls silent.
    """
    if response.next_request is not None:
        return response.next_request
    if response.status_code != httpx.codes.OK:
        return _not_ok(response)
    too_long = Missed(f"longer than {most_bytes} bytes", lasting=True)
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > most_bytes:
        return too_long
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > most_bytes:
            return too_long
        if len(content) >= HEAD_BYTES and not is_picture(bytes(content[:HEAD_BYTES])):
            break
    if not is_picture(bytes(content[:HEAD_BYTES])):
        called = response.headers.get("Content-Type", "nothing")
        what = f"not a {FORMATS} picture" if content else "empty"
        return Missed(f"{what} (the server calls it {called})", lasting=True)
    return Body(bytes(content), _date(response))


def _not_ok(response: httpx.Response) -> Missed | Again:
    status = response.status_code
    said = f"answers {status} {response.reason_phrase}".rstrip()
    if status not in _LATER and status < 500:
        return Missed(said, lasting=True)
    return Again(
        response.request.url,
        said,
        answered=True,
        busy=status in _HOST_IS_BUSY,
        wait_s=_retry_after_s(response),
    )


def _retry_after_s(response: httpx.Response) -> float | None:
    """How long the host asks to wait (RFC 9110, 10.2.3); a date counts from the host's own."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    until_s, now_s = _epoch_s(asked), _epoch_s(response.headers.get("Date", ""))
    return None if until_s is None or now_s is None else float(max(0, until_s - now_s))


def _date(response: httpx.Response) -> str:
    """The host's own date of the answer: no clock of ours is asked."""
    said_s = _epoch_s(response.headers.get("Date", ""))
    return "" if said_s is None else stamp(said_s)


def _epoch_s(date: str) -> int | None:
    parsed = parsedate_tz(date)
    try:
        return None if parsed is None else mktime_tz(parsed)
    except (ValueError, OverflowError):  # the year 99999
        return None
