"""Data sets of tensorflow_datasets, and the built-in scenes, which are one of them.

Encoded pictures are held in memory, so that any example is reached at once. A split
too large for that must be prepared as array_record, which gives random access.
"""

import contextlib
import difflib
import io
import logging
import os
import sys

import numpy as np
import tensorflow_datasets as tfds
from absl import logging as absl_logging

from kzoo.data import splits
from kzoo.data.records import Record
from kzoo.data.source import Source

LARGE = 4 * 2**30  # bytes of a split that is not read into memory
IDS = ("id", "image/filename", "file_name")
CROWD = ("is_crowd", "is_difficult")


def open_source(source, split, task, problems, examples, seed):
    """The Source of "scenes" or of "tfds:NAME"; see kzoo.data.open."""
    name, start, end = splits.parse(split)
    with _quiet():
        if source == "scenes":
            builder = _scenes(task, name, examples)
        else:
            builder = _prepared(source.removeprefix("tfds:"))
        name = splits.find(name, builder.info.splits, source)
        part = f"{name}[{start or ''}:{end or ''}]" if start or end else name
        count = builder.info.splits[part].num_examples
        if examples is not None and not 0 < examples <= count:
            raise ValueError(f"examples is {examples}; {source} can give 1 to {count}")
        count = examples or count
        fields, classes = _fields(builder.info.features, source, task)
        rows, fetch = _reader(builder, part, count, fields, source)
        records = (_record(row, fields, part, i) for i, row in enumerate(rows))
        return Source(
            source, split, task, classes, records, count, problems, fetch=fetch
        )


@contextlib.contextmanager
def _quiet():
    """Without the deprecations that tfds causes inside TensorFlow, and its bars."""
    loggers = [logging.getLogger("tensorflow"), absl_logging.get_absl_logger()]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)


def _scenes(task, split, examples):
    """The builder of drawn scenes, which draws them if that was not done before."""
    from kzoo.data import scenes

    name = splits.find(split, scenes.SPLITS, "scenes")
    config = scenes.config(task)
    builder = _scenes_builder(config)
    enough = examples is None or examples <= scenes.SPLITS[name]
    if not enough or (examples and not builder.is_prepared()):
        config = scenes.only(config, name, examples)
        builder = _scenes_builder(config)
    if not builder.is_prepared():
        _draw(builder, config)
    return _scenes_builder(config)


def _scenes_builder(config):
    return tfds.builder("kzoo_scenes", config=config, data_dir=_data_dir())


def _draw(builder, config):
    count = config.train + config.validation + config.test
    print(f"Drawing {count} scenes into {builder.data_dir}, once.", file=sys.stderr)
    tfds.disable_progress_bar()
    try:
        # Into a folder beside, which gets its name when all is there.
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare()
    except OSError as error:
        # Unless another process has drawn them in the meantime.
        if not _scenes_builder(config).is_prepared():
            raise ValueError(
                f"scenes cannot be drawn into {builder.data_dir} ({error}); name a "
                "folder that can be written to in TFDS_DATA_DIR"
            ) from None
    finally:
        tfds.enable_progress_bar()


def _data_dir():
    # tfds itself looks only once, when it is imported.
    return os.environ.get("TFDS_DATA_DIR")


def _prepared(name):
    """The builder of a data set that lies on this machine."""
    if name.partition("/")[0] == "kzoo_scenes":
        from kzoo.data import scenes  # noqa: F401, registers it
    try:
        builder = tfds.builder(name, data_dir=_data_dir())
    except tfds.core.DatasetNotFoundError:
        near = difflib.get_close_matches(name, tfds.list_builders())
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"tfds has no data set {name!r}{hint}") from None
    if not builder.is_prepared():
        # tfds would retry a download for minutes where there is no internet.
        raise ValueError(
            f"tfds:{name} is not on this machine ({builder.data_dir}). Prepare it "
            f"once, with internet: tfds build {name} --data_dir={_root(builder)}"
        )
    return builder


