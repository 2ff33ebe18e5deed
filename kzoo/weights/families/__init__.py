"""Whose weights a file has: one module for each family of models, and its row here."""

from kzoo.weights.families import (
    alexnet,
    darknet,
    densenet,
    efficientnet,
    fcos,
    googlenet,
    inception_resnet,
    inception_v2,
    inception_v3,
    inception_v4,
    lenet5,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    nasnet,
    resnet,
    resnet_cifar,
    resnet_v2,
    resnext,
    retinanet,
    senet,
    shufflenet,
    squeezenet,
    ssd,
    vgg,
    vit,
    wide_resnet,
    xception,
    yolox,
)
from kzoo.weights.layout import Layout

FAMILIES = (
    darknet,
    yolox,
    nasnet,
    vit,
    efficientnet,
    fcos,
    retinanet,
    resnet,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    shufflenet,
    squeezenet,
    xception,
    resnet_cifar,
    vgg,
    ssd,
    resnet_v2,
    inception_v3,
    alexnet,
    densenet,
    googlenet,
    lenet5,
    inception_v2,
    inception_v4,
    inception_resnet,
    resnext,
    wide_resnet,
    senet,
)

_OUR_OWN = Layout(
    "kzoo", (), lambda names: any(name.endswith("/kernel") for name in names), dict
)
LAYOUTS = (*(layout for family in FAMILIES for layout in family.LAYOUTS), _OUR_OWN)
PUBLISHED = tuple(row for family in FAMILIES for row in family.PUBLISHED)


def sets(builder):
    """The published sets of weights that the builder of this name takes."""
    return [row for row in PUBLISHED if row.builder == builder]


def recognize(names, builders=(), declared=()):
    """The layout that has these names.

    Families share names (a ResNeXt's are a ResNet's): of several layouts that fit, it
    is that of the earliest of `builders`.

    Args:
      names: of the arrays.
      builders: whose weights they are to be: a model's builder, then its backbone's.
      declared: the builders whose published file it is, where one knows.

    Raises:
      ValueError: if no layout has these names.
    """
    fitting = [layout for layout in LAYOUTS if layout.marks(names)]
    if not fitting:
        some = ", ".join(list(names)[:3]) or "nothing"
        known = ", ".join(layout.origin for layout in LAYOUTS)
        raise ValueError(f"{some} ... are names of no layout that kzoo has: {known}")
    fitting = [x for x in fitting if set(x.builders) & set(declared)] or fitting
    ours = (x for builder in builders for x in fitting if builder in x.builders)
    return next(ours, fitting[0])
