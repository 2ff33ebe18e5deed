"""Every detector learns 8 pictures by heart: what a wrong loss or target cannot."""

import keras
import pytest
import tensorflow as tf

from kzoo import data, models, train
from kzoo.ops.anchors import retinanet_anchors, ssd_anchors

SIDE = 128
SMALL = {"backbone": "resnet18(width=0.5)", "filters": 64, "depth": 2}
# Small: two objects that share their best anchor are one to a matcher.
FEW = {**SMALL, "anchors": retinanet_anchors(scale=1)}
FOUR_MAPS = ssd_anchors(
    SIDE, (8, 16, 32, 64), (0.1, 0.2, 0.37, 0.54, 0.71), [(2, 3)] * 4
)
# Detector: what makes it small.
DETECTORS = {
    "fcos": {**SMALL, "reach": 2.0},
    "fcos_original": {**SMALL, "reach": 2.0},
    "retinanet": FEW,
    "retinanet_v2": FEW,
    "ssd300": {"backbone": "vgg11_bn(width=0.25)", "anchors": FOUR_MAPS},
    "ssdlite": {"backbone": "resnet18(width=0.5)", "width": 0.25},
    # Cells so small that no two of these objects share one.
    "yolo_v1": {
        "backbone": "resnet18(width=0.5)",
        "stride": 8,
        "filters": 32,
        "units": 2048,
    },
    "yolo_v2": {
        "backbone": "resnet18(width=0.5)",
        "anchors": ((0.5, 0.5), (1, 1), (1.5, 1.5), (1.5, 0.8), (0.8, 1.5)),
        "filters": 128,
    },
    "yolox_s": {"width": 0.25},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DETECTORS)
def test_eight_scenes_to_an_map_above_nine_tenths(name):
    keras.utils.set_random_seed(0)
    source = data.open("scenes", "train", examples=8)
    model = models.build(
        name,
        classes=len(source.class_names),
        input_shape=(SIDE, SIDE, 3),
        **DETECTORS[name],
    )
    model.task.class_names = source.class_names
    steps = 300
    strategy = train.strategy("one")
    schedule = train.Schedule(1e-3, steps, "cosine", warmup_steps=20)
    step = train.TrainStep(model, train.optimizer("adam", schedule), strategy)
    batches = data.batches(source, 8, SIDE, training=True, augment=False)
    step(iter(batches), tf.constant(steps))
    evaluate = train.Evaluation(
        model,
        strategy,
        lambda worker: data.batches(source, 8, SIDE, training=False, worker=worker),
        total=1,
    )
    assert evaluate()["mAP"] > 0.9
