"""RetinaNet with ResNet-50 at 512 pixels: a step of training, an answer."""

import numpy as np

from benchmarks.racing import race

SIDE, PICTURES, CLASSES, BOXES = 512, 4, 80, 20


def batch():
    """(images (B, H, W, 3) uint8, boxes (B, M, 4) xyxy, labels (B, M))."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (PICTURES, SIDE, SIDE, 3), dtype=np.uint8)
    corners = rng.uniform(0, SIDE - 130, (PICTURES, BOXES, 2))
    sides = rng.uniform(20, 128, (PICTURES, BOXES, 2))
    boxes = np.concatenate([corners, corners + sides], axis=-1).astype("float32")
    return images, boxes, rng.integers(0, CLASSES, (PICTURES, BOXES), dtype=np.int32)


def our_model():
    from kzoo import models

    shape = (SIDE, SIDE, 3)
    return models.retinanet(classes=CLASSES, backbone="resnet50", input_shape=shape)


def our_step():
    import keras
    import tensorflow as tf

    from kzoo.train import TrainStep

    images, boxes, labels = batch()
    targets = {"boxes": boxes, "labels": labels, "valid": np.ones_like(labels, bool)}
    rows = tf.data.Dataset.from_tensors({"images": images, "targets": targets})
    iterator = iter(rows.repeat())
    optimizer = keras.optimizers.SGD(1e-4, momentum=0.9)
    step = TrainStep(our_model(), optimizer, tf.distribute.get_strategy())
    return lambda: step(iterator, tf.constant(1)).numpy()


def our_answer():
    from kzoo import deploy

    serve, images = deploy.serving(our_model()), batch()[0]
    return lambda: serve(images)["boxes"].numpy()


def hub_model():
    import keras_hub

    encoder = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 128, 256, 512],
        stackwise_num_blocks=[3, 4, 6, 3],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="bottleneck_block",
        image_shape=(SIDE, SIDE, 3),
    )
    backbone = keras_hub.models.RetinaNetBackbone(
        encoder, min_level=3, max_level=7, use_p5=False, image_shape=(SIDE, SIDE, 3)
    )
    return keras_hub.models.RetinaNetObjectDetector(
        backbone, num_classes=CLASSES, bounding_box_format="xyxy"
    )


def hub_batch():
    """The batch as keras-hub's models take it, in a dataset."""
    import tensorflow as tf

    images, boxes, labels = batch()
    truth = {"boxes": boxes, "labels": labels.astype("float32")}
    return tf.data.Dataset.from_tensors((images.astype("float32"), truth))


def hub_step():
    import keras

    model, rows = hub_model(), hub_batch().repeat()
    model.compile(
        optimizer=keras.optimizers.SGD(1e-4, momentum=0.9),
        box_loss="auto",
        classification_loss="auto",
        jit_compile=False,
    )
    return lambda: model.fit(rows, steps_per_epoch=1, verbose=0)


def hub_answer():
    model, rows = hub_model(), hub_batch()
    model.compile(jit_compile=False)
    return lambda: model.predict(rows, verbose=0)


def torch_model():
    import torch
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.detection.retinanet_resnet50_fpn(
        weights=None,
        weights_backbone=None,
        num_classes=CLASSES,
        min_size=SIDE,
        max_size=SIDE,
    )
    images, boxes, labels = batch()
    pixels = [torch.from_numpy(x).permute(2, 0, 1).float() / 255 for x in images]
    truth = [
        {"boxes": torch.from_numpy(b), "labels": torch.from_numpy(c.astype("int64"))}
        for b, c in zip(boxes, labels)
    ]
    return torch, model, pixels, truth


def torch_step():
    torch, model, pixels, truth = torch_model()
    optimizer = torch.optim.SGD(model.parameters(), 1e-4, momentum=0.9)

    def run():
        optimizer.zero_grad()
        sum(model.train()(pixels, truth).values()).backward()
        optimizer.step()

    return run


def torch_answer():
    torch, model, pixels, _ = torch_model()

    def run():
        with torch.inference_mode():
            return model.eval()(pixels)

    return run


def races():
    size = f"RetinaNet-R50-FPN, {PICTURES} pictures of {SIDE} px"
    yield race(
        f"train step: {size}, {BOXES} boxes each",
        {"kzoo": our_step, "keras-hub": hub_step, "torchvision": torch_step},
        turns=3,
    )
    yield race(
        f"answer with NMS: {size}",
        {"kzoo": our_answer, "keras-hub": hub_answer, "torchvision": torch_answer},
        turns=3,
    )
