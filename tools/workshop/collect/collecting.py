"""Turn what is wanted into a collection: ask, check, keep or report, many at a time.

All that changes the collection happens in one thread, between two awaits, so a run that is
interrupted stops with every picture either kept, with its row, or not begun. Which of two labels
gets a picture that both claim is decided by which is there first; the report names both.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tools.workshop.collect.accepting import Accepted, accepted
from tools.workshop.collect.dead_links import DeadLinks
from tools.workshop.collect.fetching import Fetcher, Manners
from tools.workshop.collect.obtained import Body, Missed
from tools.workshop.collect.provenance import Provenance, Row
from tools.workshop.collect.wanted import Original
from tools.workshop.faults import WorkshopFault

# Readers of one folder or bucket: a bucket answers slowly, and its client queues what is more.
STORED_AT_ONCE = 4


@dataclass
class Tally:
    """What became of the originals of one label.

    Attributes:
        listed: Offered by the sources.
        before: There from an earlier run.
        new: Pictures kept by this run.
        doubles: New origins of pictures that were there, under this label or another.
        dead: Not to be had; those known to be from an earlier run are among them.
        known_dead: Of those, not asked again.
        spare: Not asked for, since their source had given enough.
    """

    listed: int = 0
    before: int = 0
    new: int = 0
    doubles: int = 0
    dead: int = 0
    known_dead: int = 0
    spare: int = 0


@dataclass
class Collection:
    """A collection in the making.

    Attributes:
        provenance: What is there.
        dead: What is not to be had.
        retry_dead: Whether to ask again for what is known to be dead.
        done: Called once for each original that needed any work.
        tallies: By label, in the order of the sources.
    """

    provenance: Provenance
    dead: DeadLinks
    retry_dead: bool
    done: Callable[[], object]
    tallies: dict[str, Tally] = field(default_factory=dict)
    _given: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    _decoding: asyncio.Lock = field(default_factory=asyncio.Lock)

    def begin(self, originals: Iterable[Original]) -> list[Original]:
        """Count what is offered, and return what has to be asked for."""
        left = []
        for original in originals:
            tally = self.tallies.setdefault(original.label, Tally())
            tally.listed += 1
            known = self.dead.why(original.identity)
            if (row := self.provenance.row_of(original.identity)) is not None:
                tally.before += 1
                self._count(original, row)
            elif known is not None and known.lasting and not self.retry_dead:
                tally.dead += 1
                tally.known_dead += 1
            else:
                left.append(original)
        return left

    def run(self, originals: Iterable[Original], manners: Manners) -> None:
        """Ask for all of these; a keyboard interrupt ends it after the picture in hand.

        Raises:
            WorkshopFault: The collection cannot be written.
        """
        asyncio.run(self._run(originals, manners))

    async def _run(self, originals: Iterable[Original], manners: Manners) -> None:
        queues: dict[str, deque[Original]] = {}
        for original in originals:
            queues.setdefault(original.host, deque()).append(original)
        faults: list[BaseException] = []
        async with Fetcher(manners) as fetcher:
            try:
                async with asyncio.TaskGroup() as workers:
                    for queue in queues.values():
                        most = manners.per_host if queue[0].stored is None else STORED_AT_ONCE
                        for _ in range(min(most, len(queue))):
                            workers.create_task(self._work_off(queue, fetcher))
            except* WorkshopFault as group:
                faults.extend(group.exceptions)
        if faults:
            raise faults[0]

    async def _work_off(self, queue: deque[Original], fetcher: Fetcher) -> None:
        while queue:
            original = queue.popleft()
            if self._enough(original):
                self.tallies[original.label].spare += 1
            else:
                await self._obtain(original, fetcher)
            self.done()

    async def _obtain(self, original: Original, fetcher: Fetcher) -> None:
        body = await self._body(original, fetcher)
        if isinstance(body, Missed):
            self._report(original, body)
            return
        # One at a time: a photograph of 100 megapixels takes 300 MB to decode.
        async with self._decoding:
            answer = await asyncio.to_thread(
                accepted, body.content, original.origin, original.source
            )
        if isinstance(answer, Missed):
            self._report(original, answer)
        elif self._enough(original):
            self.tallies[original.label].spare += 1
        else:
            self._keep(original, body, answer)

    @staticmethod
    async def _body(original: Original, fetcher: Fetcher) -> Body | Missed:
        most_bytes = original.source.most_bytes
        if original.refused is not None:
            return original.refused
        if original.stored is not None:
            return await asyncio.to_thread(original.stored.read, most_bytes=most_bytes)
        return await fetcher.get(original.origin, most_bytes=most_bytes)

    def _enough(self, original: Original) -> bool:
        most = original.source.most_files
        given = self._given.get((original.name, original.label), ())
        return most is not None and len(given) >= most

    def _count(self, original: Original, row: Row) -> None:
        """Count a source's pictures, not its links; what lies under another label is not its."""
        if row.folder == original.label:
            self._given.setdefault((original.name, original.label), set()).add(row.file)

    def _report(self, original: Original, missed: Missed) -> None:
        self.tallies[original.label].dead += 1
        self.dead.add(original, missed)

    def _keep(self, original: Original, body: Body, answer: Accepted) -> None:
        there = self.provenance.file_with(answer.sha256)
        source = original.source
        row = Row(
            file=there or f"{original.label}/{answer.name}",
            label=original.label,
            source=original.name,
            origin=original.origin,
            licence=source.licence,
            author=source.author,
            fetched=body.fetched,
            sha256=answer.sha256,
            width_px=answer.width_px,
            height_px=answer.height_px,
            bytes=len(body.content),
        )
        self.provenance.add(row, body.content)
        self._count(original, row)
        tally = self.tallies[original.label]
        if there is None:
            tally.new += 1
        else:
            tally.doubles += 1
