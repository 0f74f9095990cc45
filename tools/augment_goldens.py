#!/usr/bin/env python3
"""Writes tests/data/goldens/augment.safetensors: views made by torchvision, for tests/data/augment_golden_test.cpp.

Needs torch and torchvision, in any virtual environment outside this repository:
  python -m venv ENV && ENV/bin/pip install torch torchvision && ENV/bin/python tools/augment_goldens.py
With --bounds it writes nothing, and prints how far hue and blur lie from Pillow over random images.

Each view goes through torchvision.transforms.functional on a float tensor in [0, 1], in amcl's order: resized crop
(antialias; clamped, because a bicubic filter overshoots), flip, the four colour operations in the given order,
grayscale, blur, solarize, normalise. The evaluation transform is resize and centre crop. Views with a single
operation are made by Pillow too, on 8-bit images; what torchvision passes on to Pillow goes through torchvision.

Tensors in the file:
  noise, smooth  u8  [H, W, 3]    the source images
  parameters     f64 [cases, 25]  image (0 noise, 1 smooth), height and width of the view, crop box (top, left,
                                  height, width), flip, jitter, the four places of `order` (0 brightness,
                                  1 contrast, 2 saturation, 3 hue), the four factors in that numbering, grayscale,
                                  blur sigma, solarize, interpolation (0 bilinear, 1 bicubic), height and width of
                                  the resized crop, row and column in it at which the view begins
  views          f32 [values]     the views one after the other, [h, w, 3] each, normalised with MEAN and DEVIATION
  pillow         u8  [values]     Pillow's views of the cases in `pillow_cases`, one after the other
Metadata: `cases` and `pillow_cases`, names in order; `mean`, `deviation`; versions of the makers.
"""

import json
import math
import struct
import sys
from pathlib import Path

import PIL
import torch
import torchvision
from PIL import Image, ImageFilter
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

MEAN = [0.4914, 0.4822, 0.4465]
DEVIATION = [0.2470, 0.2435, 0.2616]
INTERPOLATIONS = [InterpolationMode.BILINEAR, InterpolationMode.BICUBIC]
COLOR_OPS = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue]


def noise_image(generator, height, width):
    return torch.randint(0, 256, (height, width, 3), generator=generator, dtype=torch.uint8)


def smooth_image(generator, height, width):
    """A few colour waves: what photographs have and noise has not, slow changes and saturated areas."""
    y = torch.linspace(0, 1, height).view(-1, 1, 1)
    x = torch.linspace(0, 1, width).view(1, -1, 1)
    f = torch.rand(4, 3, generator=generator) * 9
    waves = 0.5 + 0.6 * torch.sin(f[0] * x + f[1] * y + f[2]) * torch.cos(f[3] * (x - y))
    return (waves.clamp(0, 1) * 255).round().to(torch.uint8)


def blur_radius(sigma, extent):
    return min(math.ceil(3 * sigma), extent - 1)


def resized(x, size, case):
    """The crop, resized; then the part of it that the view shows. For float tensors and PIL images."""
    mode = INTERPOLATIONS[case["interpolation"]]
    x = F.resized_crop(x, *case["box"], case["resized"] or list(size), mode, antialias=True)
    return F.crop(x, *case["offset"], *size)


def view_of(image, size, case):
    x = image.permute(2, 0, 1).to(torch.float32) / 255
    x = resized(x, size, case).clamp(0, 1)
    if case["flip"]:
        x = F.hflip(x)
    if case["jitter"]:
        for op in case["order"]:
            x = COLOR_OPS[op](x, case["factors"][op])
    if case["grayscale"]:
        x = F.rgb_to_grayscale(x, num_output_channels=3)
    if case["sigma"] > 0:
        radius = [blur_radius(case["sigma"], size[1]), blur_radius(case["sigma"], size[0])]
        x = F.gaussian_blur(x, [2 * r + 1 for r in radius], [case["sigma"]] * 2)
    if case["solarize"]:
        x = F.solarize(x, 0.5)
    return F.normalize(x, MEAN, DEVIATION).permute(1, 2, 0).contiguous()


