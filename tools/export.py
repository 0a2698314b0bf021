#!/usr/bin/env python3
"""Export a bundle as a single .tflite for phones and other programs, with standard metadata in it.

The file takes one picture (uint8 RGB, or float32 where the bundle's model is float32) and gives
each head's scores, float32, at the bundle's temperature: `stage_one` (organic, recyclable,
landfill), where the bundle has that head, and `stage_two` (the labels). Labels and normalisation
are in it as TensorFlow Lite's metadata, so MediaPipe Tasks opens it as it is. The embedding and the
bundle's golden inputs stay behind.

Before it takes its place the file is run on the bundle's golden inputs: further from the bundle's
own answers than the manifest allows, it is not written, and the exit code is 1. Bad input ends with
one line and exit code 2.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.classifiers.bundle import STAGES, Bundle, BundleFault, find, load
from sorterd.ports import DeviceFault, DeviceUnavailable
from tools.workshop.export.flat_metadata import Head, Note, with_metadata
from tools.workshop.export.flat_model import FlatModel
from tools.workshop.export.phone_model import for_phones, heads_of
from tools.workshop.export.phone_trial import furthest_from
from tools.workshop.faults import EXIT_DONE, EXIT_MISSED, WorkshopFault, ended
from tools.workshop.pages import write_file

EXAMPLE = """example:
  tools/export.py models/waste waste.tflite

In Python, on a phone's emulator or a desktop:
  from mediapipe.tasks.python import vision
  classifier = vision.ImageClassifier.create_from_model_path("waste.tflite")

A score of a label is stage one's score of its stage times stage two's score of the label, divided
by the sum of stage two's scores over the labels of that stage. MediaPipe stretches a picture to
the model's shape; the station pads its crops with grey, so give it square crops.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _options(arguments)
    return ended("export", lambda: _export(options), BundleFault, DeviceUnavailable, DeviceFault)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/export.py",
        description=__doc__.split("\n")[0],
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("bundle", metavar="BUNDLE", help="a bundle's folder, or the name of an installed one")
    add("out", metavar="OUT.tflite", help="the file to write, local or s3://...; replaces an older")
    add(
        "--author",
        default="trained with sorterd",
        help='who is named as the author in the metadata (default: "%(default)s")',
    )
    return parser.parse_args(arguments)


def _export(options: argparse.Namespace) -> int:
    if not options.out.endswith(".tflite"):
        raise WorkshopFault(f"{options.out} does not end in .tflite: give a name that does")
    bundle = load(find(options.bundle))
    model = FlatModel(bundle.model_path)
    for_phones(model, bundle.manifest)
    note = _note(bundle, options.author)
    content = with_metadata(model, note)
    off_frac = furthest_from(bundle, content)
    if off_frac > bundle.manifest.golden_tolerance:
        print(
            f"export: the exported model is {off_frac:.3f} from the bundle's answers, more than "
            f"the {bundle.manifest.golden_tolerance} of its manifest: nothing was written",
            file=sys.stderr,
        )
        return EXIT_MISSED
    write_file(options.out, content)
    kind = model.dtype(int(model.graph.inputs[0])).name
    wanted = bundle.manifest.preprocessing
    print(f"{options.out}: {bundle.name}, {len(content) / 1e6:.2f} MB")
    print(f"takes  image      {kind} [1, {wanted.height_px}, {wanted.width_px}, 3], RGB")
    for head in note.heads:
        print(f"gives  {head.name:10} float32 [1, {len(head.labels)}]: {', '.join(head.labels)}")
    print(
        f"at most {off_frac:.4f} from the bundle's own scores on its {len(bundle.golden)} "
        "golden inputs"
    )
    return EXIT_DONE


def _note(bundle: Bundle, author: str) -> Note:
    manifest = bundle.manifest
    heads = {
        "stage_one": Head("stage_one", "How the piece is to be treated", STAGES),
        "stage_two": Head("stage_two", "What the piece is", manifest.labels),
    }
    kinds = {
        stage: [label for label in manifest.labels if manifest.stages[label] == stage]
        for stage in STAGES
    }
    stages = "; ".join(f"{stage}: {', '.join(some)}" for stage, some in kinds.items() if some)
    return Note(
        name=manifest.name,
        description=f"Tells pieces of waste apart, one in the picture. {stages}. Be unsure below "
        f"{manifest.thresholds.stage_one_frac} in stage one and "
        f"{manifest.thresholds.stage_two_frac} within it.",
        version=manifest.version,
        author=author,
        licence="\n".join(
            f"{one.what} ({one.where}): {one.licence}" for one in manifest.provenance
        ),
        gain=manifest.preprocessing.gain,
        offset=manifest.preprocessing.offset,
        heads=[heads[name] for name in heads_of(manifest)],
    )


if __name__ == "__main__":
    sys.exit(main())
