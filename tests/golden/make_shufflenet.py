"""python -m tests.golden.make_shufflenet: torchvision's v2, and the authors' v1.

Needs the folder ShuffleNetV1 of https://github.com/megvii-model/ShuffleNet-Series on
the path.
"""

import blocks
import network
import torch
import torchvision
from torch import nn

from tests.golden import draw, reference

# As their network.py has channels for 3 and 8 groups, table 1 for 4.
FOUR_GROUPS = (24, 272, 544, 1088)


def features_of(stages, x):
    features = {}
    for level, stage in enumerate(stages, start=1):
        x = stage(x)
        features[f"C{level}"] = reference.channels_last(x)
    return features


def v2(width):
    spelt = str(width).replace(".", "_")
    model = getattr(torchvision.models, f"shufflenet_v2_x{spelt}")()
    model, shapes = reference.with_drawn_weights(model)
    pictures = reference.tensor(draw.pictures(*draw.ODD))
    stages = (model.conv1, model.maxpool, model.stage2, model.stage3, model.stage4)
    reference.write(
        "shufflenet_v2" if width == 1 else f"shufflenet_v2_{100 * width:.0f}",
        f"torchvision {torchvision.__version__} shufflenet_v2_x{spelt}",
        shapes,
        model(pictures).numpy(),
        features_of(stages, pictures),
        builder="shufflenet_v2",
        arguments={} if width == 1 else {"width": width},
    )


def v1(groups, width):
    model = network.ShuffleNetV1(model_size=f"{width}x", group=8 if groups == 8 else 3)
    if groups == 4:
        model.features, model.classifier = with_four_groups()
        model.stage_out_channels = [*FOUR_GROUPS]
    model.globalpool = nn.AdaptiveAvgPool2d(1)  # of any size, not 7
    model, shapes = reference.with_drawn_weights(model)
    pixels = draw.pictures(*draw.ODD)[..., ::-1].astype("float32")
    pictures = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
    units = model.features
    stages = (model.first_conv, model.maxpool, units[:4], units[4:12], units[12:])
    facts = {"groups": groups, "width": width}
    reference.write(
        f"shufflenet_v1_{groups}_{100 * width:.0f}",
        f"megvii-model/ShuffleNet-Series, {groups} groups, {width}x",
        shapes,
        model(pictures).numpy(),
        features_of(stages, pictures),
        builder="shufflenet_v1",
        arguments=facts,
    )


def with_four_groups():
    units = []
    for before, after, depth in zip(FOUR_GROUPS, FOUR_GROUPS[1:], (4, 8, 4)):
        for i in range(depth):
            unit = blocks.ShuffleV1Block(
                before if i == 0 else after,
                after,
                group=4,
                first_group=not units,
                mid_channels=after // 4,
                ksize=3,
                stride=2 if i == 0 else 1,
            )
            units.append(unit)
    linear = nn.Linear(FOUR_GROUPS[-1], 1000, bias=False)
    return nn.Sequential(*units), nn.Sequential(linear)


if __name__ == "__main__":
    with torch.inference_mode():
        for size in (0.5, 1.0, 2.0):
            v2(size)
        for count, size in ((3, 1.0), (8, 0.5), (4, 1.0)):
            v1(count, size)
