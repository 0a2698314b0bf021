"""What this user may do: groups, device nodes, a place first in line."""

import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from sorterd.doctor.findings import Finding, Line, Need, always, broken, found, missing
from sorterd.doctor.here import Here, Person
from sorterd.doctor.subjects.service import UNIT
from sorterd.machine.kernel_files import words_in
from sorterd.machine.programs import Ask
from sorterd.realtime import Place

SERVICE_USER: Final = "sorterd"


def groups(
    person: Person, wanted: Sequence[str], members: Mapping[str, Sequence[str]], by_unit: set[str]
) -> Finding:
    """Look at whether whoever runs the station may open its devices.

    Root may open all, so for root it is the service's user that is looked at.

    Args:
        person: Who asks.
        wanted: The groups that the station's devices belong to.
        members: All groups that there are, with their members.
        by_unit: Groups that the service is given besides.
    """
    if not wanted:
        return found("the station opens no device that belongs to a group")
    absent = [group for group in wanted if group not in members]
    name = SERVICE_USER if person.root else person.name
    if absent:
        return broken(
            f"there is no group {', '.join(absent)} on this system",
            "sudo systemd/install, which makes them and their udev rules",
        )
    if person.root:
        has = by_unit | {group for group in wanted if SERVICE_USER in members[group]}
    else:
        has = set(person.groups)
    lacks = [group for group in wanted if group not in has]
    if lacks:
        told = f"{name} is not in {', '.join(lacks)}"
        new = "" if person.root else ", and log in anew"
        return missing(told, f"sudo usermod -aG {','.join(lacks)} {name}{new}")
    return found(f"{name} is in {', '.join(wanted)}")


def device_nodes(
    nodes: Mapping[Path, str],
    names: Mapping[int, str],
    may_open: Callable[[Path], bool],
    *,
    wanted: bool,
) -> Finding:
    """Look at who may open the devices' nodes.

    Args:
        nodes: Each with the group that it should belong to.
        names: Groups by their number.
        may_open: Tells whether whoever runs the station may all the same.
        wanted: The station opens any at all.
    """
    if not nodes:
        told = "none of the nodes is there" if wanted else "the station opens none"
        return missing(told, "look at the lines above" if wanted else "")
    closed = {}
    for node, group in nodes.items():
        status = node.stat()
        is_of = names.get(status.st_gid, "an unknown group")
        if is_of != group or status.st_mode & 0o060 != 0o060:
            mode = stat.filemode(status.st_mode)[1:]
            closed[node] = f"{node.name} is {is_of}'s, {mode}, and not open to {group}"
    if closed:
        return broken(
            "; ".join(closed.values()),
            "sudo systemd/install, for its udev rules; or sudo udevadm trigger, if they are there",
            hinders=not all(map(may_open, closed)),
        )
    listed = ", ".join(f"{node.name} ({group})" for node, group in nodes.items())
    return found(f"open to their groups: {listed}")


def first_in_line(place: Place, *, linux: bool) -> Finding:
    """Look at whether gates may go before every other program.

    Args:
        place: Which a gate's thread gets.
        linux: Elsewhere there is no line.
    """
    if not linux:
        return missing(place.told, "run the station on Linux")
    if place.refused:
        why = place.refused.partition(";")[0]
        return broken(
            f"gates wait behind other programs and may be late ({why}); the unit allows it",
            "by hand: echo 'USER - rtprio 20' | sudo tee /etc/security/limits.d/sorterd.conf",
        )
    return found(place.told)


def group_file(root: Path) -> dict[str, tuple[int, Sequence[str]]]:
    """Read all groups: number and members, by name."""
    read: dict[str, tuple[int, Sequence[str]]] = {}
    for line in (words_in(root / "etc/group") or "").splitlines():
        fields = line.split(":")
        if len(fields) > 3 and fields[2].isdigit():
            read[fields[0]] = (int(fields[2]), fields[3].split(","))
    return read


def groups_of_the_unit(ask: Ask) -> set[str]:
    """Return the groups that systemd gives the service besides its user's."""
    return set(ask("systemctl", "show", UNIT, "-p", "SupplementaryGroups", "--value").words.split())


def _wanted_groups(here: Here) -> list[str]:
    wants = here.wants
    if not wants.known and not here.on_a_pi:
        return []
    filming = wants.films and (wants.camera != "" or here.on_a_pi)
    rules = {
        "video": filming,
        "render": filming and wants.camera == "pi",
        "gpio": bool(wants.pins or wants.pwm) or not wants.known,
        "i2c": bool(wants.servo_boards),
    }
    return [group for group, wanted in rules.items() if wanted]


def _nodes(here: Here) -> dict[Path, str]:
    groups, dev = _wanted_groups(here), here.root / "dev"
    nodes: dict[Path, str] = {}
    if "gpio" in groups:
        nodes |= dict.fromkeys(sorted(dev.glob("gpiochip0")), "gpio")
    if here.wants.camera_node is not None and here.at(here.wants.camera_node).exists():
        nodes[here.at(here.wants.camera_node)] = "video"
    elif "video" in groups:
        for name in ("media0", "dma_heap/linux,cma"):
            nodes |= {node: "video" for node in (dev / name,) if node.exists()}
    buses = {number for number, _ in here.wants.servo_boards}
    nodes |= {bus: "i2c" for number in buses if (bus := dev / f"i2c-{number}").exists()}
    return nodes


def _groups(here: Here) -> Finding:
    members = {name: each for name, (_, each) in group_file(here.root).items()}
    return groups(here.person, _wanted_groups(here), members, groups_of_the_unit(here.ask))


def _device_nodes(here: Here) -> Finding:
    names = {number: name for name, (number, _) in group_file(here.root).items()}
    # For root it is the service's user that matters, and nothing is open to that by name.
    may_open = (lambda _: False) if here.person.root else here.may_open
    return device_nodes(_nodes(here), names, may_open, wanted=bool(_wanted_groups(here)))


def _need(here: Here) -> Need:
    return here.wants.need(True) if _wanted_groups(here) else Need.UNUSED


LINES = (
    Line("groups", _need, _groups),
    Line("device nodes", _need, _device_nodes),
    Line(
        "first in line",
        always(Need.WISHED),
        lambda here: first_in_line(here.place(), linux=(here.root / "proc").is_dir()),
    ),
)
