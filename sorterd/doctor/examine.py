"""Go through the lines, one after the other, and tell whether a station can run."""

from collections.abc import Callable, Iterator, Sequence

from sorterd.doctor.findings import Mark, Seen
from sorterd.doctor.here import Here
from sorterd.doctor.lines import GROUPS


def examine(here: Here, beginning: Callable[[str], None] = lambda _: None) -> Iterator[Seen]:
    """Look at everything.

    Args:
        here: The machine, and what the station wants of it.
        beginning: Told the name of each line before it is looked at: some take seconds.
    """
    for group, lines in GROUPS.items():
        for line in lines:
            beginning(line.name)
            yield Seen(group, line.name, line.need(here), line.look(here))


def is_fit(seen: Sequence[Seen]) -> bool:
    """Return whether a station can run: nothing that it needs is missing or broken."""
    return all(each.mark is not Mark.FAIL for each in seen)