def _root(builder):
    return str(builder.data_dir).removesuffix(builder.info.full_name).rstrip("/")


def _fields(features, source, task):
    """What to read, {role: name in the data set}, and the class names."""
    image = next((n for n, f in features.items() if _is(f, "Image")), None)
    if image is None:
        raise ValueError(f"{source} has no pictures, only {', '.join(features)}")
    fields = {"image": image, "id": next((n for n in IDS if n in features), None)}
    if task == "classification":
        label = next((n for n, f in features.items() if _is(f, "ClassLabel")), None)
        if label is None:
            raise ValueError(f"{source} has no label, only {', '.join(features)}")
        return {**fields, "label": label}, features[label].names
    for name, feature in features.items():
        columns = getattr(feature, "feature", None) if _is(feature, "Sequence") else {}
        columns = columns if hasattr(columns, "items") else {}
        box = next((n for n, f in columns.items() if _is(f, "BBoxFeature")), None)
        # "label", where there are more: VOC has a class for the pose, too.
        labels = [n for n, f in columns.items() if _is(f, "ClassLabel")]
        if box and labels:
            label = "label" if "label" in labels else labels[0]
            crowd = next((n for n in CROWD if n in columns), None)
            roles = {"objects": name, "box": box, "label": label, "crowd": crowd}
            roles["instances"] = "instances" if "instances" in features else None
            return {**fields, **roles}, columns[label].names
    raise ValueError(f"{source} has no boxes with labels, only {', '.join(features)}")


def _is(feature, kind):
    return isinstance(feature, getattr(tfds.features, kind))


def _reader(builder, part, count, fields, source):
    """(an iterable of `count` examples as NumPy, f(i) -> bytes or None)."""
    large = builder.info.splits[part.partition("[")[0]].num_bytes > LARGE
    encoded = [fields["image"], fields.get("instances")]
    skip = {name: tfds.decode.SkipDecoding() for name in encoded if name}
    if builder.info.file_format == tfds.core.FileFormat.ARRAY_RECORD:
        rows = builder.as_data_source(part, decoders=skip)
        fetch = lambda i: rows[i][fields["image"]]  # noqa: E731
        return (rows[i] for i in range(count)), fetch if large else None
    if large:
        raise ValueError(
            f"{source} is too large for memory; prepare it for random access: "
            f"tfds build {source.removeprefix('tfds:')} --file_format=array_record"
        )
    decoders = tfds.decode.PartialDecoding(_wanted(fields), decoders=skip)
    config = tfds.ReadConfig(try_autocache=False)
    data = builder.as_dataset(split=part, decoders=decoders, read_config=config)
    return data.take(count).as_numpy_iterator(), None


def _wanted(fields):
    """The fields in the form of tfds: {name: True, or the set of its columns}."""
    roles = ("image", "id") if "objects" in fields else ("image", "id", "label")
    wanted = {fields[role]: True for role in roles if fields[role]}
    if "objects" in fields:
        columns = {fields[role] for role in ("box", "label", "crowd") if fields[role]}
        wanted[fields["objects"]] = columns
        if fields["instances"]:
            wanted[fields["instances"]] = True
    return wanted


def _record(row, fields, part, i):
    id = row[fields["id"]] if fields["id"] else f"{part} {i}"
    id = id.decode() if isinstance(id, bytes) else str(id)
    record = Record(id, row[fields["image"]], id, relative=True)
    if "objects" not in fields:
        record.label = int(row[fields["label"]])
        return record
    if fields["instances"]:
        record.instances = row[fields["instances"]]
    objects = row[fields["objects"]]
    # tfds: ymin, xmin, ymax, xmax.
    boxes = np.reshape(objects[fields["box"]], (-1, 4))[:, [1, 0, 3, 2]]
    crowd = objects[fields["crowd"]] if fields["crowd"] else [False] * len(boxes)
    for i, (box, label) in enumerate(zip(boxes, objects[fields["label"]])):
        record.add(f"object {i}", box, int(label), crowd[i])
    return record
