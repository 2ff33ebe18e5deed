"""python -m tests.golden.make_readers: small files as PyTorch writes them.

What is in them is drawn from the names, so that the tests can draw it again.
"""

import pathlib

import torch

from tests.golden import draw

FOLDER = pathlib.Path(__file__).parent / "readers"
SHAPES = {"a.weight": (4, 3, 2, 2), "b.weight": (5, 4), "c.weight": (6,)}


def state_dict():
    """Tensors of all common types, and views that begin late or step over numbers."""
    drawn = {n: torch.from_numpy(x) for n, x in draw.weights(SHAPES).items()}
    long = torch.arange(20, dtype=torch.float64)
    return {
        **{f"module.{name}": x for name, x in drawn.items()},
        "module.parameter": torch.nn.Parameter(drawn["c.weight"] * 2),
        "module.transposed": drawn["b.weight"].T,
        "module.late": long[3:9:2],
        "module.half": drawn["c.weight"].half(),
        "module.bfloat16": drawn["c.weight"].bfloat16(),
        "module.integers": torch.arange(-2, 3),
        "module.bytes": torch.arange(5, dtype=torch.uint8),
        "module.truths": torch.tensor([True, False]),
        "module.empty": torch.zeros(0, 3),
        "module.scalar": torch.tensor(7),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    checkpoint = {"state_dict": state_dict(), "epoch": 3, "best": 0.5}
    torch.save(checkpoint, FOLDER / "zip.pth")
    torch.save(checkpoint, FOLDER / "stream.pth", _use_new_zipfile_serialization=False)
    module = torch.nn.Linear(2, 3)
    torch.save(module, FOLDER / "module.pth")  # a program, not numbers
