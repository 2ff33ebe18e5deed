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
    # BN-Inception of the same, as its weights for PyTorch state it.
    "bn_inception": (True, (1.0,) * 3, (-104.0, -117.0, -128.0)),
    # chuanqi305's MobileNet-SSD: BGR, about -1..1.
    "mobilenet_ssd": (True, (0.007843,) * 3, (-0.007843 * 127.5,) * 3),
    # Megvii's ShuffleNet: BGR as it came.
    "megvii": (True, (1.0,) * 3, (0.0,) * 3),
    # 0..1.
    "unit": (False, (1 / 255,) * 3, (0.0,) * 3),
    # 0..255 as it came.
    "none": (False, None, None),
    # One channel of grey, 0..1.
    "grey": (False, (1 / 255,), (0.0,)),
    # The same as Caffe's LeNet has it: a 256th each.
    "caffe_grey": (False, (1 / 256,), (0.0,)),
    # LeNet-5's paper: grey, -0.1 where there is no ink and 1.175 where it is black.
    # MNIST's files have 0 and 255 there: ink is bright.
    "lenet": (False, (1.275 / 255,), (-0.1,)),
}
# Luminance of red, green and blue, ITU-R BT.601, as picture libraries turn to grey.
_LUMINANCE = (0.299, 0.587, 0.114)


@keras.saving.register_keras_serializable("kzoo")
class Preprocess(keras.layers.Layer):
    """Maps RGB pictures 0..255, (..., 3), to a network's own scale, (..., 3) or, where
    it wants grey, (..., 1).

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
        if self._is_grey():
            weights = ops.convert_to_tensor(_LUMINANCE, "float32")
            pixels = ops.sum(pixels * weights, axis=-1, keepdims=True)
        if scale is not None:
            # Built here, in the graph that runs: tensors made outside become
            # inputs of an exported ONNX graph.
            scale = ops.convert_to_tensor(scale, "float32")
            pixels = pixels * scale + ops.convert_to_tensor(offset, "float32")
        return ops.cast(pixels, self.compute_dtype)

    def _is_grey(self):
        scale = MODES[self.mode][1]
        return scale is not None and len(scale) == 1

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 1) if self._is_grey() else input_shape

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}
