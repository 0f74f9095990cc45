#!/usr/bin/env python3
"""Time one contrastive pre-training step in PyTorch (random images, no input pipeline).

Two views of a batch of N images go through backbone + C projection heads, the loss, backward
and SGD (momentum 0.9, weight decay 5e-4). Prints one JSON line: the median image pairs per
second over --steps, and the peak device memory. It is the peer of `amcl bench step`: tools/bench/cpu.sh
and gpu.sh measure both in the same run, on the same machine, with the same shapes.

  --backbone resnet18   3x3/1 stem, no max-pool, widths W, 2W, 4W, 8W (--width W)
             resnet50   7x7/2 stem + max-pool, bottlenecks (use with --size 224)
  --heads C             C heads D -> D -> 128 with ReLU between (D = feature width)
  --temperature adaptive | NUMBER      NT-Xent, or the AMCL objective 'amcl' of docs/objectives.md
  --device cpu | cuda   --precision f32 | bf16 (autocast)   --channels-last   --compile
"""
import argparse, json, os, statistics, time
import torch, torch.nn as nn, torch.nn.functional as F


class Basic(nn.Module):
    expansion = 1

    def __init__(self, cin, c, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(cin, c, 3, stride, 1, bias=False), nn.BatchNorm2d(c)
        self.c2, self.b2 = nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c)
        self.sc = shortcut(cin, c, stride)

    def forward(self, x):
        y = F.relu(self.b1(self.c1(x)), inplace=True)
        y = self.b2(self.c2(y))
        return F.relu(y + (x if self.sc is None else self.sc(x)), inplace=True)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, cin, c, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(cin, c, 1, bias=False), nn.BatchNorm2d(c)
        self.c2, self.b2 = nn.Conv2d(c, c, 3, stride, 1, bias=False), nn.BatchNorm2d(c)
        self.c3, self.b3 = nn.Conv2d(c, 4 * c, 1, bias=False), nn.BatchNorm2d(4 * c)
        self.sc = shortcut(cin, 4 * c, stride)

    def forward(self, x):
        y = F.relu(self.b1(self.c1(x)), inplace=True)
        y = F.relu(self.b2(self.c2(y)), inplace=True)
        y = self.b3(self.c3(y))
        return F.relu(y + (x if self.sc is None else self.sc(x)), inplace=True)


def shortcut(cin, cout, stride):
    if stride == 1 and cin == cout:
        return None
    return nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))


class Backbone(nn.Module):
    def __init__(self, name, width):
        super().__init__()
        block, depths = {'resnet18': (Basic, (2, 2, 2, 2)), 'resnet50': (Bottleneck, (3, 4, 6, 3))}[name]
        stem = [nn.Conv2d(3, width, 3, 1, 1, bias=False)] if name == 'resnet18' else \
            [nn.Conv2d(3, width, 7, 2, 3, bias=False)]
        layers, cin = stem + [nn.BatchNorm2d(width), nn.ReLU(inplace=True)], width
        if name == 'resnet50':
            layers.append(nn.MaxPool2d(3, 2, 1))
        for i, n in enumerate(depths):
            for j in range(n):
                layers.append(block(cin, width << i, 2 if i and j == 0 else 1))
                cin = (width << i) * block.expansion
        self.f, self.dim = nn.Sequential(*layers), cin

    def forward(self, x):
        return self.f(x).mean((2, 3))


class Model(nn.Module):
    def __init__(self, backbone, heads, d=128):
        super().__init__()
        self.b, D = backbone, backbone.dim
        self.h = nn.ModuleList(nn.Sequential(nn.Linear(D, D), nn.ReLU(inplace=True), nn.Linear(D, d))
                               for _ in range(heads))
        self.phi = nn.Sequential(nn.Linear(d, 128), nn.ReLU(inplace=True), nn.Linear(128, d))

    def forward(self, x):
        f = self.b(x)
        return torch.stack([h(f) for h in self.h])


