"""What a .tflite says of itself to phones and other programs: TensorFlow Lite's standard metadata.

The metadata is a flatbuffer of its own (github.com/google-ai-edge/mediapipe,
mediapipe/tasks/metadata/metadata_schema.fbs, version 1.5.0, identifier M001) in a buffer of the
model. The lists of labels that it names are files in a zip that begins where the model ends; a
reader of either looks past the other. The numbers of slots below are the places of the fields in
that schema, which may only ever be added to.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np

from tools.workshop.export.flat_model import FlatModel

FIELD: Final = "TFLITE_METADATA"
_IDENTIFIER: Final = b"M001"
# All fields below are as old as the schema itself.
_LEAST_PARSER: Final = "1.0.0"
_IMAGE_PROPERTIES, _FEATURE_PROPERTIES, _NORMALISATION = np.uint8(2), np.uint8(1), np.uint8(1)
_RGB, _TENSOR_AXIS_LABELS = np.int8(1), np.int8(2)
# Zip members want a date; this is the earliest, so that the same bundle gives the same file.
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)

# Slot -> value; a list is of tables or of float32.
_Table = Mapping[int, object]


@dataclass(frozen=True, slots=True)
class Head:
    """One output.

    Attributes:
        name: Of the head.
        description: For people.
        labels: What its scores are of, in their order.
    """

    name: str
    description: str
    labels: Sequence[str]


@dataclass(frozen=True, slots=True)
class Note:
    """What is said of a model.

    Attributes:
        name: Of the model.
        description: For people.
        version: Of the model.
        author: Who made it.
        licence: Of what went into it.
        gain: A pixel value x enters the model as `x * gain + offset`.
        offset: See `gain`.
        heads: In the order of the outputs.
    """

    name: str
    description: str
    version: str
    author: str
    licence: str
    gain: float
    offset: float
    heads: Sequence[Head]


def with_metadata(model: FlatModel, note: Note) -> bytes:
    """The model as a file's content, with its metadata in it and its labels behind it.

    Args:
        model: Its outputs are the note's heads; the metadata is added to it.
        note: What to say.
    """
    builder = import_module("flatbuffers").Builder(1024)
    builder.Finish(_written(builder, _metadata(note)), _IDENTIFIER)
    buffer = model.schema.BufferT()
    buffer.data = np.frombuffer(bytes(builder.Output()), np.uint8)
    entry = model.schema.MetadataT()
    entry.name, entry.buffer = FIELD.encode(), len(model.model.buffers)
    model.model.buffers.append(buffer)
    old = [one for one in model.model.metadata or [] if one.name != entry.name]
    model.model.metadata = [*old, entry]
    content = io.BytesIO(model.packed())
    with zipfile.ZipFile(content, "a") as packed:
        for head in note.heads:
            # Stored as they are: phones map the file into memory and read it there.
            packed.writestr(zipfile.ZipInfo(_file(head), _EARLIEST), "\n".join(head.labels))
    return content.getvalue()


def _file(head: Head) -> str:
    return f"{head.name}_labels.txt"


def _metadata(note: Note) -> _Table:
    # (x - mean) / std is x * gain + offset.
    mean, std = -note.offset / note.gain, 1 / note.gain
    picture = {
        0: "image",
        1: "The crop of one piece, RGB, padded with grey to the model's shape",
        3: {0: _IMAGE_PROPERTIES, 1: {0: _RGB}},
        4: [{0: _NORMALISATION, 1: {0: [mean], 1: [std]}}],
    }
    outputs = [
        {
            0: head.name,
            1: head.description,
            3: {0: _FEATURE_PROPERTIES, 1: {}},
            6: [{0: _file(head), 1: "One label a line", 2: _TENSOR_AXIS_LABELS}],
        }
        for head in note.heads
    ]
    return {
        0: note.name,
        1: note.description,
        2: note.version,
        3: [{0: note.name, 2: [picture], 3: outputs}],
        4: note.author,
        5: note.licence,
        7: _LEAST_PARSER,
    }


def _written(builder: Any, table: _Table) -> int:  # noqa: ANN401  # flatbuffers has no types
    """Write a table with all that hangs on it; returns where it is."""
    hung = {slot: _hung(builder, value) for slot, value in table.items()}
    builder.StartObject(max(table, default=-1) + 1)
    for slot, value in table.items():
        if (offset := hung[slot]) is not None:
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        elif isinstance(value, np.int8):
            builder.PrependInt8Slot(slot, int(value), 0)
        else:
            builder.PrependUint8Slot(slot, int(str(value)), 0)
    return int(builder.EndObject())


def _hung(builder: Any, value: object) -> int | None:  # noqa: ANN401  # flatbuffers has no types
    """Write what a table only points at; None for what stands in the table itself."""
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, Mapping):
        return _written(builder, value)
    if not isinstance(value, list):
        return None
    if not isinstance(value[0], Mapping):
        return int(builder.CreateNumpyVector(np.array(value, np.float32)))
    offsets = [_written(builder, one) for one in value]
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
