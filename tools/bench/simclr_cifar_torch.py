#!/usr/bin/env python3
"""SimCLR on the first N CIFAR-10 images in PyTorch: the peer of `amcl pretrain` for accuracy.

Same recipe, same evaluation: ResNet-18 (3x3 stem, no max-pool) of --width, head D-hidden-dim, NT-Xent, SGD, warm-up and
cosine per step, batch norm per view; weighted kNN on backbone features. Augmentation is torchvision's on Pillow images.
Prints one JSON line. Needs torch and torchvision in an environment of its own; the product and its tests do not.

  python3 tools/bench/simclr_cifar_torch.py --data cifar-10-batches-bin --seed 1
"""
import argparse, json, math, os, time
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F
from PIL import Image
from torchvision import transforms as T

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class Block(nn.Module):
    def __init__(self, cin, c, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(cin, c, 3, stride, 1, bias=False), nn.BatchNorm2d(c)
        self.c2, self.b2 = nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c)
        self.down = None if stride == 1 and cin == c else nn.Sequential(
            nn.Conv2d(cin, c, 1, stride, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        y = self.b2(self.c2(F.relu(self.b1(self.c1(x)))))
        return F.relu(y + (x if self.down is None else self.down(x)))


class Backbone(nn.Module):
    def __init__(self, width):
        super().__init__()
        layers, cin = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()], width
        for stage in range(4):
            for block in range(2):
                layers.append(Block(cin, width << stage, 2 if stage and block == 0 else 1))
                cin = width << stage
        self.layers, self.dim = nn.Sequential(*layers), cin
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode='fan_out', nonlinearity='relu')

    def forward(self, x):
        return self.layers(x).mean((2, 3))


def records(path, limit=None):
    raw = np.fromfile(path, dtype=np.uint8).reshape(-1, 3073)[:limit]
    return raw[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), torch.from_numpy(raw[:, 0].astype(np.int64))


class Views(torch.utils.data.Dataset):
    def __init__(self, images, transform):
        self.images, self.transform = [Image.fromarray(i) for i in images], transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.transform(self.images[i]), self.transform(self.images[i])


def nt_xent(z, tau):
    u = F.normalize(z, dim=1)
    s = (u @ u.T / tau).fill_diagonal_(-float('inf'))
    return F.cross_entropy(s, torch.arange(len(z)).roll(len(z) // 2))


@torch.no_grad()
def knn(bank, bank_labels, queries, labels, k, temperature):
    bank, queries, hits = F.normalize(bank, dim=1), F.normalize(queries, dim=1), 0
    for q, y in zip(queries.split(1000), labels.split(1000)):
        s, index = (q @ bank.T).topk(k, 1)
        votes = torch.zeros(len(q), 10).scatter_add_(1, bank_labels[index], (s / temperature).exp())
        hits += (votes.argmax(1) == y).sum().item()
    return 100.0 * hits / len(labels)


@torch.no_grad()
def features(net, images):
    net.eval()
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    out = [net((b.permute(0, 3, 1, 2).float() / 255 - mean) / std) for b in torch.from_numpy(images).split(500)]
    net.train()
    return torch.cat(out)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--data', required=True)
    p.add_argument('--limit', type=int, default=8000)
    p.add_argument('--width', type=int, default=16)
    p.add_argument('--head-hidden', type=int, default=128)
    p.add_argument('--head-dim', type=int, default=64)
    p.add_argument('--temperature', type=float, default=0.2)
    p.add_argument('--epochs', type=int, default=20)
    p.add_argument('--batch', type=int, default=128)
    p.add_argument('--lr', type=float, default=0.06)
    p.add_argument('--weight-decay', type=float, default=5e-4)
    p.add_argument('--warmup-epochs', type=float, default=1)
    p.add_argument('--crop-scale', default='0.2,1')
    p.add_argument('--k', type=int, default=20)
    p.add_argument('--knn-temperature', type=float, default=0.1)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--threads', type=int, default=0)
    p.add_argument('--workers', type=int, default=1)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads or len(os.sched_getaffinity(0)))

    parts = [records(f'{a.data}/data_batch_{i}.bin') for i in range(1, 6)]
    images = np.concatenate([x for x, _ in parts])[:a.limit]
    labels = torch.cat([y for _, y in parts])[:a.limit]
    test_images, test_labels = records(f'{a.data}/test_batch.bin')
    evaluate = lambda net: knn(features(net, images), labels, features(net, test_images), test_labels, a.k, a.knn_temperature)

    backbone = Backbone(a.width).to(memory_format=torch.channels_last)
    head = nn.Sequential(nn.Linear(backbone.dim, a.head_hidden), nn.ReLU(), nn.Linear(a.head_hidden, a.head_dim))
    untrained = evaluate(backbone)
    transform = T.Compose([T.RandomResizedCrop(32, tuple(map(float, a.crop_scale.split(',')))), T.RandomHorizontalFlip(),
                           T.RandomApply([T.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8), T.RandomGrayscale(0.2),
                           T.ToTensor(), T.Normalize(MEAN, STD)])
    loader = torch.utils.data.DataLoader(Views(images, transform), a.batch, shuffle=True, drop_last=True,
                                         num_workers=a.workers, persistent_workers=a.workers > 0)
    parameters = list(backbone.parameters()) + list(head.parameters())
    optimizer = torch.optim.SGD(parameters, a.lr, momentum=0.9, weight_decay=a.weight_decay)
    total, warm, step, start = a.epochs * len(loader), int(a.warmup_epochs * len(loader)), 0, time.time()
    for epoch in range(a.epochs):
        for v1, v2 in loader:
            rate = a.lr * (step + 1) / warm if step < warm else \
                0.5 * a.lr * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))
            for group in optimizer.param_groups:
                group['lr'] = rate
            views = [v.to(memory_format=torch.channels_last) for v in (v1, v2)]
            loss = nt_xent(torch.cat([head(backbone(v)) for v in views]), a.temperature)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
        print(f'epoch {epoch + 1}/{a.epochs}  loss {loss.item():.4f}  {time.time() - start:.0f} s', flush=True)
    print(json.dumps({'peer': f'pytorch {torch.__version__}', **vars(a), 'knn_untrained': round(untrained, 2),
                      'knn_top1': round(evaluate(backbone), 2), 'loss': round(loss.item(), 4),
                      'train_seconds': round(time.time() - start, 1)}))


if __name__ == '__main__':
    main()