def pillow_view_of(image, size, case):
    x = resized(Image.fromarray(image.numpy()), size, case)
    if case["flip"]:
        x = F.hflip(x)
    if case["jitter"]:
        for op in case["order"]:
            neutral = 1.0 if op < 3 else 0.0
            if case["factors"][op] != neutral:  # the round trip through 8-bit HSV is not the identity
                x = COLOR_OPS[op](x, case["factors"][op])
    if case["grayscale"]:
        x = F.rgb_to_grayscale(x, num_output_channels=3)
    if case["sigma"] > 0:
        x = x.filter(ImageFilter.GaussianBlur(case["sigma"]))
    if case["solarize"]:
        x = F.solarize(x, 128)
    return F.pil_to_tensor(x).permute(1, 2, 0).contiguous()


def parameters_of(image_index, size, case):
    return [image_index, *size, *case["box"], case["flip"], case["jitter"], *case["order"], *case["factors"],
            case["grayscale"], case["sigma"], case["solarize"], case["interpolation"], *(case["resized"] or size),
            *case["offset"]]


def plain_case(box):
    return {"box": box, "flip": 0, "jitter": 0, "order": [0, 1, 2, 3], "factors": [1.0, 1.0, 1.0, 0.0],
            "grayscale": 0, "sigma": 0.0, "solarize": 0, "interpolation": 0, "resized": None, "offset": [0, 0]}


def evaluation_case(image, resize, size):
    """As torchvision's Resize(resize), CenterCrop(size)."""
    height, width = image.shape[:2]
    short = min(height, width)
    extents = [int(resize * side / short) for side in (height, width)]
    offset = [int(round((side - size) / 2.0)) for side in extents]
    return plain_case([0, 0, height, width]) | {"resized": extents, "offset": offset}


def random_case(generator, height, width):
    def draw(low, high):
        return (low + (high - low) * torch.rand(1, generator=generator)).item()

    def below(n):
        return int(torch.randint(0, n, (1,), generator=generator))

    h, w = 1 + below(height), 1 + below(width)
    return {"box": [below(height - h + 1), below(width - w + 1), h, w], "flip": below(2), "jitter": 1,
            "order": torch.randperm(4, generator=generator).tolist(),
            "factors": [draw(0.2, 1.8), draw(0.2, 1.8), draw(0.2, 1.8), draw(-0.5, 0.5)],
            "grayscale": int(below(5) == 0), "sigma": draw(0.1, 2.0) if below(2) else 0.0,
            "solarize": int(below(3) == 0), "interpolation": below(2), "resized": None, "offset": [0, 0]}


def cases(generator, images):
    """Yields name, index of the image, (height, width) of the view, parameters."""
    noise, smooth = 0, 1
    whole = [[0, 0, *image.shape[:2]] for image in images]
    yield "identity", noise, (13, 17), plain_case(whole[noise])
    yield "enlarge", noise, (12, 14), plain_case([2, 5, 7, 6])
    yield "shrink", noise, (5, 4), plain_case(whole[noise])
    yield "shrink_one_axis", noise, (9, 8), plain_case([1, 0, 5, 17])
    for name, image in ("noise", noise), ("smooth", smooth):
        bicubic = plain_case(whole[image]) | {"interpolation": 1}
        yield f"bicubic_shrink_{name}", image, (6, 7), bicubic
        yield f"bicubic_enlarge_{name}", image, (12, 10), bicubic | {"box": [3, 2, 5, 7]}
        yield f"evaluation_{name}", image, (10, 10), evaluation_case(images[image], 12, 10)
    yield "evaluation_enlarge", noise, (15, 15), evaluation_case(images[noise], 17, 15)
    yield "evaluation_bicubic", smooth, (7, 7), evaluation_case(images[smooth], 8, 7) | {"interpolation": 1}
    yield "single_pixel", noise, (6, 5), plain_case([12, 16, 1, 1])
    yield "to_one_pixel", noise, (1, 1), plain_case(whole[noise])
    yield "flip", noise, (5, 7), plain_case([1, 2, 5, 7]) | {"flip": 1}
    for op, name in enumerate(["brightness", "contrast", "saturation", "hue"]):
        for direction, factor in ("up", 1.7), ("down", 0.3):
            factors = [1.0, 1.0, 1.0, 0.0]
            factors[op] = factor if op < 3 else (factor - 1) / 2
            case = plain_case([4, 5, 10, 9]) | {"jitter": 1, "factors": factors}
            yield f"{name}_{direction}", smooth, (10, 9), case
    yield "hue_noise", noise, (13, 17), plain_case(whole[noise]) | {"jitter": 1, "factors": [1.0, 1.0, 1.0, 0.5]}
    yield "grayscale", noise, (8, 8), plain_case([3, 3, 8, 8]) | {"grayscale": 1}
    yield "solarize", noise, (8, 9), plain_case([2, 3, 8, 9]) | {"solarize": 1}
    for turns in -0.37, -0.1, 0.03, 0.22:
        case = plain_case(whole[noise]) | {"jitter": 1, "factors": [1.0, 1.0, 1.0, turns]}
        yield f"hue_{turns}_noise", noise, (13, 17), case
    for sigma in 0.1, 0.3, 0.5, 0.75, 1.0, 2.0:
        yield f"blur_{sigma}_noise", noise, (13, 17), plain_case(whole[noise]) | {"sigma": sigma}
        yield f"blur_{sigma}_smooth", smooth, (16, 14), plain_case([4, 3, 16, 14]) | {"sigma": sigma}
    yield "blur_wider_than_image", noise, (3, 4), plain_case([4, 4, 3, 4]) | {"sigma": 2.0}
    for index in range(12):
        image = index % 2
        yield f"recipe_{index}", image, (10, 11), random_case(generator, *images[image].shape[:2])


