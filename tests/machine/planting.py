"""A made-up system: files below a root, and programs that answer what a test says."""

from collections.abc import Mapping
from pathlib import Path

from sorterd.machine.programs import USUAL_S, Answer, Ask


def planted(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below a root, and return it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def answering(answers: Mapping[str, Answer | str]) -> Ask:
    """Return what answers to commands by the way they begin; what is not listed is not installed.

    Args:
        answers: By the first words of a command, the longest that fit first. A text is what a
            program says that ends well.
    """

    def ask(*command: str, within_s: float = USUAL_S) -> Answer:
        del within_s
        words = " ".join(command)
        for begins in sorted(answers, key=len, reverse=True):
            if words.startswith(begins):
                said = answers[begins]
                return Answer(said) if isinstance(said, str) else said
        return Answer(code=None, complaint=f"{command[0]} is not installed")

    return ask
