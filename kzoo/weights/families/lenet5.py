"""LeNet-5 of today: csinva's names and those of Caffe's example."""

from kzoo.weights.layout import (
    Layout,
    channels_last_rows,
    from_caffe,
    from_torch,
    has,
)
from kzoo.weights.published import Published

_CSINVA = {
    "convnet.c1": "c1_conv",
    "convnet.c3": "c3_conv",
    "convnet.c5": "head_c5_conv",
    "fc.f6": "head_f6",
    "fc.f7": "logits",
}
_CAFFE = {
    "conv1": "conv1_conv",
    "conv2": "conv2_conv",
    "ip1": "head_ip1",
    "ip2": "logits",
}


def caffe(arrays):
    """The 4x4 positions that ip1 sees are in another order there."""
    converted, name = from_caffe(_CAFFE.get)(arrays), "head_ip1/kernel"
    if name in converted:
        converted[name] = channels_last_rows(converted[name], 4, 4)
    return converted


LAYOUTS = (
    Layout(
        "csinva's LeNet-5",
        ("lenet5_modern",),
        has("convnet.c1.weight", "convnet.c5.weight"),
        from_torch(_CSINVA.get),
    ),
    Layout("Caffe LeNet", ("lenet5_caffe",), has("conv2/0", "ip1/0"), caffe),
)

_GITHUB = "https://raw.githubusercontent.com/"
PUBLISHED = (
    Published(
        "mnist",
        "lenet5_modern",
        f"{_GITHUB}csinva/gan-vae-pretrained-pytorch/master/mnist_classifier/weights/"
        "lenet_epoch=12_test_acc=0.991.pth",
        "",
        "none stated",
        "99.1",
        classes="mnist",
    ),
    Published(
        "mnist",
        "lenet5_caffe",
        f"{_GITHUB}nandahkrishna/CaffeMNIST/master/caffe_lenet.caffemodel",
        "",
        "none stated",
        "99.05",
        classes="mnist",
    ),
)
