#!/usr/bin/env python3
"""Times torchvision and Pillow on the views of `amcl bench data`, on one core.

  python3 tools/bench/data_torchvision.py [--seconds 5] [--jpegs DIR]

Needs torch, torchvision and numpy, in any virtual environment outside this repository. Prints one JSON object per
line: the SimCLR recipe with blur, for 32 px from 32 x 32 images and 224 px from decoded images of 500 x 375, each of torchvision's ways to do it:
`pil` (PIL images, what most training scripts do), `v2_uint8` and `v2_float` (transforms.v2 on tensors of one image).
The blur's kernel reaches three standard deviations at the largest sigma, as amcl's does.

With --jpegs DIR (from `amcl bench data --write-images DIR`) Pillow decodes, crops and resizes these images from memory:
`pillow`, and `pillow_draft`, which decodes at 1/2, 1/4 or 1/8 where the crop allows it, by the rule of amcl's
--reduce-decoding. Pillow's fastest way counts: resize(box=...) of the image as it is opened (torchvision copies the crop
first), with boxes drawn before, and it ends with 8-bit pixels where amcl's views are normalised floats.
"""

import argparse
import io
import json
import statistics
import time
from pathlib import Path

import numpy
import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms
from torchvision.transforms import v2

MEAN, DEVIATION = [0.5] * 3, [0.25] * 3
KERNEL = 13  # 2 * ceil(3 * 2.0) + 1


def recipe(module, size, before, after):
    return module.Compose([
        *before,
        module.RandomResizedCrop(size, scale=(0.08, 1.0), antialias=True),
        module.RandomHorizontalFlip(0.5),
        module.RandomApply([module.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        module.RandomGrayscale(0.2),
        module.RandomApply([module.GaussianBlur(KERNEL, (0.1, 2.0))], p=0.5),
        *after,
        module.Normalize(MEAN, DEVIATION),
    ])


def ways(size, images):
    tensors = [torch.from_numpy(image).permute(2, 0, 1).contiguous() for image in images]
    to_float = v2.ToDtype(torch.float32, scale=True)
    yield "pil", [Image.fromarray(image) for image in images], recipe(transforms, size, [], [transforms.ToTensor()])
    yield "v2_uint8", tensors, recipe(v2, size, [], [to_float])
    yield "v2_float", tensors, recipe(v2, size, [to_float], [])


def crop_boxes(count, height, width):
    """Left, top, right, bottom of random resized crops."""
    image = torch.empty(3, height, width)
    boxes = []
    for _ in range(count):
        top, left, h, w = transforms.RandomResizedCrop.get_params(image, (0.08, 1.0), (3 / 4, 4 / 3))
        boxes.append((left, top, left + w, top + h))
    return boxes


def decoded(file):
    image = Image.open(io.BytesIO(file))
    image.load()
    return image


def cropped(file, box, size, draft):
    image = Image.open(io.BytesIO(file))
    if draft:
        surplus = min((box[2] - box[0]) // size, (box[3] - box[1]) // size)
        width = image.width
        # Pillow reduces as long as neither side becomes smaller than what is asked for.
        image.draft("RGB", (image.width // max(surplus, 1), image.height // max(surplus, 1)))
        scale = round(width / image.width)
        box = tuple(min(edge / scale, limit) for edge, limit in zip(box, image.size * 2))
    return image.resize((size, size), Image.Resampling.BILINEAR, box=box)


def time_jpegs(directory, seconds):
    files = [path.read_bytes() for path in sorted(Path(directory).glob("*.jpg"))]
    width, height = Image.open(io.BytesIO(files[0])).size
    boxes = crop_boxes(1000, height, width)
    sources = [(files[i % len(files)], box) for i, box in enumerate(boxes)]
    cases = [("jpeg_whole", (height, width), "pillow", lambda source: decoded(source[0]))]
    for size in 224, 96:
        for way, draft in ("pillow", False), ("pillow_draft", True):
            cases.append((f"jpeg_crop_{size}", (size, size), way,
                          lambda source, size=size, draft=draft: cropped(*source, size, draft)))
    for name, view, way, view_of in cases:
        print(json.dumps({"case": name, "way": way, "image": [height, width], "view": view,
                          "views_per_s_per_core": views_per_second(sources, view_of, seconds),
                          "pillow": PIL.__version__}), flush=True)


def views_per_second(images, view_of, seconds):
    """Median of five runs."""
    rates = []
    made = 0
    for _ in range(5):
        count, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < seconds / 5:
            view_of(images[made % len(images)])
            made += 1
            count += 1
        rates.append(count / (time.perf_counter() - begin))
    return statistics.median(rates)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="spent on each figure")
    parser.add_argument("--jpegs", metavar="DIR", help="JPEG images of one size")
    arguments = parser.parse_args()
    seconds = arguments.seconds
    torch.set_num_threads(1)
    torch.manual_seed(1)
    random = numpy.random.default_rng(1)
    for name, (height, width), size, count in (("views_32", (32, 32), 32, 1024), ("views_224", (375, 500), 224, 16)):
        images = list(random.integers(0, 256, (count, height, width, 3), dtype=numpy.uint8))
        for way, sources, view_of in ways(size, images):
            rate = views_per_second(sources, view_of, seconds)
            print(json.dumps({"case": name, "way": way, "image": [height, width], "view": [size, size],
                              "views_per_s_per_core": rate, "torchvision": torchvision.__version__}), flush=True)
    if arguments.jpegs:
        time_jpegs(arguments.jpegs, seconds)


if __name__ == "__main__":
    main()
