"""What one setting means for another: each fault with its own message, and none too many."""

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.settings import Settings, load
from sorterd.settings.check import cross_faults
from sorterd.settings.faults import Fault

LABELS = ("cardboard", "glass", "metal", "organic", "paper", "plastic", "trash")
QUICK = {1: 10.0, 2: 18.0, 4: 35.0}
FAR = {"rest": {"labels": list(LABELS)}}


def faults(
    flags: Mapping[str, object],
    labels: tuple[str, ...] | None = LABELS,
    cost_ms: Mapping[int, float] | None = None,
) -> list[Fault]:
    """Check the usual station with some settings changed."""
    there = load(None, flags)
    return cross_faults(there, labels=labels, cost_ms=QUICK if cost_ms is None else cost_ms)


def only_fault(flags: Mapping[str, object]) -> Fault:
    """Return the one fault there is."""
    (fault,) = faults(flags)
    return fault


@pytest.mark.parametrize("station", ["belt", "lids"])
def test_the_usual_station_has_no_faults(station: str) -> None:
    """It should find nothing in the defaults, with and without a model at hand."""
    assert not faults({"station": station})
    assert not cross_faults(load(None, {"station": station}), labels=None, cost_ms=None)


def test_a_pin_used_twice() -> None:
    """It should name both gates."""
    flags = {f"gates.{name}.{key}": value for name in ("glass", "compost") for key, value in
             (("kind", "servo"), ("pin", 17))}  # fmt: skip
    fault = only_fault(flags)
    assert (fault.key, fault.value) == ("gates.compost.pin", 17)
    assert "gates.glass.pin has it too" in fault.bound
    assert fault.source == "flag"


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"kind": "pwm", "channel": 1}, "channel 1 of pwmchip0"),
        ({"kind": "pca9685", "channel": 9}, "channel 9 of the PCA9685 at 0x40 on I2C bus 1"),
    ],
)
def test_a_channel_used_twice(keys: dict[str, object], says: str) -> None:
    """It should name both gates and what they cannot share; other boards' channels are others."""
    flags = {f"gates.{gate}.{key}": value for gate in ("glass", "compost") for key, value in
             keys.items()}  # fmt: skip
    fault = only_fault(flags)
    assert fault.key == "gates.compost.channel"
    assert f"gates.glass.channel has {says} too" in fault.bound
    elsewhere = {"pwm": "chip", "pca9685": "address"}[str(keys["kind"])]
    assert faults(flags | {f"gates.glass.{elsewhere}": 0x1F if elsewhere == "chip" else 0x41}) == []


@pytest.mark.parametrize("station", ["belt", "lids"])
def test_a_relay_that_goes_off_too_soon(station: str) -> None:
    """It should say for how long the gate has to be on."""
    flags = {"station": station, "gates.glass.kind": "relay", "gates.glass.pin": 17}
    assert [each for each in faults(flags) if each.key.startswith("gates.glass.m")] == []
    (fault,) = (
        each
        for each in faults(flags | {"gates.glass.max_on_ms": 400})
        if each.key == "gates.glass.max_on_ms"
    )
    assert "must let a piece pass" in fault.bound


@pytest.mark.parametrize(
    ("box", "key", "words"),
    [
        ((600, 0, 41, 10), "width_px", "at most 40"),
        ((0, 470, 10, 11), "height_px", "at most 10"),
        ((640, 0, 1, 10), "left_px", "less than view.width_px = 640"),
        ((0, 480, 10, 1), "top_px", "less than view.height_px = 480"),
        ((0, 0, 0, 10), "width_px", "must not be empty"),
        ((0, 0, 10, 0), "height_px", "must not be empty"),
    ],
)
def test_a_region_outside_the_frame(box: tuple[int, int, int, int], key: str, words: str) -> None:
    """It should say how much room there is, and not blame the gates for it."""
    names = ("left_px", "top_px", "width_px", "height_px")
    fault = only_fault({"view.region_of_interest": dict(zip(names, box, strict=True))})
    assert fault.key == f"view.region_of_interest.{key}"
    assert words in fault.bound


def test_a_gate_in_the_cameras_view() -> None:
    """It should say how far the view, the margin and the movement reach."""
    # 320 mm of view, 15 mm of margin, 0.120 s at 210 mm/s.
    assert not faults({"gates.paper.at_mm": 361})
    fault = only_fault({"gates.paper.at_mm": 360})
    assert fault.key == "gates.paper.at_mm"
    assert "at least 361" in fault.bound
    assert "320 mm of view, margin_mm = 15 and 25 mm of belt in move_ms = 120" in fault.bound


