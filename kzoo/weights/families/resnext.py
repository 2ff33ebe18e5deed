"""ResNeXt and WRN-50-2: torchvision's and timm's names, which are those of ResNet."""

from kzoo.weights.families.resnet import torchvision
from kzoo.weights.layout import Layout, from_torch, has
from kzoo.weights.published import Published, sha256_of

LAYOUTS = (
    Layout(
        "torchvision ResNeXt",
        (
            "resnext50_32x4d",
            "resnext101_32x4d",
            "resnext101_64x4d",
            "wide_resnet50_2",
        ),
        has("layer1.0.conv3.weight", "bn1.running_mean"),
        from_torch(torchvision),
    ),
)

_PYTORCH = "https://download.pytorch.org/models/"
_PUBLISHED = (
    ("imagenet", "resnext50_32x4d", "resnext50_32x4d-7cdf4587.pth", "77.618 / 93.698"),
    (
        "imagenet_v2",
        "resnext50_32x4d",
        "resnext50_32x4d-1a0047aa.pth",
        "81.198 / 95.340",
    ),
    (
        "imagenet",
        "resnext101_64x4d",
        "resnext101_64x4d-173b62eb.pth",
        "83.246 / 96.454",
    ),
    ("imagenet", "wide_resnet50_2", "wide_resnet50_2-95faca4d.pth", "78.468 / 94.086"),
    (
        "imagenet_v2",
        "wide_resnet50_2",
        "wide_resnet50_2-9ba9bcbe.pth",
        "81.602 / 95.758",
    ),
)
# Of timm's table of results, at 224 pixels.
_TIMM = (
    ("imagenet_a1", "resnext50_32x4d", "a1_in1k", "80.526 / 94.458"),
    ("imagenet_a1h", "resnext50_32x4d", "a1h_in1k", "81.140 / 95.320"),
    ("imagenet_a2", "resnext50_32x4d", "a2_in1k", "80.444 / 94.630"),
    ("imagenet_a3", "resnext50_32x4d", "a3_in1k", "79.258 / 94.308"),
    ("imagenet_ra", "resnext50_32x4d", "ra_in1k", "79.800 / 94.608"),
    ("imagenet_gluon", "resnext50_32x4d", "gluon_in1k", "79.354 / 94.424"),
    ("imagenet_swsl", "resnext50_32x4d", "fb_swsl_ig1b_ft_in1k", "82.162 / 96.224"),
    ("imagenet_ssl", "resnext50_32x4d", "fb_ssl_yfcc100m_ft_in1k", "80.316 / 95.386"),
    ("imagenet_tv", "resnext50_32x4d", "tv_in1k", "77.632 / 93.674"),
    ("imagenet_tv2", "resnext50_32x4d", "tv2_in1k", "81.190 / 95.344"),
    ("imagenet", "resnext101_32x4d", "gluon_in1k", "80.336 / 94.908"),
    ("imagenet_swsl", "resnext101_32x4d", "fb_swsl_ig1b_ft_in1k", "83.268 / 96.760"),
    ("imagenet_ssl", "resnext101_32x4d", "fb_ssl_yfcc100m_ft_in1k", "80.936 / 95.732"),
    ("imagenet_c1", "resnext101_64x4d", "c1_in1k", "82.446 / 95.920"),
    ("imagenet_gluon", "resnext101_64x4d", "gluon_in1k", "80.640 / 95.000"),
    ("imagenet_tv", "resnext101_64x4d", "tv_in1k", "82.978 / 96.252"),
    ("imagenet_racm", "wide_resnet50_2", "racm_in1k", "81.466 / 95.544"),
    ("imagenet_tv", "wide_resnet50_2", "tv_in1k", "78.486 / 94.084"),
    ("imagenet_tv2", "wide_resnet50_2", "tv2_in1k", "81.612 / 95.766"),
)


def _licence(tag):
    if tag.startswith("tv"):
        return "BSD-3"  # torchvision's, as another kind of file
    return "CC-BY-NC-4.0" if tag.startswith("fb_") else "Apache-2.0"


PUBLISHED = (
    *(
        Published(name, builder, _PYTORCH + file, sha256_of(file), "BSD-3", score)
        for name, builder, file, score in _PUBLISHED
    ),
    *(
        Published(
            name,
            builder,
            f"hf://timm/{builder}.{tag}/model.safetensors",
            "",
            _licence(tag),
            score,
        )
        for name, builder, tag, score in _TIMM
    ),
)
