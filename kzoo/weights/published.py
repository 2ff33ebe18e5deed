"""Sets of weights that others published: where each is and what it is."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Published:
    """One set of published weights. Rows are in `kzoo.weights.families`.

    Attributes:
      name: what users say: "imagenet" for the family's first, "imagenet_v2" ...
      builder: ours that takes it.
      url: https://..., or hf://OWNER/REPOSITORY/FILE on huggingface.co.
      hash: "sha256:...", "sha1:..." or "md5:..." as its publisher states it, the first
        digits being enough; "" where none is stated.
      licence: of the weights, as stated; "none stated" else.
      score: as published, on what `classes` names (top-1 / top-5).
      arguments: of the builder, where not its defaults.
      classes: what its outputs stand for, "imagenet", "cifar10", "coco", "coco91";
        their names are in names/CLASSES.txt, where we have them.
    """

    name: str
    builder: str
    url: str
    hash: str
    licence: str
    score: str
    arguments: dict = dataclasses.field(default_factory=dict)
    classes: str = "imagenet"


def sha256_of(file):
    """PyTorch's files end in the first digits of their hash: resnet18-f37072fd.pth."""
    return f"sha256:{file.rpartition('-')[2].partition('.')[0]}"
