"""Names of the authors' published files, which their code does not show."""

import pytest

from kzoo.weights import families
from kzoo.weights.families import shufflenet


@pytest.mark.parametrize(
    "theirs, ours",
    [
        # torch.nn.DataParallel puts "module" before each.
        ("module.first_conv.0", "stem_conv"),
        ("module.features.0.branch_main_1.0", "stage2_block1_1_conv"),
        ("module.features.4.branch_main_1.3", "stage3_block1_2_depthwise_conv"),
        ("module.features.15.branch_main_2.1", "stage4_block4_3_bn"),
        ("module.classifier.0", "logits"),
        ("module.features.0.branch_proj", None),
    ],
)
def test_megvii_shufflenet_v1(theirs, ours):
    assert shufflenet.megvii(theirs) == ours


def test_published_files_of_v1_are_recognized():
    names = ["first_conv.0.weight", "features.15.branch_main_2.0.weight"]
    for prefix in ("", "module."):
        layout = families.recognize([prefix + name for name in names])
        assert layout.origin == "Megvii ShuffleNet v1"
