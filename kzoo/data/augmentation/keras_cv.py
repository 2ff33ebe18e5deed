"""keras-cv's augmentation layers in kzoo's stream, those that are right about boxes.

Found right with keras-cv 0.9 on Keras 3.15: RandomFlip, RandomRotation, RandomShear,
RandomTranslation, RandomCrop, JitteredResize, RandomCropAndResize. They reach a third
of the speed of the others here, and draw their own random numbers: a run with them
continues where it stopped, but not bit for bit. The rest: docs/augmentation.md.
"""

import keras
import tensorflow as tf

from kzoo.data.batching import fitted


def usual(image_size, scale=(0.75, 1.5)):
    """Scale jitter with a crop, and flips, by keras-cv's layers; boxes follow.

    Args:
      image_size: (H, W).
      scale: the range of the picture's size, 1 being that of its letterbox.

    Returns:
      f(example, seed) -> example, as `augmentation` makes it.
    """
    # Here, since it costs a second and few want it.
    from keras_cv import layers

    resize = layers.JitteredResize(image_size, scale, bounding_box_format="xyxy")
    flip = layers.RandomFlip("horizontal", bounding_box_format="xyxy")
    return augmentation(keras.Sequential([resize, flip]), image_size)


def augmentation(layer, image_size):
    """A keras-cv layer as what `kzoo.data.batches(augment=...)` takes.

    Args:
      layer: made with bounding_box_format="xyxy" where it has to do with boxes.
      image_size: (H, W) that its output is letterboxed to.

    Returns:
      f(example, seed) -> example with "image" (H, W, 3) float32 in 0..255.
    """

    def augment(example, seed):
        image = tf.cast(example["image"], tf.float32)
        if "boxes" not in example:
            return fitted({**example, "image": layer(image, training=True)}, image_size)
        # The number of its row in the place of a class: keras-cv drops boxes, and
        # knows no crowds.
        rows = tf.range(tf.shape(example["labels"])[0])
        boxes = {"boxes": example["boxes"], "classes": tf.cast(rows, tf.float32)}
        outputs = layer({"images": image, "bounding_boxes": boxes}, training=True)
        return fitted(_kept(example, outputs), image_size)

    return augment


def _kept(example, outputs):
    """The example with the boxes that are left, which have no class of -1."""
    boxes, rows = (outputs["bounding_boxes"][key] for key in ("boxes", "classes"))
    if isinstance(rows, tf.RaggedTensor):
        boxes, rows = boxes.to_tensor(), rows.to_tensor()
    left = rows >= 0
    rows = tf.cast(rows[left], tf.int32)
    return {
        **example,
        "image": outputs["images"],
        "boxes": tf.cast(boxes[left], tf.float32),
        "labels": tf.gather(example["labels"], rows),
        "crowd": tf.gather(example["crowd"], rows),
    }
