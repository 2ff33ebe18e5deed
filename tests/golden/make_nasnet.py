"""python -m tests.golden.make_nasnet slim|keras|timm: the authors', Keras', timm's.

"slim" needs tensorflow/models' research/slim on the path (or an older copy of it, with
tf_slim for tf.contrib.slim), tf_slim and tf_keras, and TF_USE_LEGACY_KERAS=1. It gets
weights that are drawn under Keras' names. "keras" needs TensorFlow: Keras' NASNet does
not run on torch. timm's pools at stride 2 count the border: they are replaced by
TensorFlow's, which the weights that it publishes were trained with.
"""

import re
import sys

from tests.golden import draw, reference

# The large ones with fewer channels: the count of parameters proves the full number.
MOBILE = {"num_blocks": 4, "penultimate_filters": 1056}
LARGE = {"num_blocks": 6, "penultimate_filters": 384}


def write(name, version, shapes, logits, features=None, builder=None):
    arguments = {"filters": 384} if "large" in name else {}
    reference.write(name, version, shapes, logits, features, builder, arguments)


def keras_model(name):
    from keras.src.applications.nasnet import NASNet

    is_mobile = "mobile" in name
    return NASNet(
        (*draw.ODD[1:], 3),
        stem_block_filters=32 if is_mobile else 96,
        skip_reduction=not is_mobile,
        weights=None,
        classifier_activation=None,
        **(MOBILE if is_mobile else LARGE),
    )


def file_name(weight):
    """As a file has it, without the scopes of the graph."""
    return "/".join(weight.path.split("/")[-2:])


def keras_shapes(model):
    return {file_name(weight): tuple(weight.shape) for weight in model.weights}


def pixels():
    return draw.pictures(*draw.ODD).astype("float32") / 127.5 - 1


def from_keras(name):
    import keras

    keras.utils.clear_session()
    model = keras_model(name)
    shapes = keras_shapes(model)
    drawn = draw.weights(shapes)
    for weight in model.weights:
        weight.assign(drawn[file_name(weight)])
    logits = keras.ops.convert_to_numpy(model(pixels(), training=False))
    version = f"keras {keras.__version__} applications.NASNet"
    write(f"{name}_keras", version, shapes, logits)


def slim_name(variable, cells):
    """'cell_5/comb_iter_0/left/separable_5x5_1/depthwise_weights' as Keras has it:
    'separable_conv_1_normal_left1_6/depthwise_kernel'."""
    scope, _, what = variable.rpartition("/")
    what = {"weights": "kernel", "biases": "bias"}.get(what, what)
    what = what.replace("_weights", "_kernel")
    ends = {"conv0": "stem_conv1", "conv0_bn": "stem_bn1"}
    if scope in ends:
        return f"{ends[scope]}/{what}"
    if scope.startswith("final_layer"):
        return f"predictions/{what}"
    cell, _, place = scope.partition("/")
    kind, number = re.fullmatch(r"(cell_stem|cell|reduction_cell)_(\d+)", cell).groups()
    number = int(number)
    block = {
        "cell": number + (number >= cells),  # Keras counts the first reduction too
        "cell_stem": f"stem_{number + 1}",
        "reduction_cell": f"reduce_{(number + 1) * cells}",
    }[kind]
    kind = "normal" if kind == "cell" else "reduction"
    begin = {
        "1x1": f"{kind}_conv_1",
        "beginning_bn": f"{kind}_bn_1",
        "prev_1x1": "adjust_conv_projection",
        "prev_bn": "adjust_bn",
        "final_path_bn": "adjust_bn",
        "path1_conv": "adjust_conv_1",
        "path2_conv": "adjust_conv_2",
    }
    if place in begin:
        return f"{begin[place]}_{block}/{what}"
    pattern = r"comb_iter_(\d)/(left|right)/(separable|bn_sep)_\dx\d_(\d)"
    index, side, layer, step = re.fullmatch(pattern, place).groups()
    # Keras calls the last pair of a reduction the fourth again.
    pair = int(index) + 1 if kind == "normal" or index != "4" else 4
    layer = "separable_conv" if layer == "separable" else "separable_conv_{}_bn"
    layer = layer.format(step) if "{}" in layer else f"{layer}_{step}"
    return f"{layer}_{kind}_{side}{pair}_{block}/{what}"


def from_slim(name):
    import tensorflow as tf
    import tf_slim
    from nets.nasnet import nasnet

    is_mobile = "mobile" in name
    shapes = keras_shapes(keras_model(name))
    drawn = draw.weights(shapes)
    kind = "mobile" if is_mobile else "large"
    config = getattr(nasnet, f"{kind}_imagenet_config")()
    config.drop_path_keep_prob, config.set_hparam = 1.0, lambda *_: None
    cells = config.num_cells // 3
    if not is_mobile:
        config.num_conv_filters = LARGE["penultimate_filters"] // 24
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        images = tf.constant(pixels())
        build = getattr(nasnet, f"build_nasnet_{kind}")
        with tf_slim.arg_scope(getattr(nasnet, f"nasnet_{kind}_arg_scope")()):
            logits, ends = build(images, 1000, is_training=False, config=config)
        variables = {
            slim_name(variable.op.name, cells): variable
            for variable in tf.compat.v1.global_variables()
            if variable.op.name != "global_step"
        }
        assert set(variables) == set(drawn)
        starts = {name: v.initializer for name, v in variables.items()}
        values = {start.inputs[1]: drawn[name] for name, start in starts.items()}
        session.run(list(starts.values()), values)
        levels = {
            "C3": ends[f"Cell_{cells - 1}"],
            "C4": ends[f"Cell_{2 * cells - 1}"],
            "C5": tf.nn.relu(ends[f"Cell_{3 * cells - 1}"]),
        }
        logits, features = session.run((logits, levels))
    version = f"tensorflow/models research/slim {kind}, tensorflow {tf.__version__}"
    write(name, version, shapes, logits, features)


def mean_of_the_picture(layer):
    """A torch average pool, "same", in which the border does not count."""
    import torch
    from torch.nn import functional

    def forward(x):
        height, width = x.shape[2:]
        (top, bottom), (left, right) = (
            (1, 1) if side % 2 else (0, 1) for side in (height, width)
        )
        sizes = torch.ones_like(x[:1, :1])
        padded = [functional.pad(y, (left, right, top, bottom)) for y in (x, sizes)]
        mean, share = (functional.avg_pool2d(y, 3, 2) for y in padded)
        return mean / share

    layer.forward = forward


def from_timm():
    import timm
    import torch
    from timm.models.nasnet import NASNetALarge

    model = NASNetALarge(num_features=LARGE["penultimate_filters"])
    model, shapes = reference.with_drawn_weights(model)
    for layer in model.modules():
        if type(layer).__name__ == "AvgPool2dSame":
            mean_of_the_picture(layer)
    with torch.inference_mode():
        halves = (0.5, 0.5, 0.5)
        pictures = reference.tensor(draw.pictures(*draw.ODD), halves, halves)
        logits = model(pictures).numpy()
    version = f"timm {timm.__version__} NASNetALarge, pools as TensorFlow's"
    write("nasnet_large_timm", version, shapes, logits, builder="nasnet_large")


if __name__ == "__main__":
    for which in sys.argv[1:]:
        if which == "timm":
            from_timm()
        else:
            for network in ("nasnet_mobile", "nasnet_large"):
                {"slim": from_slim, "keras": from_keras}[which](network)
