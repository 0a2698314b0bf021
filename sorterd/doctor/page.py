"""What a person sees: the lines in groups, aligned, with the command that mends each, and a sum.

Sentences are broken at the page's width, commands never: they are there to be copied.
"""

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from sorterd.doctor.findings import Mark, Seen
from sorterd.doctor.here import Here
from sorterd.doctor.subjects.rights import SERVICE_USER, group_file

NARROWEST: Final = 80
WIDEST: Final = 100

AS_SERVICE: Final = "sudo systemd-run -q --wait --pipe -p User=sorterd -p LimitRTPRIO=20"
"""Ask with the rights that the unit gives."""
GROUPS: Final = ("video", "gpio", "i2c", "render")
"""Those of the unit's groups that are there; one that is not would end the command."""

_NAME: Final = 17
_INDENT: Final = " " * (2 + 6 + _NAME)
_COLOURS: Final[Mapping[Mark, str]] = MappingProxyType(
    {Mark.OK: "32", Mark.NOTE: "2", Mark.WARN: "33", Mark.FAIL: "1;31"}
)


class Page:
    """Turns what was seen into text.

    Args:
        columns: Of the terminal; lines are never narrower than `NARROWEST`, never wider than
            `WIDEST`.
        coloured: Marks have colours.
    """

    def __init__(self, columns: int, *, coloured: bool) -> None:
        self._columns = min(max(columns, NARROWEST), WIDEST)
        self._coloured = coloured
        self._group = ""

    def head(self, here: Here) -> str:
        """Say what is looked at, and as whom."""
        usual = (
            "no settings: as for most stations" if here.settings is None else "settings by flags"
        )
        station = str(here.config) if here.config else usual
        held = f"; the devices are held by {here.holder}" if here.holder else ""
        return f"sorterd doctor: {station}, as {here.person.name}{held}"

    def line(self, seen: Seen) -> str:
        """Show one line, below the name of its group if that is new."""
        rows = ["", self._bold(seen.group)] if seen.group != self._group else []
        self._group = seen.group
        return "\n".join([*rows, *self._rows(seen)])

    def tail(self, here: Here, seen: Sequence[Seen]) -> str:
        """Sum up: can the station run, and what comes first."""
        counts = Counter(each.mark for each in seen)
        summed = ", ".join(f"{counts[mark]} {mark}" for mark in Mark if counts[mark])
        fails = [each.name for each in seen if each.mark is Mark.FAIL]
        rows = ["", f"{summed}."]
        if fails:
            rows += self._wrapped(f"This station cannot run. Mend first: {', '.join(fails)}.")
        elif here.settings is None:
            rows += self._wrapped("What every station needs is there.")
        else:
            rows.append("This station can run.")
        if here.person.name != SERVICE_USER and (here.root / "run/systemd/system").is_dir():
            rows += ["", f"This is what {here.person.name} may do. To ask as the service does:"]
            there = group_file(here.root)
            groups = " ".join(group for group in GROUPS if group in there)
            config = f" --config {here.config}" if here.config else ""
            command = f"{here.python.prefix}/bin/sorterd doctor{config}"
            rows.append(f"  {AS_SERVICE} -p SupplementaryGroups='{groups}' {command}")
        return "\n".join(rows)

    def _rows(self, seen: Seen) -> Iterator[str]:
        mark = seen.mark
        shown = f"\x1b[{_COLOURS[mark]}m{mark:4}\x1b[0m" if self._coloured else f"{mark:4}"
        first, *others = textwrap.wrap(
            seen.finding.told,
            self._columns - len(_INDENT),
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield f"  {shown}  {seen.name:{_NAME}}{first}"
        for other in others:
            yield _INDENT + other
        if seen.finding.mend and mark is not Mark.NOTE:
            yield f"{_INDENT}> {seen.finding.mend}"

    def _wrapped(self, text: str) -> list[str]:
        return textwrap.wrap(text, self._columns, break_on_hyphens=False)

    def _bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self._coloured else text
