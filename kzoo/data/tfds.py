"""Data sets of tensorflow_datasets, and the built-in scenes."""

import os

import tensorflow_datasets as tfds

from kzoo.data.source import Record, Source


def open_scenes(name, split, task, problems, examples):
    from kzoo.data import scenes

    builder = tfds.builder(
        "kzoo_scenes", config=scenes.config(task, split, examples), data_dir=data_dir()
    )
    builder.download_and_prepare()
    return read(builder, name, split, task, problems)


def data_dir():
    return os.environ.get("TFDS_DATA_DIR")


def read(builder, name, split, task, problems):
    fields = {"image": True, "objects": {"bbox", "label"}}
    if task == "classification":
        fields = {"image": True, "label": True}
    decoders = tfds.decode.PartialDecoding(
        fields, decoders={"image": tfds.decode.SkipDecoding()}
    )
    data = builder.as_dataset(
        split=split,
        decoders=decoders,
        read_config=tfds.ReadConfig(add_tfds_id=True, try_autocache=False),
    )
    records = []
    for example in data.as_numpy_iterator():
        id = example["tfds_id"].decode()
        record = Record(id, example["image"], id, relative=True)
        if task == "detection":
            objects = example["objects"]
            record.boxes = objects["bbox"][:, [1, 0, 3, 2]]
            record.labels = objects["label"]
            record.crowd = [False] * len(record.labels)
            record.rows = [f"object {i}" for i in range(len(record.labels))]
        else:
            record.label = int(example["label"])
        records.append(record)
    feature = builder.info.features
    feature = feature["objects"] if task == "detection" else feature
    return Source(name, split, task, feature["label"].names, records, problems)
