"""The settings: what a person writes, every fault in it at once, and where each value came from."""

from sorterd.settings.check import ask_for_a_camera, cross_faults
from sorterd.settings.faults import Fault, SettingsFault
from sorterd.settings.load import ReadGates, Settings, explain, load, load_gates

__all__ = [
    "Fault",
    "ReadGates",
    "Settings",
    "SettingsFault",
    "ask_for_a_camera",
    "cross_faults",
    "explain",
    "load",
    "load_gates",
]
