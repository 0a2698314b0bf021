"""Go through the lines, one after the other, and tell whether a station can run."""

from collections.abc import Callable, Iterator, Sequence

from sorterd.doctor.findings import Finding, Line, Mark, Seen, broken
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
            yield Seen(group, line.name, line.need(here), _looked(line, here))


def _looked(line: Line, here: Here) -> Finding:
    """Look at one thing. What refuses to be looked at is told, and hinders nobody by itself."""
    try:
        return line.look(here)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        told = f"{here.person.name} could not look: {error.strerror or error}{where}"
        return broken(told, f"sudo {here.python.prefix}/bin/sorterd doctor", hinders=False)


def is_fit(seen: Sequence[Seen]) -> bool:
    """Return whether a station can run: nothing that it needs is missing or broken."""
    return all(each.mark is not Mark.FAIL for each in seen)