def print_bounds():
    """Largest differences of torchvision's float path, which amcl's equals to 1e-4, from Pillow on the same 8-bit image,
    of 255; for the blur without the border."""
    generator = torch.Generator().manual_seed(5)
    size = (96, 96)
    for name, make in ("noise", noise_image), ("smooth", smooth_image):
        images = [make(generator, *size) for _ in range(25)]
        cases = [("hue", {"jitter": 1, "factors": [1.0, 1.0, 1.0, turns]})
                 for turns in (-0.5, -0.37, -0.25, -0.1, -0.03, 0.02, 0.1, 0.22, 0.4, 0.5)]
        cases += [(f"blur {sigma}", {"sigma": sigma}) for sigma in (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.3, 1.6, 2.0)]
        bounds = {}
        for label, change in cases:
            case = plain_case([0, 0, *size]) | change
            inside = slice(blur_radius(case["sigma"], size[0]), None)
            for image in images:
                ours = view_of(image, size, case) * torch.tensor(DEVIATION) + torch.tensor(MEAN)
                difference = (255 * ours - pillow_view_of(image, size, case)).abs()
                worst = difference[inside, inside].flip(0, 1)[inside, inside].max().item()
                bounds[label] = max(bounds.get(label, 0.0), worst)
        print(name, ", ".join(f"{label}: {worst:.1f}" for label, worst in bounds.items()))


def write_safetensors(path, tensors, metadata):
    kinds = {torch.uint8: "U8", torch.float32: "F32", torch.float64: "F64"}
    header, blobs, offset = {"__metadata__": metadata}, [], 0
    # Widest type first, so that every tensor is aligned.
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0])):
        blob = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": kinds[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def main():
    if sys.argv[1:] == ["--bounds"]:
        return print_bounds()
    root = Path(__file__).resolve().parent.parent
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "tests/data/goldens/augment.safetensors"
    generator = torch.Generator().manual_seed(20240917)
    images = [noise_image(generator, 13, 17), smooth_image(generator, 24, 20)]
    names, rows, views, pillow_names, pillow_views = [], [], [], [], []
    for name, image, size, case in cases(generator, images):
        # The kernels take these as f32.
        case["factors"] = torch.tensor(case["factors"], dtype=torch.float32).tolist()
        case["sigma"] = torch.tensor(case["sigma"], dtype=torch.float32).item()
        names.append(name)
        rows.append(parameters_of(image, size, case))
        views.append(view_of(images[image], size, case).flatten())
        if not name.startswith("recipe"):
            pillow_names.append(name)
            pillow_views.append(pillow_view_of(images[image], size, case).flatten())
    tensors = {"noise": images[0], "smooth": images[1], "parameters": torch.tensor(rows, dtype=torch.float64),
               "views": torch.cat(views), "pillow": torch.cat(pillow_views)}
    metadata = {"cases": " ".join(names), "pillow_cases": " ".join(pillow_names), "mean": " ".join(map(str, MEAN)),
                "deviation": " ".join(map(str, DEVIATION)), "torch": torch.__version__.split("+")[0],
                "torchvision": torchvision.__version__.split("+")[0], "pillow": PIL.__version__}
    write_safetensors(path, tensors, metadata)
    print(f"{path}: {len(names)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
