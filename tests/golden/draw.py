"""Weights and pictures that everybody can draw again, so that no file need hold them.

A reference implementation and our model get the same weights, ours through the
converter that users get; then their outputs must agree.
"""

import zlib

import numpy as np

# Sides that no stride divides: they show where padding goes.
ODD = (2, 75, 100)
# Multiples of 128: elsewhere torchvision stretches its anchors' strides.
EVEN = (2, 128, 256)
# Three boxes, the last one so small that no anchor has an IoU of 0.5 with it; the
# second picture has none.
BOXES = [[[20, 10, 90, 100], [150.5, 30.25, 181, 60], [200, 100, 206, 107]], []]
LABELS = [[1, 90, 0], []]

# What untrained heads need to say something: (end of a name: factor, offset). With
# these a tenth of the scores are above 0.05 and boxes move by a third of their sides.
_HEADS = {
    "fpn.inner_blocks.0.0.weight": (0.05, 0.0),
    "fpn.inner_blocks.1.0.weight": (0.05, 0.0),
    "fpn.inner_blocks.2.0.weight": (0.05, 0.0),
    "cls_logits.weight": (0.4, 0.0),
    "cls_logits.bias": (1.0, -4.0),
    "bbox_reg.weight": (0.1, 0.0),
    # YOLOX; one of each level.
    ("cls_preds.0.bias", "cls_preds.1.bias", "cls_preds.2.bias"): (1.0, -3.0),
    ("reg_preds.0.weight", "reg_preds.1.weight", "reg_preds.2.weight"): (0.1, 0.0),
    # SSD: pixels are not scaled, and conv4_3 is scaled to 20.
    ("backbone.scale_weight", "backbone.l2_norm.weight"): (20.0, 0.0),
    ("backbone.extra.0.7.1.weight", "backbone.vgg.31.weight"): (0.02, 0.0),
}


def weights(shapes):
    """{name: float32 array} of {name: shape}, a function of each name alone.

    Kernels keep the variance of what goes through them (He et al. 2015), batch norms
    scale by about 0.8, have variances around 1 and means that are not 0. With scales
    of 1 the sums of a ResNet would grow to 1e6 and hide every error behind the comma.
    """
    return {name: _draw(name, tuple(shape)) for name, shape in shapes.items()}


def _draw(name, shape):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith(("running_var", "moving_variance")):
        values = rng.uniform(0.5, 1.5, shape)
    elif name.endswith(("running_mean", "moving_mean")):
        values = rng.normal(0, 0.2, shape)
    elif name.endswith(("bias", "beta")):
        values = rng.normal(0, 0.1, shape)
    elif len(shape) == 1:
        values = rng.uniform(0.6, 1.0, shape)
    elif len(shape) > 1:
        values = rng.normal(0, np.sqrt(2 / _fan_in(name, shape)), shape)
    else:  # PyTorch's count of batches, which nobody reads
        values = np.zeros(shape)
    factor, offset = next(
        (row for end, row in _HEADS.items() if name.endswith(end)), (1.0, 0.0)
    )
    return np.asarray(values * factor + offset, "float32")


def _fan_in(name, shape):
    """Inputs of one output; PyTorch has (out, in, h, w), Keras (h, w, in, out)."""
    if not name.endswith("kernel"):
        return np.prod(shape[1:])
    # A depthwise kernel is (h, w, channels, 1) in Keras.
    return np.prod(shape[:2]) if shape[-1] == 1 else np.prod(shape[:-1])


def pictures(count, height, width, seed=0):
    """(count, height, width, 3) uint8: blots of 9 pixels under noise."""
    rng = np.random.default_rng(seed)
    shape = (count, -(-height // 9), -(-width // 9), 3)
    blots = rng.uniform(30, 225, shape).repeat(9, axis=1).repeat(9, axis=2)
    noise = rng.uniform(-30, 30, (count, height, width, 3))
    return (blots[:, :height, :width] + noise).astype("uint8")


def summary(array, count=100):
    """(count + 2,): some elements of an array at fixed places, its mean and deviation.

    Every error that parity looks for (stride, padding, order, a missing layer) moves
    most elements, so that a hundred of them show it.
    """
    array = np.asarray(array, "float64")
    places = np.random.default_rng(0).choice(array.size, min(count, array.size), False)
    return np.append(array.ravel()[places], [array.mean(), array.std()])


def assert_close(ours, theirs, tolerance=1e-4):
    """Within `tolerance` of the largest absolute value of the reference."""
    ours, theirs = np.asarray(ours, "float64"), np.asarray(theirs, "float64")
    assert ours.shape == theirs.shape
    error = np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs))
    assert error <= tolerance, f"relative error {error:.2e}"
