"""A light barrier that says nothing while pieces pass it: told once, in the log and the journal.

It does no harm: a gate opens by the belt's speed, as it would without a barrier. But whoever put
one there counts on it, and neither a cut cable nor a dusty lens says anything by itself.
"""

import logging
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

MANY: Final = 10
"""Pieces in a row. Flat ones may pass below a beam; ten on end are taken for unlikely (a guess)."""


class BeamWatch:
    """Looks at the count of pieces that passed in silence. One thread.

    Args:
        note: Has the sinks note what happened: a kind, a text.
    """

    def __init__(self, note: Callable[[str, str], None]) -> None:
        self._note = note
        self._told = False

    def look(self, silent: int) -> None:
        """Tell of a silence when it has become long; again only after the barrier has spoken.

        Args:
            silent: How many pieces in a row have passed the barrier, of which it told nothing.
        """
        if silent >= MANY and not self._told:
            told = (
                f"the light barrier told nothing of the last {silent} pieces that passed it: look "
                "at its cable, its lens and its aim; until then gates go by the belt's speed alone"
            )
            log.warning("trigger: %s", told)
            self._note("trigger", told)
        self._told = silent >= MANY
