"""Feature Pyramid Network, Lin et al., CVPR 2017, https://arxiv.org/abs/1612.03144.

Section 3: each level is a 1x1 convolution of the backbone's level plus the coarser
level, doubled by nearest neighbour; a 3x3 convolution then smooths it.
"""

import keras
from keras import layers


def convolution(filters, size, strides=1, name=None):
    """A convolution as section 3 has them: no activation, no normalization.

    Pads evenly (see `kzoo.models.blocks.conv_bn`); section 4 gives no initial
    values, these are Detectron's.
    """

    def apply(x):
        if strides > 1:
            x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
        return layers.Conv2D(
            filters,
            size,
            strides,
            padding="same" if strides == 1 else "valid",
            kernel_initializer=keras.initializers.GlorotUniform(),
            name=name,
        )(x)

    return apply


def feature_pyramid(features, filters=256):
    """{"C3": ..., "C5": ...} to {"P3": ..., "P5": ...}, each of `filters` channels.

    "Pk" has the height and width of "Ck".
    """
    numbers = sorted((int(name[1:]) for name in features), reverse=True)
    merged, pyramid = None, {}
    for k in numbers:
        lateral = convolution(filters, 1, name=f"P{k}_lateral")(features[f"C{k}"])
        merged = lateral if merged is None else _add(merged, lateral, f"P{k}")
        pyramid[f"P{k}"] = convolution(filters, 3, name=f"P{k}")(merged)
    return dict(sorted(pyramid.items()))


def _add(coarse, fine, name):
    """`fine` plus the doubled `coarse`, which is a pixel larger at odd sides."""
    x = layers.UpSampling2D(2, name=f"{name}_double")(coarse)
    extra = [
        0 if here is None else have - here
        for have, here in zip(x.shape[1:3], fine.shape[1:3])
    ]
    if any(extra):
        x = layers.Cropping2D(tuple((0, n) for n in extra), name=f"{name}_crop")(x)
    return layers.Add(name=f"{name}_merge")([x, fine])
