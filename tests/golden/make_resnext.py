"""python -m tests.golden.make_resnext: ResNeXt and WRN-50-2 of torchvision and timm."""

import timm
import torch

from tests.golden.make_resnet import from_torchvision, write_resnet

if __name__ == "__main__":
    with torch.inference_mode():
        for name in ("resnext50_32x4d", "resnext101_64x4d", "wide_resnet50_2"):
            from_torchvision(name)
        version = f"timm {timm.__version__} resnext101_32x4d"
        model = timm.create_model("resnext101_32x4d")
        write_resnet("resnext101_32x4d", version, model)
