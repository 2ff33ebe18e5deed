"""Every architecture: `kzoo.models.NAME(...)` builds it; this is the table of contents.

`names(task=None)` lists them, `build(name, ...)` builds by name, `card(name)` gives
the published facts.
"""

from kzoo.models.basics.linear_classifier import linear_classifier
from kzoo.models.basics.nearest_neighbour import nearest_neighbour
from kzoo.models.basics.two_layer_network import two_layer_network
from kzoo.models.classification.alexnet import (
    alexnet,
    alexnet_bvlc,
    alexnet_torchvision,
    caffenet,
)
from kzoo.models.classification.darknet import (
    darknet19,
    darknet_reference,
    extraction,
    extraction_bn,
)
from kzoo.models.classification.densenet import (
    densenet121,
    densenet169,
    densenet201,
    densenet264,
    densenet_bc100_12_cifar,
    densenet_bc190_40_cifar,
    densenet_bc250_24_cifar,
)
from kzoo.models.classification.efficientnet import (
    efficientnet_b0,
    efficientnet_b0_torchvision,
    efficientnet_b1,
    efficientnet_b1_torchvision,
    efficientnet_b2,
    efficientnet_b2_torchvision,
    efficientnet_b3,
    efficientnet_b3_torchvision,
    efficientnet_b4,
    efficientnet_b4_torchvision,
    efficientnet_b5,
    efficientnet_b5_torchvision,
    efficientnet_b6,
    efficientnet_b6_torchvision,
    efficientnet_b7,
    efficientnet_b7_torchvision,
)
from kzoo.models.classification.googlenet import (
    googlenet,
    googlenet_torchvision,
)
from kzoo.models.classification.highway import highway, highway_mnist
from kzoo.models.classification.inception_resnet import (
    inception_resnet_v1,
    inception_resnet_v1_paper,
    inception_resnet_v2,
)
from kzoo.models.classification.inception_v2 import (
    inception_v2,
)
from kzoo.models.classification.inception_v3 import (
    inception_v3,
    inception_v3_gluon,
    inception_v3_torchvision,
)
from kzoo.models.classification.inception_v4 import (
    inception_v4,
)
from kzoo.models.classification.lenet5 import lenet5
from kzoo.models.classification.lenet5_modern import lenet5_caffe, lenet5_modern
from kzoo.models.classification.mobilenet_v1 import mobilenet_v1, mobilenet_v1_timm
from kzoo.models.classification.mobilenet_v2 import (
    mobilenet_v2,
    mobilenet_v2_torchvision,
)
from kzoo.models.classification.mobilenet_v3 import (
    mobilenet_v3_large,
    mobilenet_v3_large_torchvision,
    mobilenet_v3_small,
    mobilenet_v3_small_torchvision,
)
from kzoo.models.classification.nasnet import (
    nasnet_large,
    nasnet_large_keras,
    nasnet_mobile,
    nasnet_mobile_keras,
)
from kzoo.models.classification.resnet import (
    resnet18,
    resnet34,
    resnet50,
    resnet50_v1,
    resnet101,
    resnet101_v1,
    resnet152,
    resnet152_v1,
)
from kzoo.models.classification.resnet_cifar import (
    resnet20_cifar,
    resnet32_cifar,
    resnet44_cifar,
    resnet56_cifar,
    resnet110_cifar,
)
from kzoo.models.classification.resnet_v2 import (
    resnet50_v2,
    resnet101_v2,
    resnet110_v2_cifar,
    resnet152_v2,
    resnet164_v2_cifar,
    resnet200_v2,
    resnet1001_v2_cifar,
)
from kzoo.models.classification.resnet_v2_keras import (
    resnet50_v2_keras,
    resnet101_v2_keras,
    resnet152_v2_keras,
)
from kzoo.models.classification.resnext import (
    resnext50_32x4d,
    resnext101_32x4d,
    resnext101_64x4d,
)
from kzoo.models.classification.senet import se_resnet50, se_resnext50_32x4d, senet154
from kzoo.models.classification.shufflenet_v1 import shufflenet_v1
from kzoo.models.classification.shufflenet_v2 import shufflenet_v2
from kzoo.models.classification.squeezenet import (
    squeezenet1_0,
    squeezenet1_0_torchvision,
    squeezenet1_1,
    squeezenet1_1_torchvision,
)
from kzoo.models.classification.vgg import (
    vgg11,
    vgg11_bn,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_bn,
    vgg16_torchvision,
    vgg19,
    vgg19_bn,
    vgg19_torchvision,
)
from kzoo.models.classification.vit import (
    vit_b16,
    vit_b16_torchvision,
    vit_l16,
    vit_l16_torchvision,
    vit_s16,
    vit_ti16,
)
from kzoo.models.classification.wide_resnet import wide_resnet28_10, wide_resnet50_2
from kzoo.models.classification.xception import (
    xception,
)
from kzoo.models.classification.zfnet import zfnet, zfnet_b
from kzoo.models.detection.fcos import fcos, fcos_original, fcos_torchvision
from kzoo.models.detection.mobilenet_ssd import mobilenet_ssd
from kzoo.models.detection.retinanet import (
    retinanet,
    retinanet_torchvision,
    retinanet_v2,
)
from kzoo.models.detection.ssd import ssd300, ssd300_torchvision, ssd512
from kzoo.models.detection.ssdlite import ssdlite, ssdlite320_torchvision
from kzoo.models.detection.yolo_v1 import yolo_v1, yolo_v1_darknet, yolo_v1_tiny
from kzoo.models.detection.yolo_v2 import yolo_v2, yolo_v2_tiny
from kzoo.models.detection.yolox import (
    yolox_l,
    yolox_m,
    yolox_nano,
    yolox_s,
    yolox_tiny,
    yolox_x,
)
from kzoo.models.registry import arguments, build, card, names

