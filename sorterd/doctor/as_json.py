"""What another program reads: the same lines as data, in a form that only grows."""

import json
from collections.abc import Sequence
from typing import Final

from sorterd.doctor.examine import is_fit
from sorterd.doctor.findings import Seen
from sorterd.doctor.here import Here

SCHEMA: Final = 1
"""Rises when a key goes or changes its meaning; new keys and new lines may come without."""


def as_json(here: Here, seen: Sequence[Seen]) -> str:
    """Return it as text.

    Keys: `schema`, `fit` (a station can run), `settings` (the file, or null), `user`, `held_by`
    (or null), and `lines`, each with `group`, `name`, `state` (found, missing, broken), `need`
    (needed, wished, unused), `mark` (ok, note, warn, FAIL), `told` and `mend`.
    """
    told = {
        "schema": SCHEMA,
        "fit": is_fit(seen),
        "settings": str(here.config) if here.config else None,
        "user": here.person.name,
        "held_by": str(here.holder) if here.holder else None,
        "lines": [
            {
                "group": each.group,
                "name": each.name,
                "state": each.finding.state,
                "need": each.need,
                "mark": each.mark,
                "told": each.finding.told,
                "mend": each.finding.mend,
            }
            for each in seen
        ],
    }
    return json.dumps(told, indent=2, ensure_ascii=False)
