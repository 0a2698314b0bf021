"""A place to collect in, and the eyes of a test: what is there, and whether its table is true."""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from tools import collect
from tools.workshop.faults import EXIT_INPUT

# Waits that a test can afford; a test that is about one of them gives its own after these.
QUICK = ("--delay", "0", "--backoff", "0.01", "--silence", "5", "--total", "10", "--retries", "1")


def picture(seed: int, *, ending: str = ".jpg", side_px: int = 48) -> bytes:
    """Return a picture's file; another seed gives another picture."""
    colours = np.random.default_rng(seed).integers(0, 255, (3, 4, 3), dtype=np.uint8)
    _, packed = cv2.imencode(ending, cv2.resize(colours, (side_px, side_px * 3 // 4)))
    return packed.tobytes()


def rows_of(table: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV; none if it is not there."""
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Bench:
    """A place to collect in.

    Args:
        folder: An empty folder.
        capsys: Hears what is said.
    """

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.lists = folder / "lists"
        self.out = folder / "out"
        self._capsys = capsys

    def links(self, label: str, links: Sequence[str]) -> None:
        """Write a list of links."""
        (self.lists / label).mkdir(parents=True, exist_ok=True)
        (self.lists / label / "urls.txt").write_text("\n".join(links) + "\n", encoding="utf-8")

    def collect(self, *options: str, sources: Path | None = None) -> int:
        """Run the command as a person would; returns its exit code."""
        given = [str(sources or self.lists), "--out", str(self.out), *QUICK, *options]
        return collect.main(given)

    def said(self) -> tuple[str, list[str]]:
        """Return what was printed, and the lines of what went wrong."""
        captured = self._capsys.readouterr()
        return captured.out, captured.err.splitlines()

    def refused(self, *options: str, sources: Path | None = None) -> str:
        """Run, and return the one line with which it ended; no picture may be there."""
        assert self.collect(*options, sources=sources) == EXIT_INPUT
        _, lines = self.said()
        assert len(lines) == 1, lines
        assert not self.pictures()
        return lines[0]

    def pictures(self) -> dict[str, bytes]:
        """Return every file of the collection that is no table, hidden ones too, by its key."""
        return {
            path.relative_to(self.out).as_posix(): path.read_bytes()
            for path in self.out.rglob("*")
            if path.is_file() and path.suffix != ".csv"
        }

    def provenance(self) -> list[dict[str, str]]:
        """Return the table's rows, after checking that they and the files agree in everything."""
        rows, files = rows_of(self.out / "provenance.csv"), self.pictures()
        assert {row["file"] for row in rows} == set(files)
        for row in rows:
            content = files[row["file"]]
            height_px, width_px = cv2.imdecode(np.frombuffer(content, np.uint8), 1).shape[:2]
            assert row["sha256"] == hashlib.sha256(content).hexdigest()
            assert row["sha256"].startswith(Path(row["file"]).stem)
            assert (row["width_px"], row["height_px"]) == (str(width_px), str(height_px))
        return rows

    def dead(self) -> dict[str, str]:
        """Return why each dead link is dead, by the last part of its origin."""
        rows = rows_of(self.out / "dead.csv")
        return {row["origin"].rpartition("/")[2]: row["reason"] for row in rows}