@pytest.mark.parametrize(
    ("direction", "least_mm"), [("right", 341), ("left", 161), ("down", 261), ("up", 161)]
)
def test_the_view_ends_where_the_region_of_interest_does(direction: str, least_mm: int) -> None:
    """It should measure along the belt, from the edge at which the belt enters."""
    region = {"left_px": 400, "top_px": 240, "width_px": 200, "height_px": 200}
    flags = {"belt.direction": direction, "view.region_of_interest": region}
    # Right: the region ends at column 600, 300 mm; left: 240 px from the right edge, 120 mm.
    # Down: row 440, 220 mm; up: 240 px from the lower edge, 120 mm. Then 15 mm and 26 mm.
    low = faults({**flags, "gates.paper.at_mm": least_mm - 1, "gates.paper.move_ms": 123})
    assert [fault.key for fault in low] == ["gates.paper.at_mm"]
    assert not faults({**flags, "gates.paper.at_mm": least_mm, "gates.paper.move_ms": 123})


def test_a_gate_beyond_the_belt_and_one_nowhere() -> None:
    """It should know where the belt ends, and that a belt's gate must have a place."""
    fault = only_fault({"gates.compost.at_mm": 951})
    assert "at most belt.length_mm = 950" in fault.bound
    flags = {"gates": {"new": {"move_ms": 100}}, "bins.landfill.gate": "new", "end_bin": "glass"}
    keys = {fault.key: fault for fault in faults(flags)}
    assert keys["gates.new.at_mm"].value is None
    assert keys["gates.new.at_mm"].source == "flag"


def test_a_deadline_the_measured_model_cannot_meet() -> None:
    """It should give the time there is, the time needed, and the way out in numbers."""
    # 450 - 15 - 160 mm at 210 mm/s is 1309.5 ms, less 120 ms of movement.
    assert not faults({"model.stall_ms": 5000}, cost_ms={1: 1149.0})
    (fault,) = faults({"model.stall_ms": 5000}, cost_ms={1: 1250.0})
    assert fault.key == "gates.paper.at_mm"
    assert "gives 1190 ms" in fault.bound
    assert "needs 1250.0 ms and lead_ms = 40" in fault.bound
    assert "move the gate to 472 mm or further" in fault.remedy
    assert "run the belt at 185 mm/s or slower" in fault.remedy


@settings(deadline=None, max_examples=60)
@given(
    at_mm=st.floats(362, 440),
    speed_mm_s=st.floats(150, 200),
    cost_ms=st.floats(1000, 3000),
    lead_ms=st.integers(1, 500),
)
def test_the_way_out_of_a_missed_deadline_leads_out(
    at_mm: float, speed_mm_s: float, cost_ms: float, lead_ms: int
) -> None:
    """It should name a place and a speed that do meet the deadline."""
    flags = {
        "model.stall_ms": 5000,
        "lead_ms": lead_ms,
        "gates": {name: {"at_mm": 950} for name in ("glass", "packaging", "compost")},
        "belt.length_mm": 5000,
    }

    def paper_faults(at_mm: float, speed_mm_s: float) -> list[str]:
        found = faults(
            {**flags, "gates.paper.at_mm": at_mm, "belt.speed_mm_s": speed_mm_s},
            cost_ms={1: cost_ms},
        )
        return [fault.remedy for fault in found if fault.key == "gates.paper.at_mm"]

    for remedy in paper_faults(at_mm, speed_mm_s):
        words = remedy.replace("mm/s", "").split()
        enough_mm, slow_mm_s = (float(word) for word in words if word.isdigit())
        assert not paper_faults(enough_mm, speed_mm_s)
        assert not paper_faults(at_mm, slow_mm_s)


