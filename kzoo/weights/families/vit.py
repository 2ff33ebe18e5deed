"""Vision Transformer: names of the authors' files, timm, transformers, torchvision."""

import re

import numpy as np

from kzoo.weights.layout import Layout, from_torch, has
from kzoo.weights.published import Published, sha256_of

_AUTHORS = ("vit_ti16", "vit_s16", "vit_b16", "vit_l16")
_TORCHVISION = ("vit_b16_torchvision", "vit_l16_torchvision")

# What is no layer of its own there, by its publisher's name.
_TOKENS = {
    "cls": "class_token/token",
    "cls_token": "class_token/token",
    "class_token": "class_token/token",
    "vit.embeddings.cls_token": "class_token/token",
    "Transformer/posembed_input/pos_embedding": "positions/embedding",
    "pos_embed": "positions/embedding",
    "encoder.pos_embedding": "positions/embedding",
    "vit.embeddings.position_embeddings": "positions/embedding",
}
_PARTS = ("query", "key", "value")
_TIMM = {
    "norm1": "1_ln",
    **{f"attn.{part}": f"attention_{part}" for part in _PARTS},
    "attn.proj": "attention_out",
    "norm2": "2_ln",
    "mlp.fc1": "mlp_1",
    "mlp.fc2": "mlp_2",
}
_OF_TORCHVISION = {
    "ln_1": "1_ln",
    **{f"self_attention.{part}": f"attention_{part}" for part in _PARTS},
    "self_attention.out_proj": "attention_out",
    "ln_2": "2_ln",
    "mlp.0": "mlp_1",
    "mlp.3": "mlp_2",
    # In the files, which are older than the code.
    "mlp.linear_1": "mlp_1",
    "mlp.linear_2": "mlp_2",
}
_TRANSFORMERS = {
    "layernorm_before": "1_ln",
    **{f"attention.attention.{part}": f"attention_{part}" for part in _PARTS},
    "attention.output.dense": "attention_out",
    "layernorm_after": "2_ln",
    "intermediate.dense": "mlp_1",
    "output.dense": "mlp_2",
}
_OF_AUTHORS = {
    "LayerNorm_0": "1_ln",
    **{f"MultiHeadDotProductAttention_1/{p}": f"attention_{p}" for p in _PARTS},
    "MultiHeadDotProductAttention_1/out": "attention_out",
    "LayerNorm_2": "2_ln",
    "MlpBlock_3/Dense_0": "mlp_1",
    "MlpBlock_3/Dense_1": "mlp_2",
}
# The hidden layer of pre-training, "head_hidden", is no part of our networks.
_ENDS = {
    "patch_embed.proj": "patches_conv",
    "norm": "last_ln",
    "pre_logits.fc": "head_hidden",
    "head": "logits",
    "conv_proj": "patches_conv",
    "encoder.ln": "last_ln",
    "heads.pre_logits": "head_hidden",
    "heads.head": "logits",
    "vit.embeddings.patch_embeddings.projection": "patches_conv",
    "vit.layernorm": "last_ln",
    "classifier": "logits",
    "embedding": "patches_conv",
    "Transformer/encoder_norm": "last_ln",
    "pre_logits": "head_hidden",
}


def renamed(pattern, parts):
    """The function from a layer's name to ours: 'blocks.0.norm1' -> 'block1_1_ln'."""

    def rename(layer):
        found = re.fullmatch(pattern, layer)
        if not found:
            return _ENDS.get(layer)
        number, part = found.groups()
        return f"block{int(number) + 1}_{parts[part]}" if part in parts else None

    return rename


timm = renamed(r"blocks\.(\d+)\.(.+)", _TIMM)
torchvision = renamed(r"encoder\.layers\.encoder_layer_(\d+)\.(.+)", _OF_TORCHVISION)
transformers = renamed(r"vit\.encoder\.layer\.(\d+)\.(.+)", _TRANSFORMERS)
authors = renamed(r"Transformer/encoderblock_(\d+)/(.+)", _OF_AUTHORS)


def from_state_dict(rename):
    """As `from_torch`, where query, key and value can be one matrix."""

    def convert(arrays):
        single = {}
        for name, array in arrays.items():
            fused = re.fullmatch(r"(.+)(?:qkv\.|in_proj_)(weight|bias)", name)
            if fused:
                split = zip(_PARTS, np.split(array, 3))
                single |= {f"{fused[1]}{p}.{fused[2]}": piece for p, piece in split}
            else:
                single[name] = array
        tokens = {_TOKENS[n]: single.pop(n) for n in [*single] if n in _TOKENS}
        return tokens | from_torch(rename)(single)

    return convert


def from_authors(arrays):
    """From the .npz files, whose matrices have an axis for the heads."""
    converted = {}
    for name, array in arrays.items():
        layer, _, variable = name.rpartition("/")
        ours = authors(layer)
        if name in _TOKENS:
            converted[_TOKENS[name]] = array
        elif ours is None:
            converted[name] = array
        elif ours.endswith("_ln"):
            converted[f"{ours}/{'gamma' if variable == 'scale' else 'beta'}"] = array
        else:
            converted[f"{ours}/{variable}"] = _without_heads(array, ours, variable)
    return converted


def _without_heads(array, layer, variable):
    """(C, heads, c) of query, key and value, or (heads, c, C) behind them: (C, C)."""
    if variable == "bias":
        return array.ravel()
    if array.ndim != 3:
        return array
    channels = array.shape[-1] if layer.endswith("_out") else array.shape[0]
    return array.reshape(channels, channels)


