#!/usr/bin/env python3
"""Compares what `amcl export` writes with `amcl embed`, on real images.

  python3 -m venv ENV && ENV/bin/pip install torch torchvision safetensors onnx onnxruntime pillow
  ENV/bin/python tools/check_export.py PHOTOS [AMCL]

PHOTOS holds images of any size; squares are cut from their centres at the side that `amcl embed` resizes to. For ResNet-18, 34, 50
and 101 of width 64 with both stems: weights of torchvision with random statistics go through `amcl export` to safetensors,
which torchvision loads with strict=True, and to ONNX, plain and folded, which onnx.checker looks at and
ONNX Runtime runs. Prints the largest difference from the features of `amcl embed`, as a share of the largest feature;
exit status 1 above 1e-4.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file, save_file

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def make_model(backbone, stem):
    torch.manual_seed(1)
    model = getattr(torchvision.models, backbone)()
    model.fc = torch.nn.Identity()
    if stem == "cifar":
        model.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        model.maxpool = torch.nn.Identity()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
    return model.eval()


def squares(photos, size, folder):
    """u8 [N, size, size, 3], written into the folder with the margin that `amcl embed` cuts off."""
    pixels = []
    whole = round(size * 256 / 224)
    margin = (whole - size) // 2
    for path in sorted(p for p in photos.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))[:20]:
        image = Image.open(path).convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side)).resize((whole, whole))
        image.save(folder / f"{len(pixels):03}.png")
        pixels.append(numpy.asarray(image)[margin:margin + size, margin:margin + size])
    return numpy.stack(pixels)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    photos = pathlib.Path(sys.argv[1])
    program = sys.argv[2] if len(sys.argv) > 2 else "build/release/bin/amcl"
    far = False

    def amcl(*arguments):
        subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    for backbone in ("resnet18", "resnet34", "resnet50", "resnet101"):
        for stem, size in (("cifar", 32), ("imagenet", 224)):
            work = pathlib.Path(tempfile.mkdtemp())
            (work / "images").mkdir()
            pixels = squares(photos, size, work / "images")
            images = ((pixels / 255 - MEAN) / DEVIATION).transpose(0, 3, 1, 2).astype("float32")
            save_file({name: tensor.contiguous() for name, tensor in make_model(backbone, stem).state_dict().items()},
                      work / "net.safetensors")
            seen = ["--mean", ",".join(map(str, MEAN)), "--deviation", ",".join(map(str, DEVIATION)), "--size", size]
            amcl("embed", work / "net.safetensors", "--data", work / "images", "--out", work / "rows.npy", *seen)
            want = numpy.load(work / "rows.npy")

            def compare(name, got):
                nonlocal far
                error = numpy.abs(got - want).max() / numpy.abs(want).max()
                far |= not error <= 1e-4
                print(f"{backbone:10}{stem:10}{name:22}{error:.1e}")

            amcl("export", work / "net.safetensors", "--out", work / "out.safetensors")
            model = make_model(backbone, stem)
            for parameter in model.parameters():
                torch.nn.init.zeros_(parameter)
            model.load_state_dict(load_file(work / "out.safetensors"), strict=True)
            with torch.no_grad():
                compare("torchvision, strict", model(torch.from_numpy(images)).numpy())
            for name, flags in (("onnx", []), ("onnx, folded", ["--fold-batch-norm"])):
                amcl("export", work / "net.safetensors", "--out", work / "out.onnx", "--overwrite", *flags)
                onnx.checker.check_model(onnx.load(work / "out.onnx"), full_check=True)
                session = onnxruntime.InferenceSession(work / "out.onnx", providers=["CPUExecutionProvider"])
                compare(name, session.run(["features"], {"images": images})[0])
    sys.exit(far)


main()
