#!/usr/bin/env python3
"""Runs the README's lines that load an encoder into torchvision, and compares its features with amcl's.

  python3 -m venv ENV && ENV/bin/pip install torch torchvision safetensors
  ENV/bin/python tools/load_in_torchvision.py runs/first/checkpoint.safetensors ...

A checkpoint holds eight images and the features that amcl computed of them when it was written. Prints for each file the
largest difference of torchvision's features from these and the largest feature; exit status 1 where the difference is
above 1e-3 of that (a run in bf16 has rounded its own). Needs Python 3.11.
"""
import pathlib
import re
import sys
import tomllib

import torch
from safetensors import safe_open

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"


def features_of(path, backbone, images):
    """The features [N, F] of normalised images [N, 3, H, W] by the model that the README's lines make."""
    lines = re.search(r"```python\n([^`]*torchvision[^`]*)```", README.read_text())[1]
    lines = lines.replace("runs/first/checkpoint.safetensors", path).replace("resnet18", backbone)
    scope = {}
    exec(lines, scope)
    with torch.no_grad():
        return scope["model"](images)


def difference(path):
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        images = file.get_tensor("probe.images").permute(0, 3, 1, 2) / 255
        stored = file.get_tensor("probe.features")
    mean, deviation = (torch.tensor([float(x) for x in metadata["normalization_" + key].split()]).view(3, 1, 1)
                       for key in ("mean", "deviation"))
    backbone = tomllib.loads(metadata["config"])["model"]["backbone"]
    features = features_of(path, backbone, (images - mean) / deviation)
    return (features - stored).abs().max().item(), stored.abs().max().item()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    far = False
    for path in sys.argv[1:]:
        error, largest = difference(path)
        print(f"{path}: largest difference {error:.1e}, largest feature {largest:.2f}")
        far = far or error > 1e-3 * largest
    sys.exit(far)


if __name__ == "__main__":
    main()
