"""Arguments that several commands have: the settings, and numbers within bounds."""

import argparse
import tomllib
from pathlib import Path
from typing import Final

from sorterd.settings import ReadGates, Settings, load, load_gates

USUAL_CONFIG: Final = Path("/etc/sorterd/sorterd.toml")
"""Where an installed station has its settings."""


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add --config and --set."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help=f"settings, TOML ({USUAL_CONFIG}, if there)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one setting, over file and environment: --set belt.speed_mm_s=150",
    )


def settings_of(arguments: argparse.Namespace, **flags: object) -> Settings:
    """Return the settings that a command was given, the installed station's unless it was told.

    Args:
        arguments: With what `add_settings` adds.
        flags: Single settings that the command has flags of its own for; None means not given.

    Raises:
        SettingsFault: Anything is wrong with them; it holds every fault there is.
    """
    if arguments.config is None:
        arguments.config = usual_config()
    return given_settings(arguments, **flags)


def given_settings(arguments: argparse.Namespace, **flags: object) -> Settings:
    """Return the settings that a command was given, and the defaults where it was given none.

    Raises:
        SettingsFault: As for `settings_of`.
    """
    return load(arguments.config, flags | _set(arguments))


def gates_of(arguments: argparse.Namespace) -> ReadGates:
    """Return the gates of the settings that a command was given, as far as they can be read.

    Raises:
        SettingsFault: The file cannot be read at all.
    """
    return load_gates(arguments.config or usual_config(), _set(arguments))


def usual_config() -> Path | None:
    """Return where the installed station has its settings; None if there is no such station.

    What this user may not even look for counts as there: reading it says so, and what to do.
    """
    try:
        return USUAL_CONFIG if USUAL_CONFIG.exists() else None
    except PermissionError:
        return USUAL_CONFIG


def _set(arguments: argparse.Namespace) -> dict[str, object]:
    """Return what `--set` gave."""
    given: dict[str, object] = {}
    for text in arguments.set:
        key, _, value = text.partition("=")
        given[key.strip()] = _value(value.strip())
    return given


def _value(text: str) -> object:
    """Read a value as TOML would; what TOML cannot read is plain text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def whole_number(text: str, least: int, most: int) -> int:
    """Read a whole number within bounds.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    return int(_within(text, int, least, most))


def number(text: str, least: float, most: float) -> float:
    """Read a number within bounds.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    return _within(text, float, least, most)


def _within(text: str, kind: type[int] | type[float], least: float, most: float) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        what = "a whole number" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"{text}: must be {what} from {least} to {most}")
    return value
