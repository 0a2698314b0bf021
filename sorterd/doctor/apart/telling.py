"""What a process of its own told, read by whoever asked it."""

import json
from collections.abc import Mapping
from typing import Any

from sorterd.machine.programs import Answer


def told_by(answer: Answer) -> dict[str, Any]:
    """Read what a process told, in its last line: a library may have written before it."""
    try:
        told = json.loads(answer.words.rpartition("\n")[2]) if answer.good else {}
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def why_not(answer: Answer, told: Mapping[str, Any]) -> str:
    """Say in one line why it told nothing good."""
    if answer.died_of == "SIGILL":
        return "died of SIGILL: it was built for another processor"
    if answer.died_of is not None:
        return f"died of {answer.died_of}"
    return str(told.get("fault") or answer.complaint or "said nothing that makes sense")