@pytest.mark.parametrize(
    ("flags", "key", "value", "words", "remedy"),
    [
        (
            {"bins.glass.labels": []},
            "bins",
            "glass",
            "every label of the model",
            "add it to the labels of a bin",
        ),
        (
            {"bins.glass.labels": ["glass", "paper"]},
            "bins.glass.labels",
            "paper",
            "bins.paper has it already",
            "take it out",
        ),
        (
            {"bins.glass.labels": ["glass", "glass"]},
            "bins.glass.labels",
            "glass",
            "bins.glass has it already",
            "take it out",
        ),
        (
            {"bins.glass.labels": ["glass", "orgnic"]},
            "bins.glass.labels",
            "orgnic",
            "one of the model's labels: cardboard, glass",
            'write "organic"',
        ),
        (
            {"gates.glas.at_mm": 850},
            "gates.glas",
            "simulated",
            "no bin uses it",
            'write gate = "glas"',
        ),
        (
            {"bins.soft": {"labels": []}},
            "bins.soft.gate",
            None,
            "only the end bin is reached without a gate",
            "name soft's gate",
        ),
        (
            {"end_bin": "landfil"},
            "end_bin",
            "landfil",
            "one of the bins: paper, glass, packaging, compost, landfill",
            'write "landfill"',
        ),
        ({"model.batch_sizes": [2, 4]}, "model.batch_sizes", (2, 4), "must hold 1", "put 1 first"),
        (
            {"model.batch_sizes": [1, 4, 2, 4]},
            "model.batch_sizes",
            (1, 4, 2, 4),
            "must rise",
            "write [1, 2, 4]",
        ),
        ({"model.stall_ms": 35}, "model.stall_ms", 35, "35.0 ms", "raise it"),
        ({"judging.min_views": 7}, "judging.min_views", 7, "judging.max_views = 6", "lower it"),
        # (160 + 2 * 15) mm at 190 mm/s is 1000 ms, and 120 ms of movement.
        ({"max_open_ms": 1119}, "max_open_ms", 1119, "at least 1120 for one of 160 mm", "raise it"),
        (
            {"camera": {"kind": "v4l2", "device": "/dev/v4l/by-id/x", "width_px": 320}},
            "camera.width_px",
            320,
            "must be view.width_px = 640",
            "make the two equal",
        ),
        (
            {"station": "lids", "tray.open_ms": 4001},
            "tray.open_ms",
            4001,
            "max_open_ms = 4000",
            "lower it",
        ),
        (
            {"station": "lids", "tray.patience_s": 0.5, "tray.still_ms": 490},
            "tray.patience_s",
            0.5,
            "490 ms of lying still and 10.0 ms for the model",
            "raise it",
        ),
    ],
)
def test_each_fault_has_its_own_message(
    flags: dict[str, object], key: str, value: object, words: str, remedy: str
) -> None:
    """It should name key, value, bound and remedy, and nothing else should be wrong."""
    found = [each for each in faults(flags) if each.key == key]
    if key not in {"bins.soft.gate", "end_bin"}:
        assert len(faults(flags)) == 1
    (fault,) = found
    assert fault.value == value
    assert words in fault.bound
    assert remedy in fault.remedy
    assert fault.source in {"flag", "default"}


def test_a_bin_whose_gate_does_not_exist() -> None:
    """It should name the nearest gate, and the gate that has lost its bin."""
    keys = {fault.key: fault for fault in faults({"bins.glass.gate": "glas"})}
    assert set(keys) == {"bins.glass.gate", "gates.glass"}
    assert 'write "glass"' in keys["bins.glass.gate"].remedy


def test_two_bins_on_one_gate() -> None:
    """It should name the other bin."""
    keys = {fault.key: fault for fault in faults({"bins.glass.gate": "paper"})}
    assert set(keys) == {"bins.glass.gate", "gates.glass"}
    assert "bins.paper has this gate too" in keys["bins.glass.gate"].bound


def test_an_end_bin_with_a_gate() -> None:
    """It should be a fault on a belt, where nothing moves for it, and none under a lid."""
    flags = {"bins.landfill.gate": "rest", "gates.rest.at_mm": 900}
    assert "must be left out" in only_fault(flags).bound
    assert not faults({**flags, "station": "lids"})


def test_lids_need_lids_and_no_places() -> None:
    """It should ask a lid station for gates, and not for where they are along a belt."""
    keys = {fault.key for fault in faults({"station": "lids", "gates": {}})}
    assert "gates" in keys
    assert not faults({"station": "lids", "gates.paper.at_mm": 0})


def test_every_fault_is_told_at_once() -> None:
    """It should not stop at the first, and each should be one line."""
    flags = {
        "model.batch_sizes": [3],
        "end_bin": "x",
        "bins.paper.labels": ["papr"],
        "gates.glass.at_mm": 1,
    }
    lines = [str(fault) for fault in faults(flags)]
    assert len(lines) >= 5
    assert not [line for line in lines if "\n" in line]
    assert len(set(lines)) == len(lines)


@settings(deadline=None, max_examples=60)
@given(
    gates=st.dictionaries(
        st.sampled_from("abcd"),
        st.fixed_dictionaries(
            {}, optional={"at_mm": st.floats(0, 2000), "move_ms": st.integers(1, 5000)}
        ),
    ),
    bins=st.dictionaries(
        st.sampled_from("abcd"),
        st.fixed_dictionaries(
            {},
            optional={
                "gate": st.sampled_from("abcde"),
                "labels": st.lists(st.sampled_from(LABELS), max_size=3),
            },
        ),
        min_size=1,
    ),
    station=st.sampled_from(["belt", "lids"]),
    labels=st.none() | st.lists(st.sampled_from(LABELS), unique=True),
    cost_ms=st.none() | st.dictionaries(st.integers(1, 4), st.floats(0, 1e5)),
)
def test_any_settings_can_be_checked(
    gates: dict[str, Any],
    bins: dict[str, Any],
    station: str,
    labels: list[str] | None,
    cost_ms: dict[int, float] | None,
) -> None:
    """It should answer with faults for whatever lies within the single bounds."""
    tree = {"gates": gates, "bins": bins, "station": station, "end_bin": next(iter(bins))}
    for fault in cross_faults(Settings.model_validate(tree), labels=labels, cost_ms=cost_ms):
        assert str(fault).isprintable()