__all__ = [
    "alexnet",
    "alexnet_bvlc",
    "alexnet_torchvision",
    "arguments",
    "build",
    "caffenet",
    "card",
    "darknet19",
    "darknet_reference",
    "densenet121",
    "densenet169",
    "densenet201",
    "densenet264",
    "densenet_bc100_12_cifar",
    "densenet_bc190_40_cifar",
    "densenet_bc250_24_cifar",
    "efficientnet_b0",
    "efficientnet_b0_torchvision",
    "efficientnet_b1",
    "efficientnet_b1_torchvision",
    "efficientnet_b2",
    "efficientnet_b2_torchvision",
    "efficientnet_b3",
    "efficientnet_b3_torchvision",
    "efficientnet_b4",
    "efficientnet_b4_torchvision",
    "efficientnet_b5",
    "efficientnet_b5_torchvision",
    "efficientnet_b6",
    "efficientnet_b6_torchvision",
    "efficientnet_b7",
    "efficientnet_b7_torchvision",
    "extraction",
    "extraction_bn",
    "fcos",
    "fcos_original",
    "fcos_torchvision",
    "googlenet",
    "googlenet_torchvision",
    "highway",
    "highway_mnist",
    "inception_resnet_v1",
    "inception_resnet_v1_paper",
    "inception_resnet_v2",
    "inception_v2",
    "inception_v3",
    "inception_v3_gluon",
    "inception_v3_torchvision",
    "inception_v4",
    "lenet5",
    "lenet5_caffe",
    "lenet5_modern",
    "linear_classifier",
    "mobilenet_ssd",
    "mobilenet_v1",
    "mobilenet_v1_timm",
    "mobilenet_v2",
    "mobilenet_v2_torchvision",
    "mobilenet_v3_large",
    "mobilenet_v3_large_torchvision",
    "mobilenet_v3_small",
    "mobilenet_v3_small_torchvision",
    "names",
    "nasnet_large",
    "nasnet_large_keras",
    "nasnet_mobile",
    "nasnet_mobile_keras",
    "nearest_neighbour",
    "resnet18",
    "resnet20_cifar",
    "resnet32_cifar",
    "resnet34",
    "resnet44_cifar",
    "resnet50",
    "resnet50_v1",
    "resnet50_v2",
    "resnet50_v2_keras",
    "resnet56_cifar",
    "resnet101",
    "resnet101_v1",
    "resnet101_v2",
    "resnet101_v2_keras",
    "resnet110_cifar",
    "resnet110_v2_cifar",
    "resnet152",
    "resnet152_v1",
    "resnet152_v2",
    "resnet152_v2_keras",
    "resnet164_v2_cifar",
    "resnet200_v2",
    "resnet1001_v2_cifar",
    "resnext50_32x4d",
    "resnext101_32x4d",
    "resnext101_64x4d",
    "retinanet",
    "retinanet_torchvision",
    "retinanet_v2",
    "se_resnet50",
    "se_resnext50_32x4d",
    "senet154",
    "shufflenet_v1",
    "shufflenet_v2",
    "squeezenet1_0",
    "squeezenet1_0_torchvision",
    "squeezenet1_1",
    "squeezenet1_1_torchvision",
    "ssd300",
    "ssd300_torchvision",
    "ssd512",
    "ssdlite",
    "ssdlite320_torchvision",
    "two_layer_network",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg16_torchvision",
    "vgg19",
    "vgg19_bn",
    "vgg19_torchvision",
    "vit_b16",
    "vit_b16_torchvision",
    "vit_l16",
    "vit_l16_torchvision",
    "vit_s16",
    "vit_ti16",
    "wide_resnet28_10",
    "wide_resnet50_2",
    "xception",
    "yolo_v1",
    "yolo_v1_darknet",
    "yolo_v1_tiny",
    "yolo_v2",
    "yolo_v2_tiny",
    "yolox_l",
    "yolox_m",
    "yolox_nano",
    "yolox_s",
    "yolox_tiny",
    "yolox_x",
    "zfnet",
    "zfnet_b",
]