LAYOUTS = (
    Layout(
        "timm ViT",
        _AUTHORS,
        has("cls_token", "pos_embed", "blocks.0.attn.qkv.weight"),
        from_state_dict(timm),
    ),
    Layout(
        "torchvision ViT",
        _TORCHVISION,
        has("class_token", "encoder.pos_embedding"),
        from_state_dict(torchvision),
    ),
    Layout(
        "transformers ViT",
        _AUTHORS,
        has("vit.embeddings.cls_token", "vit.layernorm.weight"),
        from_state_dict(transformers),
    ),
    Layout(
        "the authors' ViT",
        _AUTHORS,
        has("cls", "Transformer/encoder_norm/scale"),
        from_authors,
    ),
)

_PYTORCH = "https://download.pytorch.org/models/"
_GOOGLE = "https://storage.googleapis.com/vit_models/augreg/"
# name, builder, timm's size and tag, top-1 / top-5 that timm states for 224 pixels.
_OF_TIMM = (
    ("imagenet", "ti", "tiny", "augreg_in21k_ft_in1k", "75.452 / 92.858"),
    ("imagenet", "s", "small", "augreg_in21k_ft_in1k", "81.402 / 96.150"),
    ("imagenet_alone", "s", "small", "augreg_in1k", "78.842 / 94.280"),
    ("imagenet", "b", "base", "augreg_in21k_ft_in1k", "84.534 / 97.300"),
    ("imagenet_augreg2", "b", "base", "augreg2_in21k_ft_in1k", "85.108 / 97.530"),
    ("imagenet_alone", "b", "base", "augreg_in1k", "79.154 / 94.108"),
    ("imagenet_original", "b", "base", "orig_in21k_ft_in1k", "81.782 / 96.122"),
    ("imagenet_sam", "b", "base", "sam_in1k", "80.246 / 94.764"),
    ("imagenet", "l", "large", "augreg_in21k_ft_in1k", "85.856 / 97.822"),
)
# Pre-trained on ImageNet-21k and no more: 21,843 classes, for warm starts.
_OF_TIMM_21K = (("ti", "tiny"), ("s", "small"), ("b", "base"), ("l", "large"))
# Pre-trained on ImageNet-21k, then fine-tuned: what is between name and size.
_OF_GOOGLE = (
    ("vit_ti16", "Ti_16-i21k-300ep-lr_0.001-aug_none-wd_0.03-do_0.0-sd_0.0", "0.03"),
    ("vit_s16", "S_16-i21k-300ep-lr_0.001-aug_light1-wd_0.03-do_0.0-sd_0.0", "0.03"),
    ("vit_b16", "B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0", "0.01"),
    ("vit_l16", "L_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.1-sd_0.1", "0.01"),
)
_GOOGLE_SCORES_384 = ("78.22", "83.73", "85.49", "85.59")
_SWAG = "CC-BY-NC-4.0"
# name, builder, file, licence, score; "swag" is for sides of 384 (b) and 512 (l).
_PTH = (
    ("imagenet", "b", "vit_b_16-c867db91", "BSD-3", "81.072 / 95.318"),
    (
        "imagenet_swag_linear",
        "b",
        "vit_b_16_lc_swag-4e70ced5",
        _SWAG,
        "81.886 / 96.180",
    ),
    ("imagenet_swag", "b", "vit_b_16_swag-9ac1b537", _SWAG, "85.304 / 97.650"),
    ("imagenet", "l", "vit_l_16-852ce7e3", "BSD-3", "79.662 / 94.638"),
    (
        "imagenet_swag_linear",
        "l",
        "vit_l_16_lc_swag-4d563306",
        _SWAG,
        "85.146 / 97.422",
    ),
    ("imagenet_swag", "l", "vit_l_16_swag-4f3808c9", _SWAG, "88.064 / 98.512"),
)
# A set for another size of pictures fits all: positions are resized in loading.
PUBLISHED = (
    *(
        Published(
            name,
            f"vit_{size}16",
            f"hf://timm/vit_{long}_patch16_224.{tag}/model.safetensors",
            "",
            "Apache-2.0",
            score,
        )
        for name, size, long, tag, score in _OF_TIMM
    ),
    *(
        Published(
            "imagenet21k",
            f"vit_{size}16",
            f"hf://timm/vit_{long}_patch16_224.augreg_in21k/model.safetensors",
            "",
            "Apache-2.0",
            "none stated",
            classes="imagenet21k",
        )
        for size, long in _OF_TIMM_21K
    ),
    *(
        Published(
            f"imagenet_authors_{side}",
            builder,
            f"{_GOOGLE}{run}--imagenet2012-steps_20k-lr_{rate}-res_{side}.npz",
            "",
            "Apache-2.0",
            score if side == 384 else "none stated",
        )
        for (builder, run, rate), score in zip(_OF_GOOGLE, _GOOGLE_SCORES_384)
        for side in (224, 384)
    ),
    Published(
        "imagenet_transformers",
        "vit_b16",
        "hf://google/vit-base-patch16-224/model.safetensors",
        "",
        "Apache-2.0",
        "none stated",
    ),
    *(
        Published(
            name,
            f"vit_{size}16_torchvision",
            f"{_PYTORCH}{file}.pth",
            sha256_of(f"{file}.pth"),
            licence,
            score,
        )
        for name, size, file, licence, score in _PTH
    ),
)