def test_a_label_in_every_pair_of_bins_is_found() -> None:
    """It should find a label that any two bins share."""
    for one, other in itertools.combinations(["paper", "glass", "packaging", "compost"], 2):
        usual = load(None, {}).bins
        shared = usual[one].labels[0]
        flags = {f"bins.{other}.labels": [*usual[other].labels, shared]}
        assert [fault.value for fault in faults(flags)] in ([shared], [shared, shared])


@pytest.mark.parametrize(
    ("threads", "cores", "most"), [(4, 4, 3), (8, 4, 3), (2, 2, 1), (2, 1, 1), (8, 8, 7)]
)
def test_the_model_leaves_a_core_to_the_road(threads: int, cores: int, most: int) -> None:
    """It should say how many threads there may be here, and why."""
    there = load(None, {"model.threads": threads})
    (fault,) = cross_faults(there, labels=LABELS, cost_ms=QUICK, cores=cores)

    assert (fault.key, fault.value, fault.source) == ("model.threads", threads, "flag")
    assert fault.bound == f"must leave a core to the road: at most {most}, of {cores} here"
    assert fault.remedy == f"write {most}"
    assert not cross_faults(
        load(None, {"model.threads": most}), labels=LABELS, cost_ms=QUICK, cores=cores
    )


def test_one_core_is_shared() -> None:
    """It should run on a machine with a single core, and say nothing of a machine not known."""
    assert not cross_faults(load(None, {}), labels=LABELS, cost_ms=QUICK, cores=1)
    assert not faults({"model.threads": 8})


def beam(**given: object) -> dict[str, object]:
    """Return the settings of a light barrier that is fine, but for what is given."""
    usual = {"kind": "beam", "pin": 22, "at_mm": 600}
    return {f"trigger.{key}": value for key, value in (usual | given).items()}


@pytest.mark.parametrize("at_mm", [320, 686])
def test_a_beam_that_helps_a_gate_is_no_fault(at_mm: int) -> None:
    """It should leave a beam alone from the view's end to where the last gate needs its notice."""
    # 780 mm less 15 mm of margin, 20 mm of tolerance, and 0.280 s (move_ms + 4 lead_ms) at
    # 210 mm/s: 686.2.
    assert not faults(beam(at_mm=at_mm))


@pytest.mark.parametrize(
    ("at_mm", "words"),
    [
        (319, "must be past the camera's view, which knows better: at least 320"),
        (
            687,
            "at most 686, which is gates.compost.at_mm = 780 without margin_mm = 15, trigger.toler",
        ),
        (1000, "must help a gate"),
    ],
)
def test_a_beam_that_helps_no_gate(at_mm: int, words: str) -> None:
    """It should say from where to where a beam is of use."""
    fault = only_fault(beam(at_mm=at_mm))
    assert (fault.key, fault.source) == ("trigger.at_mm", "flag")
    assert words in fault.bound


def test_a_pin_that_gate_and_beam_share() -> None:
    """It should name both."""
    servo: dict[str, object] = {"gates.glass.kind": "servo", "gates.glass.pin": 22}
    fault = only_fault(beam() | servo)
    assert (fault.key, fault.value) == ("trigger.pin", 22)
    assert "gates.glass.pin has it too" in fault.bound


def test_a_beam_on_a_station_with_lids() -> None:
    """It should say that nothing passes a beam there."""
    fault = only_fault(beam() | {"station": "lids"})
    assert fault.key == "trigger.at_mm"
    assert "no piece passes a beam on a station with lids" in fault.bound
    assert "[trigger]" in fault.remedy


def test_a_simulated_beam_beside_a_real_camera() -> None:
    """It should say that it sees the simulated belt alone."""
    camera: dict[str, object] = {"camera.kind": "v4l2", "camera.device": "/dev/v4l/by-id/x"}
    fault = only_fault({"trigger.at_mm": 600} | camera)
    assert (fault.key, fault.value) == ("trigger.kind", "simulated")
    assert not faults({"trigger.at_mm": 600})
