#!/usr/bin/env python3
"""The encoders of `amcl bench encoder` in other programs, on this machine's CPU, in f32.

  embed_peers.py make FILE.safetensors --backbone resnet18 --size 32
  embed_peers.py model PROGRAM --backbone resnet18 --size 32 --batch 64 [--onnx FILE.onnx]
  embed_peers.py folder DIR --backbone resnet50 --size 224 --batch 32

`make` writes a torchvision ResNet with random weights and statistics (up to 64 pixels with the CIFAR stem), so that all
programs have the same one. `model` prints the images per second of PROGRAM: torch (channels last), compile
(torch.compile of the same), onnxruntime, openvino. `folder` is PyTorch's own way from files to features: ImageFolder,
Resize, CenterCrop, DataLoader with one worker per thread beside the model. One JSON object each.
Needs torch, torchvision, safetensors, onnxruntime and openvino.
"""
import argparse
import json
import statistics
import time

import torch
import torchvision


def network(backbone, size, path=None):
    torch.manual_seed(1)
    model = getattr(torchvision.models, backbone)()
    model.fc = torch.nn.Identity()
    if size <= 64:
        model.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        model.maxpool = torch.nn.Identity()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
    return model.eval().to(memory_format=torch.channels_last)


def torch_runner(options, compiled):
    model = network(options.backbone, options.size)
    if compiled:
        model = torch.compile(model)
    images = torch.randn(options.batch, 3, options.size, options.size).to(memory_format=torch.channels_last)

    def run():
        with torch.inference_mode():
            model(images)

    return run


def onnxruntime_runner(options):
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(options.onnx, settings, providers=["CPUExecutionProvider"])
    images = torch.randn(options.batch, 3, options.size, options.size).numpy()
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: images})


def openvino_runner(options):
    import openvino

    # By itself it computes in bf16 where the CPU has AMX; the comparison is of f32.
    model = openvino.Core().compile_model(options.onnx, "CPU", {
        "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": options.threads, "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "THROUGHPUT"})
    images = torch.randn(options.batch, 3, options.size, options.size).numpy()
    request = model.create_infer_request()
    return lambda: request.infer([images])


def time_model(options):
    runner = {"torch": lambda: torch_runner(options, False), "compile": lambda: torch_runner(options, True),
              "onnxruntime": lambda: onnxruntime_runner(options), "openvino": lambda: openvino_runner(options)}
    run = runner[options.program]()
    run()
    run()
    seconds = []
    begin = time.perf_counter()
    while len(seconds) < 5 or time.perf_counter() - begin < options.seconds:
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return {"program": options.program, "images_per_s": round(options.batch / statistics.median(seconds), 2)}


def time_folder(options):
    from torchvision import transforms

    view = transforms.Compose([transforms.Resize(options.size), transforms.CenterCrop(options.size),
                               transforms.ToTensor(),
                               transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    images = torchvision.datasets.ImageFolder(options.folder, view)
    model = network(options.backbone, options.size)
    best = 0.0
    for workers in (0, options.threads):  # both ways to share the cores
        loader = torch.utils.data.DataLoader(images, batch_size=options.batch, num_workers=workers)
        begin = time.perf_counter()
        with torch.inference_mode():
            for batch, _ in loader:
                model(batch.to(memory_format=torch.channels_last))
        best = max(best, len(images) / (time.perf_counter() - begin))
    return {"program": "torch folder", "images_per_s": round(best, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, argument in (("make", "file"), ("model", "program"), ("folder", "folder")):
        sub = commands.add_parser(command)
        sub.add_argument(argument)
        sub.add_argument("--backbone", required=True)
        sub.add_argument("--size", type=int, required=True)
        sub.add_argument("--batch", type=int, default=64)
        sub.add_argument("--onnx")
        sub.add_argument("--seconds", type=float, default=5)
        sub.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.command == "make":
        from safetensors.torch import save_file

        save_file({name: tensor.contiguous() for name, tensor in
                   network(options.backbone, options.size).state_dict().items()}, options.file)
        return
    print(json.dumps(time_model(options) if options.command == "model" else time_folder(options)))


main()
