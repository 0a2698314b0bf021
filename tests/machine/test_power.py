"""Supply and throttling, as firmware and kernel tell them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.machine.heat import temperature_deg_c
from sorterd.machine.power import THROTTLED, throttling, voltage_alarm
from sorterd.machine.programs import Answer
from tests.machine.planting import answering, planted

PI_4 = "sys/devices/platform/soc/soc:firmware/get_throttled"
PI_5 = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
BITS = st.sets(st.sampled_from(sorted(THROTTLED)))


@given(now=BITS, since=BITS, form=st.sampled_from(["{:x}\n", "0x{:x}", "throttled=0x{:x}\n"]))
def test_bits_are_told_in_words(
    tmp_path_factory: pytest.TempPathFactory, now: set[int], since: set[int], form: str
) -> None:
    """It should tell live bits from those since boot, however the number is written."""
    bits = sum(1 << bit for bit in now) | sum(1 << (bit + 16) for bit in since)
    told = throttling(planted(tmp_path_factory.mktemp("pi"), {PI_5: form.format(bits)}))

    assert told is not None
    assert told.now == [THROTTLED[bit] for bit in sorted(now)]
    assert told.since_boot == [THROTTLED[bit] for bit in sorted(since)]
    assert not told.by_command


def test_a_kernel_that_always_says_zero_is_not_believed(tmp_path: Path) -> None:
    """It should take what the firmware's command says beside it (raspberrypi/linux#2367)."""
    root = planted(tmp_path, {PI_4: "0\n"})

    told = throttling(root, answering({"vcgencmd get_throttled": "throttled=0x50005"}))

    assert told is not None
    assert told.by_command
    assert told.now == ["under-voltage", "throttled"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(code=None, complaint="vcgencmd is not installed"),
        Answer("VCHI initialization failed", 255),
        Answer(code=None, late=True),
        Answer("error=1 error_msg='Command not registered'"),
    ],
)
def test_a_command_that_tells_nothing(tmp_path: Path, answer: Answer) -> None:
    """It should be told None, never zero, by a command that fails in any way."""
    assert throttling(tmp_path, answering({"vcgencmd": answer})) is None


@pytest.mark.parametrize(("text", "told"), [("1\n", True), ("0\n", False), ("odd", None)])
def test_the_sensor_of_the_supply(tmp_path: Path, text: str, told: object) -> None:
    """It should find it among the other sensors, by its name."""
    sensors = {
        "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
        "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": text,
    }

    assert voltage_alarm(planted(tmp_path, sensors)) is told


def test_the_hottest_zone_counts(tmp_path: Path) -> None:
    """It should tell degrees, leave out a zone that is off, and be None without zones."""
    zones = {
        "sys/class/thermal/thermal_zone0/temp": "48000\n",
        "sys/class/thermal/thermal_zone1/temp": "61234\n",
        "sys/class/thermal/thermal_zone2/temp": "\n",
    }

    assert temperature_deg_c(tmp_path) is None
    assert temperature_deg_c(planted(tmp_path, zones)) == 61.234
