"""python -m tests.golden.make_zfnet: the paper's figure 3 as a Caffe network.

No code of the authors is known. Needs what `caffe` needs; an eighth as wide.
"""

import torch

from tests.golden import caffe, draw, reference

WIDTH = 0.125
MAPS = {"zfnet": (384, 384, 256), "zfnet_b": (512, 1024, 512)}
CONV = """layer {{ name: "{name}" type: "Convolution" bottom: "{below}" top: "{name}"
  convolution_param {{ num_output: {maps} kernel_size: {size} stride: {step}
  pad: {pad} }} }}
layer {{ name: "relu_{name}" type: "ReLU" bottom: "{name}" top: "{name}" }}
"""
POOL = """layer {{ name: "{name}" type: "Pooling" bottom: "{below}" top: "{name}"
  pooling_param {{ pool: MAX kernel_size: 3 stride: 2 }} }}
"""
# Caffe divides alpha by the size.
NORM = """layer {{ name: "{name}" type: "LRN" bottom: "{below}" top: "{name}"
  lrn_param {{ local_size: 5 alpha: 0.0005 beta: 0.75 k: 2.0 }} }}
"""
DENSE = """layer {{ name: "{name}" type: "InnerProduct" bottom: "{below}" top: "{name}"
  inner_product_param {{ num_output: {units} }} }}
"""
RELU = """layer {{ name: "relu_{name}" type: "ReLU" bottom: "{name}" top: "{name}" }}
"""
OURS = {
    **{f"conv{i}": f"stage{i}_conv" for i in range(1, 6)},
    "fc6": "head_fc6",
    "fc7": "head_fc7",
    "fc8": "logits",
}


def prototxt(maps):
    def conv(name, below, maps, size, step, pad):
        return CONV.format(**locals())

    parts = [
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 224 input_dim: 224\n',
        conv("conv1", "data", 96, 7, 2, 1),
        POOL.format(name="pool1", below="conv1"),
        NORM.format(name="norm1", below="pool1"),
        conv("conv2", "norm1", 256, 5, 2, 0),
        POOL.format(name="pool2", below="conv2"),
        NORM.format(name="norm2", below="pool2"),
        conv("conv3", "norm2", maps[0], 3, 1, 1),
        conv("conv4", "conv3", maps[1], 3, 1, 1),
        conv("conv5", "conv4", maps[2], 3, 1, 1),
        POOL.format(name="pool5", below="conv5"),
        DENSE.format(name="fc6", below="pool5", units=4096),
        RELU.format(name="fc6"),
        DENSE.format(name="fc7", below="fc6", units=4096),
        RELU.format(name="fc7"),
        DENSE.format(name="fc8", below="fc7", units=1000),
    ]
    return caffe.narrowed("".join(parts), WIDTH, classes=1000)


def make(name):
    data = caffe.bgr(draw.pictures(2, 224, 224))
    text = prototxt(MAPS[name])
    shapes, blobs = caffe.run(text, data, OURS, positions={"fc6": (6, 6)})
    # Figure 3's sides.
    sides = {"conv1": 110, "pool1": 55, "conv2": 26, "pool2": 13, "pool5": 6}
    assert {blob: blobs[blob].shape[-1] for blob in sides} == sides
    levels = {"C1": "conv1", "C3": "conv2", "C4": "conv5", "C5": "pool5"}
    features = {k: reference.channels_last(blobs[b]) for k, b in levels.items()}
    version = f"figure 3 of the paper, run as a Caffe network, {WIDTH} wide"
    logits, arguments = blobs["fc8"].numpy(), {"width": WIDTH}
    reference.write(
        name, version, shapes, logits, features, arguments=arguments, size=(224, 224)
    )


if __name__ == "__main__":
    with torch.inference_mode():
        for network in MAPS:
            make(network)
