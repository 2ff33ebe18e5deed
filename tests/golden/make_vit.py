"""python -m tests.golden.make_vit: timm's, transformers' and torchvision's networks.

But for the smallest, heads have fewer channels than the paper's 64. Also the authors'
own names, as timm reads them, and positions made for pictures of another size.
"""

import pathlib
import tempfile

import numpy as np
import timm
import torch
import torchvision
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer

from tests.golden import draw, reference

SIZE, SQUARE, OTHER = (64, 96), (64, 64), (96, 80)
HALVES = (0.5, 0.5, 0.5)
# name: heads, blocks, our width.
SIZES = {
    "ti": (3, 12, 1.0),
    "s": (6, 12, 0.5),
    "b": (12, 12, 0.25),
    "l": (16, 24, 0.125),
}


def of_timm(size, pixels=SIZE):
    heads, depth, width = SIZES[size]
    channels = round(64 * width) * heads
    return VisionTransformer(
        pixels, 16, embed_dim=channels, depth=depth, num_heads=heads
    ).eval()


def pictures(pixels=SIZE):
    return reference.tensor(draw.pictures(2, *pixels), HALVES, HALVES)


def write(name, version, shapes, logits, features=None, pixels=SIZE, builder=None):
    width = SIZES[name.split("_")[1].rstrip("16")][2]
    arguments = {} if width == 1 else {"width": width}
    builder = builder or name
    reference.write(name, version, shapes, logits, features, builder, arguments, pixels)


def from_timm(size):
    model, shapes = reference.with_drawn_weights(of_timm(size))
    version = f"timm {timm.__version__} VisionTransformer"
    x = pictures()
    features = {"C4": grid(model.forward_features(x)[:, 1:])}
    write(f"vit_{size}16", version, shapes, model(x).numpy(), features)


def grid(tokens):
    return tokens.reshape(2, SIZE[0] // 16, SIZE[1] // 16, -1).numpy()


def resized(size):
    """Weights for square pictures in a network for others."""
    model, shapes = reference.with_drawn_weights(of_timm(size, SQUARE))
    weights = model.state_dict()
    new_size = [side // 16 for side in OTHER]
    weights["pos_embed"] = resample_abs_pos_embed(weights["pos_embed"], new_size)
    model = of_timm(size, OTHER)
    model.load_state_dict(weights)
    version = f"timm {timm.__version__} VisionTransformer, resample_abs_pos_embed"
    name = f"vit_{size}16"
    logits = model(pictures(OTHER)).numpy()
    write(f"{name}_resized", version, shapes, logits, None, OTHER, name)


def from_authors(size):
    """The names in their .npz files, read by timm."""
    heads, depth, width = SIZES[size]
    each = round(64 * width)
    channels = each * heads
    tokens = 1 + SIZE[0] // 16 * (SIZE[1] // 16)
    shapes = {
        "cls": (1, 1, channels),
        "embedding/kernel": (16, 16, 3, channels),
        "embedding/bias": (channels,),
        "Transformer/posembed_input/pos_embedding": (1, tokens, channels),
        "Transformer/encoder_norm/scale": (channels,),
        "Transformer/encoder_norm/bias": (channels,),
        "head/kernel": (channels, 1000),
        "head/bias": (1000,),
    }
    for block in range(depth):
        name = f"Transformer/encoderblock_{block}"
        for layer in ("LayerNorm_0", "LayerNorm_2"):
            shapes |= {f"{name}/{layer}/{v}": (channels,) for v in ("scale", "bias")}
        attention = f"{name}/MultiHeadDotProductAttention_1"
        for part in ("query", "key", "value"):
            shapes[f"{attention}/{part}/kernel"] = (channels, heads, each)
            shapes[f"{attention}/{part}/bias"] = (heads, each)
        shapes[f"{attention}/out/kernel"] = (heads, each, channels)
        shapes[f"{attention}/out/bias"] = (channels,)
        wide = (channels, 4 * channels), (4 * channels, channels)
        for number, shape in enumerate(wide):
            shapes[f"{name}/MlpBlock_3/Dense_{number}/kernel"] = shape
            shapes[f"{name}/MlpBlock_3/Dense_{number}/bias"] = shape[1:]
    model = of_timm(size)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "weights.npz"
        np.savez(path, **draw.weights(shapes))
        model.load_pretrained(str(path))
    version = (
        f"timm {timm.__version__} VisionTransformer.load_pretrained(authors' .npz)"
    )
    write(f"vit_{size}16", version, shapes, model(pictures()).numpy())


def from_transformers(size):
    import transformers

    heads, depth, width = SIZES[size]
    channels = round(64 * width) * heads
    config = transformers.ViTConfig(
        hidden_size=channels,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        intermediate_size=4 * channels,
        image_size=SIZE,
        num_labels=1000,
    )
    model = transformers.ViTForImageClassification(config)
    model, shapes = reference.with_drawn_weights(model)
    x = pictures()
    features = {"C4": grid(model.vit(x).last_hidden_state[:, 1:])}
    version = f"transformers {transformers.__version__} ViTForImageClassification"
    write(f"vit_{size}16", version, shapes, model(x).logits.numpy(), features)


def from_torchvision(size):
    heads, depth, width = SIZES[size]
    channels = round(64 * width) * heads
    model = torchvision.models.VisionTransformer(
        SQUARE[0], 16, depth, heads, channels, 4 * channels
    )
    model, shapes = reference.with_drawn_weights(model)
    logits = model(reference.tensor(draw.pictures(2, *SQUARE))).numpy()
    version = f"torchvision {torchvision.__version__} VisionTransformer"
    write(f"vit_{size}16_torchvision", version, shapes, logits, None, SQUARE)


if __name__ == "__main__":
    with torch.inference_mode():
        from_timm("ti")
        resized("ti")
        from_authors("s")
        from_transformers("b")
        from_timm("l")
        for network in ("b", "l"):
            from_torchvision(network)
