"""Grouped convolution (Krizhevsky et al., NIPS 2012, section 3.5) for every export."""

import keras
from keras import layers

from kzoo.ops.native import grouped_conv


@keras.saving.register_keras_serializable("kzoo")
class GroupedConv2D(layers.Conv2D):
    """keras.layers.Conv2D(groups=...), by an operation that ONNX files can hold.

    Each of G groups of the filters sees its own share of the channels: (B, H, W, C) to
    (B, H', W', filters), with a kernel (h, w, C / G, filters).
    """

    def convolution_op(self, inputs, kernel):
        return grouped_conv(inputs, kernel, list(self.strides), self.padding)
