from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.machine.planting import planted
from tools.workshop.bench.disturbances import Reading, between, in_words, read
from tools.workshop.bench.machine import machine, program_version

PI = {
    "proc/loadavg": "1.50 0.90 0.40 3/120 4711\n",
    "proc/stat": "cpu  1000 20 300 8000 50 3 7 20 0 0\ncpu0 500 10 150 4000 25 1 3 10 0 0\n",
    "proc/self/stat": "4711 (a (bad) name) S 1 1 1 0 -1 0 0 0 0 0 40 10 5 1 20 0 1 0 99 1 1\n",
    "proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 108.00\n\nModel\t\t: Raspberry Pi 5 Model B\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "ondemand\n",
    "sys/class/thermal/thermal_zone0/temp": "61234\n",
    "sys/class/thermal/thermal_zone1/temp": "48000\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
    "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
    "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n",
    "sys/firmware/devicetree/base/model": "Raspberry Pi 5 Model B Rev 1.0\0",
}


def test_a_pi_tells_all_of_itself(tmp_path: Path) -> None:
    """It should read load, cores, governor, heat, the firmware's bits and the alarm."""
    assert read(planted(tmp_path, PI)).told == {
        "load_1min": 1.5,
        "cores": 2,
        "governor": "ondemand",
        "temperature_deg_c": 61.234,
        "throttled_now": ["under-voltage", "throttled"],
        "throttled_since_boot": ["under-voltage", "throttled"],
        "voltage_alarm": True,
    }


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (("proc/loadavg",), {"load_1min"}),
        (("sys/class/thermal/thermal_zone0/temp", "sys/class/thermal/thermal_zone1/temp"),
         {"temperature_deg_c"}),
        (("sys/devices/platform/soc/soc:firmware/get_throttled",),
         {"throttled_now", "throttled_since_boot"}),
        (("sys/class/hwmon/hwmon1/name",), {"voltage_alarm"}),
        (("sys/class/hwmon/hwmon1/in0_lcrit_alarm",), {"voltage_alarm"}),
    ],
)  # fmt: skip
def test_what_is_absent_is_absent(tmp_path: Path, files: tuple[str, ...], names: set[str]) -> None:
    """It should leave out what the system does not tell, and nothing else."""
    everything = read(planted(tmp_path / "all", PI)).told
    left = {name: text for name, text in PI.items() if name not in files}
    told = read(planted(tmp_path / "less", left)).told
    assert everything.keys() - told.keys() == names
    assert all(everything[name] == value for name, value in told.items())


def test_a_system_without_files_tells_nothing(tmp_path: Path) -> None:
    """It should give no zeros where there is nothing to read."""
    reading = read(tmp_path)
    assert (reading.told, reading.ticks) == ({}, {})
    assert between(reading, reading) == {}
    assert in_words({}) == "the system tells nothing of itself"


@given(junk=st.text(alphabet="0x19abz =\n", max_size=12))
def test_files_that_make_no_sense_are_absent(
    tmp_path_factory: pytest.TempPathFactory, junk: str
) -> None:
    """It should never fail on what a strange system writes where a number should be."""
    root = planted(
        tmp_path_factory.mktemp("odd"),
        {
            "sys/class/thermal/thermal_zone0/temp": junk,
            "sys/devices/platform/soc/soc:firmware/get_throttled": junk,
            "sys/class/hwmon/hwmon1/name": "rpi_volt",
            "sys/class/hwmon/hwmon1/in0_lcrit_alarm": junk,
        },
    )
    told = read(root).told
    assert ("throttled_now" in told) == ("throttled_since_boot" in told)
    assert in_words(told)


def test_ticks_tell_who_worked_meanwhile(tmp_path: Path) -> None:
    """It should tell the share of other programs and of the host from what passed in between."""
    before = read(planted(tmp_path / "before", PI))
    later = {
        # 1000 ticks pass: 600 busy, 100 stolen, 300 idle; 500 of the busy ones are this program's.
        "proc/stat": "cpu  1500 20 400 8300 50 3 7 120 0 0\n",
        "proc/self/stat": "4711 (a (bad) name) S 1 1 1 0 -1 0 0 0 0 0 340 110 105 1 20 0 1\n",
        "proc/loadavg": "9.00 1 1 1/1 1\n",
        "sys/class/thermal/thermal_zone0/temp": "82000",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "e0002",
    }
    told = between(before, read(planted(tmp_path / "after", PI | later)))
    assert told["others_frac"] == 0.1
    assert told["stolen_frac"] == 0.1
    # The bench itself makes the load that stands there afterwards.
    assert told["load_1min"] == 1.5
    assert told["temperature_deg_c"] == 82
    assert told["throttled_now"] == ["under-voltage", "throttled", "frequency capped"]
    assert "10% taken by other programs; 10% taken by the host" in in_words(told)


def test_no_time_passed_tells_no_share() -> None:
    """It should not divide by nothing."""
    reading = Reading({}, {"all": 5, "busy": 3, "stolen": 1, "own": 1})
    assert between(reading, reading) == {}


def test_this_machine_can_be_read() -> None:
    """It should read the machine that it runs on, whatever that is."""
    assert read().told["cores"] >= 1
    found = machine()
    assert found["python"].startswith("3.")
    assert "numpy" in found["libraries"]
    assert program_version()[0].isdigit()


def test_a_board_is_told_by_its_name(tmp_path: Path) -> None:
    """It should tell processor and board as the system names them, None where it does not."""
    assert machine(planted(tmp_path, PI))["board"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert machine(tmp_path)["processor"] == "Raspberry Pi 5 Model B"
    assert machine(tmp_path / "nowhere")["board"] is None


def test_hosts_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """It should name the instructions by which a runtime's kernels differ, seven times in speed."""
    flags = "model name\t: AMD EPYC\nflags\t\t: fpu sse4_2 avx avx2 avx512f avx512_vnni\n"
    new, old = (
        machine(planted(tmp_path / name, {"proc/cpuinfo": text}))["processor"]
        for name, text in (("new", flags), ("old", flags.replace(" avx512f avx512_vnni", "")))
    )

    assert new == "AMD EPYC with avx2, avx512f, avx512_vnni"
    assert old == "AMD EPYC with avx2"
