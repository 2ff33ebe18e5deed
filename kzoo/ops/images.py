"""Pictures of any size into the size that a network takes."""

from keras import ops

from kzoo.ops import native


def letterbox(images, height, width):
    """Resizes pictures, keeping their aspect, into the left top corner of a canvas.

    The same function serves training, evaluation, prediction and the files that ship.
    Bilinear, pixel centres at halves, no antialias: all three runtimes agree on that.

    Args:
      images: (h, w, C) or (B, h, w, C), any dtype; h and w may be unknown to a graph.
      height, width: ints, of the canvas.

    Returns:
      (float32 (..., height, width, C), black at the right or the bottom;
      scale (2,) float32: (x, y), new pixels for each old one. A box (..., 4) of the
      result lies at box / (x, y, x, y) in the picture.)
    """
    old_height, old_width = ops.shape(images)[-3:-1]
    new_height, new_width = _fitted(old_height, old_width, height, width)
    images = native.resize(ops.cast(images, "float32"), new_height, new_width)
    right, below = width - new_width, height - new_height
    widths = [[0, below], [0, right], [0, 0]]
    images = ops.pad(images, [[0, 0]] * (len(images.shape) - 3) + widths)
    scale = ops.stack(
        [_quotient(new_width, old_width), _quotient(new_height, old_height)]
    )
    # What a graph with unknown h and w has forgotten.
    return ops.reshape(images, _shape(images, height, width)), scale


def _fitted(old_height, old_width, height, width):
    """The largest (height, width) of the same aspect that fits, at least 1 pixel."""
    if isinstance(old_height, int) and isinstance(old_width, int):
        scale_is_by_height = height * old_width <= width * old_height
        if scale_is_by_height:
            return height, max(1, round(old_width * height / old_height))
        return max(1, round(old_height * width / old_width)), width
    # Multiplied before divided: exact in float32, so this rounds as Python does above.
    by_height = _rounded(old_width * height, old_height)
    by_width = _rounded(old_height * width, old_width)
    return ops.minimum(height, by_width), ops.minimum(width, by_height)


def _rounded(part, whole):
    return ops.maximum(1, ops.cast(ops.round(_quotient(part, whole)), "int32"))


def _quotient(part, whole):
    return ops.cast(part, "float32") / ops.cast(whole, "float32")


def _shape(images, height, width):
    *batch, _, _, channels = ops.shape(images)
    return (*batch, height, width, channels)
