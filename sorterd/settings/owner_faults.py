"""What belongs to two at once, or to nobody: pins, channels, gates, labels."""

from collections.abc import Iterator, Sequence

from sorterd.ports import PartSettings
from sorterd.settings.faults import Fault, key_text, nearest
from sorterd.settings.layers import Keys
from sorterd.settings.load import Settings


def pin_faults(settings: Settings) -> Iterator[Fault]:
    """Tell of a pin that two parts have."""
    parts: list[tuple[Keys, PartSettings]] = [
        (("gates", name), gate.part) for name, gate in settings.gates.items()
    ]
    if settings.trigger is not None:
        parts.append((("trigger",), settings.trigger.part))
    owners: dict[object, str] = {}
    for table, part in parts:
        for field, pin in part:
            if pin is None or not (field == "pin" or field.endswith("_pin")):
                continue
            keys = (*table, field)
            if pin in owners:
                bound = f"must be a pin of its own: {owners[pin]} has it too"
                yield settings.fault(keys, pin, bound, "wire one of the two to another pin")
            owners.setdefault(pin, key_text(keys))


def taken_faults(settings: Settings) -> Iterator[Fault]:
    """Tell of what two parts cannot share, like a channel of one board."""
    owners: dict[str, str] = {}
    for name, gate in settings.gates.items():
        for field, what in gate.part.takes().items():
            keys = ("gates", name, field)
            if what in owners:
                bound = f"must be its own: {owners[what]} has {what} too"
                remedy = "wire one of the two to another"
                yield settings.fault(keys, getattr(gate.part, field), bound, remedy)
            owners.setdefault(what, key_text(keys))


def bin_faults(settings: Settings) -> Iterator[Fault]:
    """Tell of bins and gates that do not lead to each other, one to one."""
    if settings.end_bin not in settings.bins:
        guess = nearest(settings.end_bin, settings.bins)
        bound = f"must be one of the bins: {', '.join(settings.bins)}"
        remedy = f'write "{guess}", or add the bin'
        yield settings.fault(("end_bin",), settings.end_bin, bound, remedy)
    users: dict[str, str] = {}
    for name, each in settings.bins.items():
        keys = ("bins", name, "gate")
        is_end = name == settings.end_bin
        if each.gate is None:
            if not is_end:
                bound = "must be given: only the end bin is reached without a gate"
                yield settings.fault(keys, None, bound, f"name {name}'s gate, or remove the bin")
            continue
        if is_end and settings.station == "belt":
            bound = "must be left out: a piece lands in the end bin when nothing moves"
            remedy = "take the gate out, or name another end_bin"
            yield settings.fault(keys, each.gate, bound, remedy)
        if each.gate not in settings.gates:
            guess = nearest(each.gate, settings.gates)
            bound = f"must be one of the gates: {', '.join(settings.gates) or 'there are none'}"
            remedy = f'write "{guess}", or add the gate' if guess else "add the gate"
            yield settings.fault(keys, each.gate, bound, remedy)
        elif each.gate in users:
            bound = f"must lead to one bin: bins.{users[each.gate]} has this gate too"
            yield settings.fault(keys, each.gate, bound, "give each of the two bins its own gate")
        users.setdefault(each.gate, name)
    for name, gate in settings.gates.items():
        if name not in users:
            bound = "must be the gate of a bin: no bin uses it"
            remedy = f'write gate = "{name}" in the bin behind it, or remove the gate'
            yield settings.fault(("gates", name), gate.part.kind, bound, remedy)


def label_faults(settings: Settings, labels: Sequence[str] | None) -> Iterator[Fault]:
    """Tell of labels of the model that have no bin, or two."""
    owners: dict[str, str] = {}
    for name, each in settings.bins.items():
        keys = ("bins", name, "labels")
        for label in each.labels:
            if label in owners:
                bound = f"must stand in one bin, once: bins.{owners[label]} has it already"
                yield settings.fault(keys, label, bound, "take it out of one of the two")
            elif labels is not None and label not in labels:
                bound = f"must be one of the model's labels: {', '.join(labels)}"
                remedy = f'write "{nearest(label, labels)}", or take it out'
                yield settings.fault(keys, label, bound, remedy)
            owners.setdefault(label, name)
    for label in labels or ():
        if label not in owners:
            bound = "must hold every label of the model: this one has no bin"
            remedy = "add it to the labels of a bin, the end bin if nothing else"
            yield settings.fault(("bins",), label, bound, remedy)
