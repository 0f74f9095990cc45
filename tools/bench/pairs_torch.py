#!/usr/bin/env python3
"""Times the loss of `amcl bench pairs` in PyTorch's dense form: all pair matrices in memory, autograd for the gradients.

  python3 tools/bench/pairs_torch.py --rows 4096 --heads 3 [--features 128] [--repeats 5] [--memory GIB]

Needs torch, in any virtual environment outside this repository. AMCL-NT-Xent with adaptive temperatures: phi of the dot
form, the log-sum-exp over all other rows, the regulariser of the positive's temperature. Prints one JSON object: median
time of loss and gradients, and the growth of the process's peak memory by them. Where the matrices would exceed
--memory (default: what the machine has) it computes nothing and prints the bytes that they would take.
"""

import argparse
import json
import resource
import statistics
import time

import torch
from torch.nn import functional

LOW, HIGH, BETA, A = 0.05, 1.0, 0.3, 5.0
# Pair matrices [heads, rows, rows] of f32 at once: the growth of the peak from 1,024 to 4,096 rows, in such matrices.
MATRICES = 8


def loss_of(z, phi):
    w1, b1, w2, b2 = phi
    u = functional.normalize(z, dim=2)
    p = functional.linear(functional.relu(functional.linear(u, w1, b1)), w2, b2)

    def temperature(score):
        return LOW + (HIGH - LOW) * torch.sigmoid(-score)

    def partner(x):
        return x.roll(x.shape[1] // 2, dims=1)

    logits = (u @ u.transpose(1, 2)) / temperature(p @ p.transpose(1, 2))
    itself = torch.eye(z.shape[1], dtype=torch.bool)
    lse = torch.logsumexp(logits.masked_fill(itself, float("-inf")), dim=2)
    # Positives from the rows: an index into the matrices would cost the gradient of each a matrix more.
    tau = temperature((p * partner(p)).sum(dim=2))
    omega = A * torch.log(tau) + 1 / tau
    return (lse - (u * partner(u)).sum(dim=2) / tau + BETA * omega).mean(dim=1).sum()


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def machine_bytes():
    with open("/proc/meminfo", encoding="ascii") as lines:
        return int(next(lines).split()[1]) * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--heads", type=int, default=3)
    parser.add_argument("--features", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory", type=float, help="GiB; default: what the machine has")
    options = parser.parse_args()
    record = {"torch": torch.__version__, "rows": options.rows, "heads": options.heads, "features": options.features}
    needed = MATRICES * options.heads * options.rows**2 * 4
    if needed > (options.memory * 2**30 if options.memory else machine_bytes()):
        print(json.dumps({**record, "needed_gib": round(needed / 2**30, 1)}))
        return

    torch.manual_seed(1)
    width = options.features
    bound = width**-0.5
    z = torch.randn(options.heads, options.rows, width, requires_grad=True)
    phi = [torch.empty(shape).uniform_(-bound, bound).requires_grad_()
           for shape in ((width, width), (width,), (width, width), (width,))]
    before = peak_bytes()
    seconds = []
    for repeat in range(options.repeats + 1):  # the first one is not counted
        for tensor in (z, *phi):
            tensor.grad = None
        begin = time.perf_counter()
        loss = loss_of(z, phi)
        loss.backward()
        if repeat > 0:
            seconds.append(time.perf_counter() - begin)
    print(json.dumps({**record, "ms": round(statistics.median(seconds) * 1e3, 2),
                      "peak_mib": round((peak_bytes() - before) / 2**20, 1), "loss": round(loss.item(), 5)}))


if __name__ == "__main__":
    main()