def nt_xent(z, tau):
    c, m, _ = z.shape
    u = F.normalize(z, dim=2)
    s = u @ u.transpose(1, 2) / tau
    s = s.masked_fill(torch.eye(m, dtype=torch.bool, device=z.device), float('-inf'))
    target = torch.arange(m, device=z.device).roll(m // 2).repeat(c)
    return F.cross_entropy(s.flatten(0, 1), target) * c


def amcl(z, phi, lo=0.05, hi=1.0, beta=0.3, a=5.0):
    c, m, _ = z.shape
    u = F.normalize(z, dim=2)
    p = phi(u)
    tau = lo + (hi - lo) * torch.sigmoid(-(p @ p.transpose(1, 2)))
    l = u @ u.transpose(1, 2) / tau
    l = l.masked_fill(torch.eye(m, dtype=torch.bool, device=z.device), float('-inf'))
    pos = torch.arange(m, device=z.device).roll(m // 2)
    t = tau[:, torch.arange(m, device=z.device), pos]
    return F.cross_entropy(l.flatten(0, 1), pos.repeat(c)) * c + beta * (a * t.log() + 1 / t).mean(1).sum()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--backbone', choices=['resnet18', 'resnet50'], default='resnet18')
    p.add_argument('--width', type=int, default=64)
    p.add_argument('--batch', type=int, default=64, help='image pairs per step')
    p.add_argument('--size', type=int, default=32)
    p.add_argument('--heads', type=int, default=1)
    p.add_argument('--temperature', default='0.5')
    p.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    p.add_argument('--precision', choices=['f32', 'bf16'], default='f32')
    p.add_argument('--channels-last', action='store_true')
    p.add_argument('--compile', action='store_true')
    p.add_argument('--threads', type=int, default=0, help='0: all cores')
    p.add_argument('--steps', type=int, default=10)
    p.add_argument('--warmup', type=int, default=3)
    a = p.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(a.threads or len(os.sched_getaffinity(0)))
    torch.backends.cudnn.benchmark = True
    fmt = torch.channels_last if a.channels_last else torch.contiguous_format
    m = Model(Backbone(a.backbone, a.width), a.heads).to(a.device, memory_format=fmt).train()
    opt = torch.optim.SGD(m.parameters(), lr=0.03, momentum=0.9, weight_decay=5e-4)
    x = torch.randn(2 * a.batch, 3, a.size, a.size, device=a.device).to(memory_format=fmt)
    fwd = torch.compile(m) if a.compile else m
    adaptive = a.temperature == 'adaptive'
    sync = torch.cuda.synchronize if a.device == 'cuda' else (lambda: None)

    def step():
        opt.zero_grad(set_to_none=True)
        with torch.autocast(a.device, dtype=torch.bfloat16, enabled=a.precision == 'bf16'):
            z = fwd(x)
        z = z.float()
        loss = amcl(z, m.phi) if adaptive else nt_xent(z, float(a.temperature))
        loss.backward()
        opt.step()
        return loss

    for _ in range(a.warmup):
        loss = step()
    times = []
    for _ in range(a.steps):
        sync()
        t = time.perf_counter()
        loss = step()
        sync()
        times.append(time.perf_counter() - t)
    med = statistics.median(times)
    print(json.dumps({
        'peer': f'pytorch {torch.__version__}', 'device': torch.cuda.get_device_name() if a.device == 'cuda' else
        f'cpu x{torch.get_num_threads()}', **{k: getattr(a, k) for k in
                                              ('backbone', 'width', 'size', 'batch', 'heads', 'temperature', 'precision')},
        'channels_last': a.channels_last, 'compile': a.compile, 'pairs_per_s': round(a.batch / med, 2),
        'step_ms': round(med * 1e3, 2), 'step_ms_min_max': [round(min(times) * 1e3, 2), round(max(times) * 1e3, 2)],
        'peak_mib': round(torch.cuda.max_memory_allocated() / 2**20) if a.device == 'cuda' else None,
        'loss': round(loss.item(), 5)}))


if __name__ == '__main__':
    main()
