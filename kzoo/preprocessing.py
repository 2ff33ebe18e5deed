"""From a picture to what a network expects: the first layer of every model.

Nothing else about pixels is ever asked of a user: every kzoo model takes RGB,
0..255, uint8 or float, channels last, in training, evaluation and every export.
"""

import keras
from keras import ops

# mode: (reverse RGB to BGR, scale of each channel, offset of each channel); a
# pixel x becomes x * scale + offset.
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)

MODES = {
    # torchvision and timm: mean 0 and variance 1 over ImageNet.
    "torch": (
        False,
        tuple(1 / (255 * d) for d in _IMAGENET_DEVIATION),
        tuple(-m / d for m, d in zip(_IMAGENET_MEAN, _IMAGENET_DEVIATION)),
    ),
    # TF-slim's Inception and MobileNet: -1..1.
    "tf": (False, (1 / 127.5,) * 3, (-1.0,) * 3),
    # The Caffe networks (VGG, MSRA ResNet): BGR minus the mean, unscaled.
    "caffe": (True, (1.0,) * 3, tuple(-m for m in _CAFFE_MEAN_BGR)),
    # The Caffe networks of BVLC, GoogLeNet and SqueezeNet: the mean in whole numbers.
    "bvlc": (True, (1.0,) * 3, (-104.0, -117.0, -123.0)),
    # Megvii's ShuffleNet: BGR as it came.
    "megvii": (True, (1.0,) * 3, (0.0,) * 3),
    # 0..1.
    "unit": (False, (1 / 255,) * 3, (0.0,) * 3),
    # 0..255 as it came.
    "none": (False, None, None),
}


@keras.saving.register_keras_serializable("kzoo")
class Preprocess(keras.layers.Layer):
    """Maps RGB pictures 0..255, (..., 3), to a network's own scale.

    Computes in float32, since half precision would round the pixels, and gives
    its outputs in the policy's compute type.

    Args:
      mode: one of `MODES`.

    Raises:
      ValueError: for another mode.
    """

    def __init__(self, mode="torch", **kwargs):
        super().__init__(autocast=False, **kwargs)
        if mode not in MODES:
            raise ValueError(f"no preprocessing {mode!r}; kzoo has {', '.join(MODES)}")
        self.mode = mode

    def call(self, images):
        reverse, scale, offset = MODES[self.mode]
        pixels = ops.cast(images, "float32")
        if reverse:
            pixels = ops.flip(pixels, axis=-1)
        if scale is not None:
            # Built here, in the graph that runs: tensors made outside become
            # inputs of an exported ONNX graph.
            scale = ops.convert_to_tensor(scale, "float32")
            pixels = pixels * scale + ops.convert_to_tensor(offset, "float32")
        return ops.cast(pixels, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}
