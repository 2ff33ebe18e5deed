"""What stands before a head: a features model, from what `backbone` may be."""

from kzoo.models.registry import build


def backbone_model(backbone, input_shape):
    """A features model: `backbone` itself, or what builds one."""
    if isinstance(backbone, dict):
        return build(backbone["builder"], **backbone["arguments"])
    if isinstance(backbone, str):
        return build(backbone, classes=None, input_shape=input_shape)
    if not isinstance(backbone.output, dict):
        raise ValueError(f"{backbone.name} gives no features; build it by classes=None")
    return backbone


def backbone_levels(backbone, levels=("C3", "C4", "C5")):
    """{level: (B, H, W, C)} of a features model, those that are asked for."""
    missing = [c for c in levels if c not in backbone.output]
    if missing:
        raise ValueError(
            f"{backbone.name} has no {', '.join(missing)}; "
            f"it has {', '.join(backbone.output)}"
        )
    return {c: backbone.output[c] for c in levels}
