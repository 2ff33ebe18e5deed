"""python -m tests.golden.make_resnet_v2: timm's, keras.applications' and the authors'.

The authors' CIFAR networks are Lua, read here line by line: the bottlenecks are
resnet-pre-act.lua of KaimingHe/resnet-1k-layers, the 110 layers preresnet.lua of
facebook/fb.resnet.torch (with shortcuts of type B, as the former has them).
"""

import keras
import timm
import torch
from timm.layers import BatchNormAct2d, create_conv2d
from timm.models.resnetv2 import ResNetV2

from tests.golden import draw, reference
from tests.golden.reading import Reading

CIFAR_SIZE = (21, 30)


def from_timm(name, model):
    model, shapes = reference.with_drawn_weights(model)
    half = (0.5, 0.5, 0.5)
    pictures = reference.tensor(draw.pictures(*draw.ODD), half, half)
    x = model.stem.conv(pictures)
    features = {"C1": reference.channels_last(x)}
    x = model.stem.pool(x)
    for level, stage in enumerate(model.stages, start=2):
        x = stage(x)
        features[f"C{level}"] = reference.channels_last(x)
    features["C5"] = reference.channels_last(model.norm(x))
    version = f"timm {timm.__version__} resnetv2"
    reference.write(name, version, shapes, model(pictures).numpy(), features)


def from_keras(name, depths):
    builder = getattr(keras.applications, name)
    shape = (*draw.ODD[1:], 3)
    model = builder(weights=None, input_shape=shape, classifier_activation=None)
    model, shapes = reference.keras_with_drawn_weights(model)
    pixels = draw.pictures(*draw.ODD).astype("float32")
    pixels = keras.applications.resnet_v2.preprocess_input(pixels)
    before = [f"conv{s}_block{d - 1}_out" for s, d in zip((2, 3, 4), depths)]
    names = ["conv1_conv", *before, "post_relu", "predictions"]
    every = keras.Model(model.input, [model.get_layer(n).output for n in names])
    outputs = [keras.ops.convert_to_numpy(x) for x in every(pixels, training=False)]
    levels = dict(zip(("C1", "C2", "C3", "C4", "C5"), outputs))
    version = f"keras {keras.__version__} applications.{name}"
    ours = f"{name.lower().replace('v2', '_v2')}_keras"
    reference.write(ours, version, shapes, outputs[-1], levels)


def bottleneck(net, x, out, stride, name):
    """`bottleneck(nInputPlane, nOutputPlane, stride)`, its norms numbered from 1."""
    inner = out // 4
    # Behind the first convolution: ours has the name of that.
    norm = "stem" if name == "stage1_block1" else f"{name}_1"
    y = net.activate(x, norm)
    if x.shape[1] != out:
        x = net.conv(y, out, 1, stride, f"{name}_shortcut")
    y = net.conv(y, inner, 1, stride, f"{name}_1")
    y = net.conv(net.activate(y, f"{name}_2"), inner, 3, 1, f"{name}_2")
    return x + net.conv(net.activate(y, f"{name}_3"), out, 1, 1, f"{name}_3")


def basic(net, x, out, stride, name):
    """`basicblock(n, stride, type)`: 'both_preact' for the first of each stage."""
    norm = "stem" if name == "stage1_block1" else f"{name}_1"
    y = net.activate(x, norm)
    if name.endswith("block1"):
        x = y
    if x.shape[1] != out:
        x = net.conv(x, out, 1, stride, f"{name}_shortcut")
    y = net.conv(y, out, 3, stride, f"{name}_1")
    return x + net.conv(net.activate(y, f"{name}_2"), out, 3, 1, f"{name}_2")


def from_lua(name, source, block, filters, count):
    net, features = Reading(), {}
    x = reference.tensor(draw.pictures(2, *CIFAR_SIZE))
    x = net.conv(x, 16, 3, 1, "stem")
    for stage, wide in enumerate(filters, start=1):
        for i in range(1, count + 1):
            stride = 2 if stage > 1 and i == 1 else 1
            x = block(net, x, wide, stride, f"stage{stage}_block{i}")
        if stage > 1:
            features[f"C{stage - 1}"] = reference.channels_last(x)
    x = net.activate(x, "post")
    features["C2"] = reference.channels_last(x)
    logits = net.logits(x, 10).numpy()
    reference.write(name, source, net.shapes, logits, features, size=CIFAR_SIZE)


if __name__ == "__main__":
    with torch.inference_mode():
        parts = {"conv_layer": create_conv2d, "norm_layer": BatchNormAct2d}
        for depth in (50, 101, 152):
            from_timm(f"resnet{depth}_v2", timm.create_model(f"resnetv2_{depth}"))
        from_timm("resnet200_v2", ResNetV2([3, 24, 36, 3], **parts))
        official = "KaimingHe/resnet-1k-layers resnet-pre-act.lua, read by hand"
        wide = (64, 128, 256)
        from_lua("resnet164_v2_cifar", official, bottleneck, wide, 18)
        from_lua("resnet1001_v2_cifar", official, bottleneck, wide, 111)
        torch7 = "facebook/fb.resnet.torch preresnet.lua, read by hand"
        from_lua("resnet110_v2_cifar", torch7, basic, (16, 32, 64), 18)
    from_keras("ResNet50V2", (3, 4, 6, 3))
    from_keras("ResNet101V2", (3, 4, 23, 3))
    from_keras("ResNet152V2", (3, 8, 36, 3))
