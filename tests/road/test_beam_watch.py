"""A light barrier that has fallen silent is told of, once."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from sorterd.beam_watch import MANY, BeamWatch
from sorterd.cli import main
from sorterd.daemon import Daemon
from sorterd.sinks.journal import read_notes


def test_a_silence_is_told_once_until_the_barrier_has_spoken() -> None:
    """It should wait for many pieces, say it once, and say the next one too."""
    notes: list[tuple[str, str]] = []
    watch = BeamWatch(lambda kind, text: notes.append((kind, text)))

    for silent in (0, MANY - 1, MANY, MANY + 1, 0, MANY - 1, MANY + 2):
        watch.look(silent)

    assert [kind for kind, _ in notes] == ["trigger", "trigger"]
    assert f"nothing of the last {MANY} pieces" in notes[0][1]
    assert f"nothing of the last {MANY + 2} pieces" in notes[1][1]


def test_a_station_notes_a_silent_barrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It should stand in the journal of a station that runs."""

    def many_and_stop(daemon: Daemon) -> int:
        daemon.ask_to_stop()
        return MANY

    monkeypatch.setattr(Daemon, "beam_silent", property(many_and_stop))
    picture = np.full((480, 640, 3), 90, np.uint8)
    (tmp_path / "0.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    config = tmp_path / "sorterd.toml"
    config.write_text(
        f"""
        camera = {{kind = "replay", path = "{tmp_path}", loop = true}}
        journal = {{path = "{tmp_path / "journal.db"}"}}
        """
    )

    assert main(["--config", str(config)]) == 0

    assert [note.kind for note in read_notes(tmp_path / "journal.db")] == ["trigger"]
