#!/usr/bin/env python3
"""Times torchvision on the views of `amcl bench data`: the SimCLR recipe with blur, on one core.

  python3 tools/bench/data_torchvision.py [--seconds 5]

Needs torch, torchvision and numpy, in any virtual environment outside this repository. Prints one JSON object per
line: for 32 px from 32 x 32 images and 224 px from decoded images of 500 x 375, each of torchvision's ways to do it:
`pil` (PIL images, what most training scripts do), `v2_uint8` and `v2_float` (transforms.v2 on tensors of one image).
The blur's kernel reaches three standard deviations at the largest sigma, as amcl's does.
"""

import argparse
import json
import statistics
import time

import numpy
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
    seconds = parser.parse_args().seconds
    torch.set_num_threads(1)
    torch.manual_seed(1)
    random = numpy.random.default_rng(1)
    for name, (height, width), size, count in (("views_32", (32, 32), 32, 1024), ("views_224", (375, 500), 224, 16)):
        images = list(random.integers(0, 256, (count, height, width, 3), dtype=numpy.uint8))
        for way, sources, view_of in ways(size, images):
            rate = views_per_second(sources, view_of, seconds)
            print(json.dumps({"case": name, "way": way, "image": [height, width], "view": [size, size],
                              "views_per_s_per_core": rate, "torchvision": torchvision.__version__}), flush=True)


if __name__ == "__main__":
    main()
