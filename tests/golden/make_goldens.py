"""Writes the golden files of S12 of docs/objectives.md: what reference.py and PyTorch compute in float64.

Needs torch and numpy, in any virtual environment outside this repository:
  python3 -m venv ENV && ENV/bin/pip install torch numpy && ENV/bin/python tests/golden/make_goldens.py
With --check it writes nothing there, and compares what is there with what it would write.

File = safetensors: u64 LE header length, JSON header (space-padded to 8 bytes), raw LE data.
Tensor names: in.* inputs, out.* outputs, grad.* d(loss)/d(input).  Files named ops_* hold several
cases c0, c1, ... each with its own prefix; their grad.* use the given upstream gradient gy
(L = sum(gy * y)).  All hyper-parameters are strings in __metadata__.
"""
import argparse
import json
import math
import os
import struct
import tempfile
import zlib

import torch
import torch.nn.functional as F

import reference as R
from reference import Temp

torch.set_num_threads(1)
F64 = torch.float64
DT = {torch.float64: "F64", torch.float32: "F32", torch.int64: "I64"}


def save(path, tensors, meta):
    head, blobs, off = {"__metadata__": {k: str(v) for k, v in meta.items()}}, [], 0
    for k, v in tensors.items():
        v = v.detach().contiguous()
        raw = v.numpy().astype(v.numpy().dtype.newbyteorder("<")).tobytes()
        head[k] = {"dtype": DT[v.dtype], "shape": list(v.shape), "data_offsets": [off, off + len(raw)]}
        blobs.append(raw)
        off += len(raw)
    h = json.dumps(head, separators=(",", ":")).encode()
    h += b" " * (-len(h) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(h)) + h + b"".join(blobs))


def load(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + n])
    meta = head.pop("__metadata__", {})
    inv = {v: k for k, v in DT.items()}
    out = {}
    for k, e in head.items():
        b, t = e["data_offsets"]
        out[k] = torch.frombuffer(bytearray(raw[8 + n + b:8 + n + t]), dtype=inv[e["dtype"]]).reshape(e["shape"]) \
            if t > b else torch.empty(e["shape"], dtype=inv[e["dtype"]])
    return out, meta


class Ctx:
    def __init__(self, seed, out):
        self.seed, self.out, self.files = seed, out, 0
        os.makedirs(out, exist_ok=True)

    def gen(self, name):
        return torch.Generator().manual_seed((self.seed * 1000003 + zlib.crc32(name.encode())) % (2 ** 63))

    def save(self, name, tensors, meta):
        save(os.path.join(self.out, name + ".safetensors"), tensors, meta)
        self.files += 1


def rnd(g, *s, scale=1.0):
    return scale * torch.randn(*s, generator=g, dtype=F64)


def t_meta(t: Temp, d):
    b, a, bn, an = t.coef(d)
    return {"temp.kind": t.kind, "temp.lo": t.lo, "temp.hi": t.hi, "temp.tau_const": t.tau_const,
            "temp.score_scale": t.score_scale, "temp.score_bias": t.score_bias, "reg": t.reg, "temp.detach": int(t.detach),
            "beta": b, "omega_a": a, "beta_neg": bn, "omega_a_neg": an}


def record(ctx, name, fn, wrt, const, phi, meta, small):
    """Run fn(inputs) and store inputs, outputs and gradients."""
    wrt = {k: v.clone().requires_grad_() for k, v in wrt.items()}
    ph = None if phi is None else {k: v.clone().requires_grad_() for k, v in phi.items()}
    o = fn({**wrt, **const}, ph)
    leaves = list(wrt.values()) + ([] if ph is None else list(ph.values()))
    grads = torch.autograd.grad(o["loss"], leaves, allow_unused=True)
    grads = [torch.zeros_like(v) if g is None else g for v, g in zip(leaves, grads)]
    names = list(wrt) + ([] if ph is None else ["phi." + k for k in ph])
    T = {"in." + k: v for k, v in {**wrt, **const}.items()}
    if ph is not None:
        T.update({"in.phi." + k: v for k, v in ph.items()})
    T.update({"out." + k: v for k, v in o.items() if small or not k.startswith("tau")})
    T.update({"grad." + k: v for k, v in zip(names, grads)})
    for k, v in T.items():
        assert torch.isfinite(v).all(), (name, k)
    ctx.save(name, T, {"case": name, **meta})
    return o


SIZES = {"s0": dict(N=4, d=8, C=1, K=5, h=8, e=8), "s1": dict(N=8, d=16, C=3, K=12, h=16, e=12),
         "s2": dict(N=33, d=24, C=2, K=37, h=20, e=10)}


def clustered(g, C, N, d):
    """Two correlated views with a wide spread of lengths: positives are similar, but not always."""
    base = rnd(g, C, N, d)
    v1, v2 = base + rnd(g, C, N, d, scale=0.7), base + rnd(g, C, N, d, scale=0.7)
    s = torch.exp(rnd(g, C, 2 * N, 1, scale=0.5))
    return torch.cat([v1, v2], 1) * s


def variants(d, e):
    """name -> (Temp, mode, with_pos, topk, heads shared?, gain)"""
    return {
        "dot_lse_pos": (Temp("dot", 0.05, 1.0, beta=0.01), "lse", True, 1, True, 2.0),
        "dot_lse_pos_anchored": (Temp("dot", 0.05, 1.0, score_scale=e ** -0.5, score_bias=0.9, reg="anchored", beta=0.3, omega_a=5.0),
                                 "lse", True, 1, True, 4.0),
        "dot_hard": (Temp("dot", 1e-5, 2.0, beta=0.1), "hard", False, 1, True, 1.5),
        "dot_topk": (Temp("dot", 0.1, 1.5, beta=0.001, omega_a=1.0, beta_neg=0.003, omega_a_neg=0.5, score_bias=0.7),
                     "topk", True, 3, False, 2.0),
        "dot_lse_detach": (Temp("dot", 0.05, 1.0, beta=0.02, omega_a=0.5, detach=True), "lse", False, 1, True, 2.0),
        "concat_lse": (Temp("concat", 0.05, 1.0, beta=0.01, omega_a=2.0), "lse", False, 1, True, 2.0),
        "concat_lse_pos": (Temp("concat", 0.1, 2.0, beta=0.05, omega_a=1.0, score_bias=-0.3), "lse", True, 1, False, 2.0),
        "concat_hard": (Temp("concat", 0.05, 2.0, beta=0.1), "hard", True, 1, False, 2.0),
        "const_lse_pos": (Temp("const", tau_const=0.2), "lse", True, 1, True, 1.0),
    }


def objectives(ctx):
    for sn, sz in SIZES.items():
        N, d, C, K, h, e = (sz[k] for k in "NdCKhe")
        small = N <= 8
        for tau, wp in ((0.5, True), (0.1, True), (0.1, False)):
            nm = f"ntxent__{sn}__tau{tau}_{'pos' if wp else 'nopos'}"
            g = ctx.gen(nm)
            record(ctx, nm, lambda i, p: R.ntxent(i["z"], tau, wp), {"z": clustered(g, C, N, d)}, {}, None,
                   {"objective": "ntxent", "tau": tau, "with_pos": int(wp)}, small)
        for vn, wp, meta in (("", True, {}), ("__nopos", False, {"with_pos": 0})):
            nm = f"infonce_queue__{sn}{vn}"
            g = ctx.gen(nm)
            z = clustered(g, C, N, d)
            record(ctx, nm, lambda i, p: R.infonce_queue(i["q"], i["k"], i["queue"], 0.1, wp), {"q": z[:, :N]},
                   {"k": z[:, N:], "queue": R.l2n(rnd(g, C, K, d))}, None,
                   {"objective": "infonce_queue", "tau": 0.1, **meta}, small)
        nm = f"simsiam__{sn}"
        g = ctx.gen(nm)
        z = clustered(g, C, N, d)
        record(ctx, nm, lambda i, p: R.simsiam(i["p1"], i["z1"], i["p2"], i["z2"]),
               {"p1": z[:, :N] + rnd(g, C, N, d), "p2": z[:, N:] + rnd(g, C, N, d)}, {"z1": z[:, :N], "z2": z[:, N:]},
               None, {"objective": "simsiam"}, small)
        nm = f"byol__{sn}"
        g = ctx.gen(nm)
        z = clustered(g, C, N, d)
        record(ctx, nm, lambda i, p: R.byol(i["p1"], i["t1"], i["p2"], i["t2"]),
               {"p1": z[:, :N] + rnd(g, C, N, d), "p2": z[:, N:] + rnd(g, C, N, d)}, {"t1": z[:, :N], "t2": z[:, N:]},
               None, {"objective": "byol"}, small)
        nm = f"lejepa__{sn}"
        g = ctx.gen(nm)
        record(ctx, nm, lambda i, p: R.lejepa(i["z"], i["directions"], 0.05), {"z": clustered(g, C, N, d)},
               {"directions": R.l2n(rnd(g, 2 * d, d))}, None, {"objective": "lejepa", "lambda": 0.05}, small)
        for ddof in (0, 1):
            nm = f"barlow__{sn}__ddof{ddof}"
            g = ctx.gen(nm)
            z = clustered(g, C, N, d)
            record(ctx, nm, lambda i, p: R.barlow(i["x"], i["y"], 5e-3, ddof), {"x": z[:, :N], "y": z[:, N:]}, {},
                   None, {"objective": "barlow", "lambda": 5e-3, "ddof": ddof, "eps": 1e-5}, small)

        for vn, (t, mode, wp, tk, shared, gain) in variants(d, e).items():
            meta = {"mode": mode, "with_pos": int(wp), "topk": tk, "phi_shared": int(shared), **t_meta(t, d)}
            for obj in ("amcl_ntxent", "amcl_moco"):
                nm = f"{obj}__{sn}__{vn}"
                g = ctx.gen(nm)
                z = clustered(g, C, N, d)
                phi = None if t.kind == "const" else R.make_phi(g, 1 if shared else C, d, h, e, t.kind, gain)
                if obj == "amcl_ntxent":
                    record(ctx, nm, lambda i, p: R.amcl_ntxent(i["z"], p, t, mode, wp, tk), {"z": z}, {}, phi,
                           {"objective": obj, **meta}, small)
                else:
                    record(ctx, nm, lambda i, p: R.amcl_moco(i["q"], i["k"], i["queue"], p, t, mode, wp, tk),
                           {"q": z[:, :N]}, {"k": z[:, N:], "queue": R.l2n(rnd(g, C, K, d))}, phi,
                           {"objective": obj, **meta}, small)

        for vn, t in {"dot": Temp("dot", 0.1, 2.0, beta=0.5), "dot_small_a": Temp("dot", 0.1, 2.0, beta=1.0, omega_a=0.5),
                      "concat_detach": Temp("concat", 0.05, 2.0, beta=0.1, detach=True)}.items():
            nm = f"amcl_simsiam__{sn}__{vn}"
            g = ctx.gen(nm)
            z = clustered(g, C, N, d)
            shared = vn == "dot"
            phi = R.make_phi(g, 1 if shared else C, d, h, e, t.kind, 2.0)
            record(ctx, nm, lambda i, p: R.amcl_simsiam(i["p1"], i["z1"], i["p2"], i["z2"], p, t),
                   {"p1": z[:, :N] + rnd(g, C, N, d), "p2": z[:, N:] + rnd(g, C, N, d)},
                   {"z1": z[:, :N], "z2": z[:, N:]}, phi,
                   {"objective": "amcl_simsiam", "phi_shared": int(shared), **t_meta(t, d)}, small)

        for bt_phi in ("batchvec", "corr"):
            for bt_pos, t in (("inside", Temp("dot", 0.5, 1.5, beta=1e-3, beta_neg=1e-5)),
                              ("outside", Temp("dot", 0.2, 2.0, beta=1e-2, omega_a=1.0, beta_neg=0.0, detach=True))):
                nm = f"amcl_barlow__{sn}__{bt_phi}_{bt_pos}"
                g = ctx.gen(nm)
                z = clustered(g, C, N, d)
                phi = R.make_phi(g, 1, N, h, e, "dot", 2.0) if bt_phi == "batchvec" else \
                    {"g": rnd(g, 1, 1), "o": rnd(g, 1, 1)}
                record(ctx, nm, lambda i, p: R.amcl_barlow(i["x"], i["y"], p, t, 5e-3, 0, 1e-5, bt_phi, bt_pos),
                       {"x": z[:, :N], "y": z[:, N:]}, {}, phi,
                       {"objective": "amcl_barlow", "lambda": 5e-3, "ddof": 0, "eps": 1e-5, "bt_phi": bt_phi,
                        "bt_pos": bt_pos, "phi_shared": 1, **t_meta(t, d)}, small)


# ---------------------------------------------------------------- engine operations
def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


class Ops:
    def __init__(self, ctx, name, meta=None):
        self.ctx, self.name, self.g = ctx, name, ctx.gen(name)
        self.T, self.M, self.n = {}, {"case": name, "layout": "NHWC; conv weight [O,kh,kw,I]; linear weight [out,in]",
                                      **(meta or {})}, 0

    def case(self, ins, fn, params, const=(), outs_extra=None):
        """fn(ins) -> y or (y, {extra outputs}); stores y, gy and the gradient of every non-const float input."""
        c = f"c{self.n}."
        self.n += 1
        ins = {k: (v if k in const or v.dtype == torch.int64 else v.clone().requires_grad_()) for k, v in ins.items()}
        y = fn(ins)
        y, extra = y if isinstance(y, tuple) else (y, {})
        gy = rnd(self.g, *y.shape) if y.dim() else torch.ones((), dtype=F64)
        wrt = [k for k, v in ins.items() if v.requires_grad]
        gs = torch.autograd.grad((gy * y).sum(), [ins[k] for k in wrt])
        self.T.update({c + "in." + k: v for k, v in ins.items()})
        self.T[c + "out.y"], self.T[c + "in.gy"] = y, gy
        self.T.update({c + "out." + k: v for k, v in extra.items()})
        self.T.update({c + "grad." + k: v for k, v in zip(wrt, gs)})
        self.M.update({c + k: v for k, v in params.items()})

    def done(self):
        self.M["cases"] = self.n
        self.ctx.save(self.name, self.T, self.M)


def ops(ctx):
    o = Ops(ctx, "ops_conv2d")
    for (N, H, W, I, O, k, s, p, bias) in [(2, 7, 6, 3, 4, 3, 1, 1, 0), (2, 8, 7, 5, 6, 3, 2, 1, 0), (2, 5, 5, 8, 12, 1, 1, 0, 0),
                                           (3, 7, 7, 6, 4, 1, 2, 0, 0), (2, 17, 15, 3, 5, 7, 2, 3, 0), (2, 6, 5, 4, 3, 3, 1, 0, 1),
                                           (1, 5, 9, 33, 17, 3, 1, 1, 0), (5, 1, 1, 4, 7, 3, 1, 1, 0), (2, 9, 9, 16, 32, 3, 2, 1, 0),
                                           (1, 32, 32, 3, 8, 3, 1, 1, 0)]:
        ins = {"x": rnd(o.g, N, H, W, I), "w": rnd(o.g, O, k, k, I, scale=(k * k * I) ** -0.5)}
        if bias:
            ins["b"] = rnd(o.g, O)
        o.case(ins, lambda i: nhwc(F.conv2d(nchw(i["x"]), nchw(i["w"]), i.get("b"), s, p)).contiguous(),
               {"stride": s, "pad": p, "kernel": k, "bias": bias})
    o.done()

    o = Ops(ctx, "ops_batch_norm", {"eps": 1e-5, "momentum": 0.1,
                                    "running_var": "unbiased batch variance; normalisation uses the biased one"})
    for shape in [(4, 3, 5, 7), (2, 4, 4, 33), (9, 12), (16, 1, 1, 6)]:
        for train in (1, 0):
            Cn = shape[-1]
            ins = {"x": rnd(o.g, *shape, scale=2.0) + rnd(o.g, Cn), "gamma": 1 + 0.3 * rnd(o.g, Cn), "beta": rnd(o.g, Cn),
                   "running_mean": rnd(o.g, Cn), "running_var": torch.rand(Cn, generator=o.g, dtype=F64) + 0.5}

            def bn(i):
                rm, rv = i["running_mean"].clone(), i["running_var"].clone()
                x = i["x"].reshape(-1, Cn)
                y = F.batch_norm(x, rm, rv, i["gamma"], i["beta"], bool(train), 0.1, 1e-5).reshape(shape)
                return y, {"running_mean": rm, "running_var": rv}
            o.case(ins, bn, {"train": train}, const=("running_mean", "running_var"))
    o.done()

    o = Ops(ctx, "ops_linear")
    for (N, I, O, bias) in [(5, 7, 3, 1), (33, 65, 17, 1), (8, 16, 16, 0), (1, 3, 1, 1)]:
        ins = {"x": rnd(o.g, N, I), "w": rnd(o.g, O, I)}
        if bias:
            ins["b"] = rnd(o.g, O)
        o.case(ins, lambda i: F.linear(i["x"], i["w"], i.get("b")), {"bias": bias})
    o.done()

    o = Ops(ctx, "ops_matmul", {"trans": "ta=1 means A is stored [k,m]; tb=1 means B is stored [n,k]"})
    for (m, k, n) in [(4, 5, 6), (33, 17, 65), (1, 8, 3), (7, 1, 5)]:
        for ta in (0, 1):
            for tb in (0, 1):
                o.case({"a": rnd(o.g, *((k, m) if ta else (m, k))), "b": rnd(o.g, *((n, k) if tb else (k, n)))},
                       lambda i: (i["a"].T if ta else i["a"]) @ (i["b"].T if tb else i["b"]), {"ta": ta, "tb": tb})
    o.done()

    o = Ops(ctx, "ops_pointwise_pool", {"ties": "max pool: first maximum in row-major window order; relu'(0)=0",
                                        "max_pool": "padding never wins (minus infinity)"})
    x = rnd(o.g, 2, 3, 5, 7)
    x[0, 0, 0, :3] = 0.0
    o.case({"x": x}, lambda i: torch.relu(i["x"]), {"op": "relu"})
    o.case({"a": rnd(o.g, 2, 3, 5, 7), "b": rnd(o.g, 2, 3, 5, 7)}, lambda i: i["a"] + i["b"], {"op": "add"})
    o.case({"a": rnd(o.g, 2, 3, 5, 7), "b": rnd(o.g, 2, 3, 5, 7)}, lambda i: torch.relu(i["a"] + i["b"]), {"op": "add_relu"})
    for (N, H, W, Cn, tie) in [(2, 8, 8, 3, 0), (1, 7, 9, 5, 0), (2, 6, 7, 4, 1), (1, 1, 1, 2, 0)]:
        x = rnd(o.g, N, H, W, Cn)
        if tie:
            x = torch.relu(x)
        o.case({"x": x}, lambda i: nhwc(F.max_pool2d(nchw(i["x"]).contiguous(), 3, 2, 1)).contiguous(),
               {"op": "max_pool", "kernel": 3, "stride": 2, "pad": 1})
    for s in [(2, 4, 4, 6), (3, 1, 5, 2)]:
        o.case({"x": rnd(o.g, *s)}, lambda i: i["x"].mean((1, 2)), {"op": "global_avg_pool"})
    o.done()

    o = Ops(ctx, "ops_l2norm_softmax", {"eps": R.EPS_NORM, "zero_row": "rows with norm <= eps: output 0 and gradient 0"})
    for s in [(5, 8), (33, 24), (3, 1)]:
        o.case({"x": rnd(o.g, *s, scale=3.0)}, lambda i: R.l2n(i["x"]), {"op": "l2_normalize"})
    x = rnd(o.g, 4, 6)
    x[2] = 0
    o.case({"x": x}, lambda i: R.l2n(i["x"]), {"op": "l2_normalize"})
    for (n, k, sc) in [(6, 10, 1.0), (33, 7, 5.0), (4, 3, 300.0)]:
        o.case({"x": rnd(o.g, n, k, scale=sc)}, lambda i: F.log_softmax(i["x"], 1), {"op": "log_softmax"})
        y = torch.randint(0, k, (n,), generator=o.g)
        o.case({"x": rnd(o.g, n, k, scale=sc), "target": y},
               lambda i: F.cross_entropy(i["x"], i["target"]), {"op": "log_softmax_nll_mean"})
    o.done()


def lars_step(ps, gs, bufs, lr, mu, wd, trust, eps):
    for j, (p, g) in enumerate(zip(ps, gs)):
        d = g.clone()
        if p.dim() > 1:                                  # biases and norm parameters: plain momentum, no decay
            d = d + wd * p
            pn, gn = p.norm(), d.norm()
            if pn > 0 and gn > 0:
                d = d * (trust * pn / (gn + eps))
        bufs[j] = mu * bufs[j] + d
        p -= lr * bufs[j]


def optim(ctx):
    shapes = {"w": (5, 7), "conv": (4, 3, 3, 2), "b": (5,)}
    runs = {"sgd_plain": dict(lr=0.1, momentum=0.0, weight_decay=0.0, nesterov=0),
            "sgd_momentum_wd": dict(lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=0),
            "sgd_nesterov_wd": dict(lr=0.05, momentum=0.9, weight_decay=1e-2, nesterov=1),
            "adamw": dict(lr=1e-2, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.05),
            "lars": dict(lr=0.3, momentum=0.9, weight_decay=1e-4, trust=1e-3, eps=1e-9)}
    notes = {"sgd": "d = g + wd*p; buf = mu*buf + d (first step buf = d); nesterov: d + mu*buf; p -= lr*d",
             "adamw": "p *= 1 - lr*wd; then Adam with bias correction: p -= lr * mhat / (sqrt(vhat) + eps)",
             "lars": "rank>1: d = g + wd*p; d *= trust*|p|/(|d|+eps) if both norms > 0; rank 1: d = g; buf = mu*buf + d; p -= lr*buf"}
    for rn, hp in runs.items():
        nm = "ops_optim_" + rn
        g = ctx.gen(nm)
        ps = {k: rnd(g, *s) for k, s in shapes.items()}
        T = {"in.p." + k: v.clone() for k, v in ps.items()}
        vs = [v.clone().requires_grad_() for v in ps.values()]
        if rn.startswith("sgd"):
            opt = torch.optim.SGD(vs, hp["lr"], hp["momentum"], 0, hp["weight_decay"], bool(hp["nesterov"]))
        elif rn == "adamw":
            opt = torch.optim.AdamW(vs, hp["lr"], (hp["beta1"], hp["beta2"]), hp["eps"], hp["weight_decay"])
        else:
            vs = [v.detach() for v in vs]
            bufs = [torch.zeros_like(v) for v in vs]
        for step in range(5):
            gs = [rnd(g, *v.shape) for v in vs]
            for k, gv in zip(shapes, gs):
                T[f"in.g{step}.{k}"] = gv
            if rn == "lars":
                lars_step(vs, gs, bufs, hp["lr"], hp["momentum"], hp["weight_decay"], hp["trust"], hp["eps"])
            else:
                for v, gv in zip(vs, gs):
                    v.grad = gv
                opt.step()
            for k, v in zip(shapes, vs):
                T[f"out.p{step}.{k}"] = v.detach().clone()
        ctx.save(nm, T, {"case": nm, "rule": notes[rn.split("_")[0]], "steps": 5, **hp})

    T, M = {}, {"case": "ops_schedule", "rule": "t < W: base*(t+1)/W; else lo + (base-lo)/2 * (1 + cos(pi*(t-W)/max(1,T-W)))"}
    for j, (base, lo, W, total) in enumerate([(0.06, 0.0, 0, 20), (0.3, 0.001, 5, 25), (1.0, 0.1, 10, 11), (2e-3, 0.0, 1, 64)]):
        T[f"c{j}.out.lr"] = torch.tensor([base * (s + 1) / W if s < W else
                                         lo + 0.5 * (base - lo) * (1 + math.cos(math.pi * (s - W) / max(1, total - W)))
                                         for s in range(total)], dtype=F64)
        M.update({f"c{j}.base": base, f"c{j}.lo": lo, f"c{j}.warmup": W, f"c{j}.total": total})
    ctx.save("ops_schedule", T, M)

    nm = "ops_moco_state"
    g = ctx.gen(nm)
    kp, T = rnd(g, 4, 5), {}
    T["in.key_param"] = kp.clone()
    for s in range(3):
        q = rnd(g, 4, 5)
        kp = 0.99 * kp + 0.01 * q
        T[f"in.query_param{s}"], T[f"out.key_param{s}"] = q, kp.clone()
    queue, ptr = R.l2n(rnd(g, 2, 7, 3)), 0
    T["in.queue"] = queue.clone()
    for s in range(4):
        keys = rnd(g, 2, 3, 3)
        T[f"in.keys{s}"] = keys
        for n in range(3):
            queue[:, (ptr + n) % 7] = R.l2n(keys)[:, n]
        ptr = (ptr + 3) % 7
        T[f"out.queue{s}"] = queue.clone()
    ctx.save(nm, T, {"case": nm, "ema": 0.99, "rule": "key = m*key + (1-m)*query; ring buffer of l2-normalised keys, "
                                                       "[C,K,d], wraps at K=7, 3 keys per step"})

    nm = "ops_knn"
    g = ctx.gen(nm)
    centers = rnd(g, 5, 8)
    ytr, yte = torch.randint(0, 5, (60,), generator=g), torch.randint(0, 5, (23,), generator=g)
    ftr, fte = R.l2n(centers[ytr] + rnd(g, 60, 8, scale=1.2)), R.l2n(centers[yte] + rnd(g, 23, 8, scale=1.2))
    T = {"in.train": ftr, "in.train_label": ytr, "in.test": fte, "in.test_label": yte}
    for k, temp in ((1, 0.1), (5, 0.1), (20, 0.07)):
        s, idx = (fte @ ftr.T).topk(k, 1)
        sc = torch.zeros(23, 5, dtype=F64).scatter_add_(1, ytr[idx], (s / temp).exp())
        T[f"out.score_k{k}"], T[f"out.pred_k{k}"] = sc, sc.argmax(1)
        T[f"out.acc_k{k}"] = (sc.argmax(1) == yte).to(F64).mean()
    ctx.save(nm, T, {"case": nm, "k1.temp": 0.1, "k5.temp": 0.1, "k20.temp": 0.07,
                     "rule": "cosine kNN, votes weighted by exp(sim/temp)"})


# ---------------------------------------------------------------- whole models
class Block(torch.nn.Module):
    def __init__(self, cin, w, stride, bottleneck):
        super().__init__()
        nn = torch.nn
        cout = w * (4 if bottleneck else 1)
        self.bt = bottleneck
        if bottleneck:
            self.conv1, self.bn1 = nn.Conv2d(cin, w, 1, bias=False), nn.BatchNorm2d(w)
            self.conv2, self.bn2 = nn.Conv2d(w, w, 3, stride, 1, bias=False), nn.BatchNorm2d(w)
            self.conv3, self.bn3 = nn.Conv2d(w, cout, 1, bias=False), nn.BatchNorm2d(cout)
        else:
            self.conv1, self.bn1 = nn.Conv2d(cin, w, 3, stride, 1, bias=False), nn.BatchNorm2d(w)
            self.conv2, self.bn2 = nn.Conv2d(w, w, 3, 1, 1, bias=False), nn.BatchNorm2d(w)
        self.downsample = None
        if stride != 1 or cin != cout:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        idt = x if self.downsample is None else self.downsample(x)
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.bt:
            y = self.bn3(self.conv3(torch.relu(y)))
        return torch.relu(y + idt)


class ResNet(torch.nn.Module):
    def __init__(self, layers, base, bottleneck, cifar):
        super().__init__()
        nn = torch.nn
        self.cifar = cifar
        self.conv1 = nn.Conv2d(3, base, 3, 1, 1, bias=False) if cifar else nn.Conv2d(3, base, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        cin, ex = base, 4 if bottleneck else 1
        for li, n in enumerate(layers):
            w = base * 2 ** li
            bl = []
            for b in range(n):
                bl.append(Block(cin, w, 2 if li > 0 and b == 0 else 1, bottleneck))
                cin = w * ex
            setattr(self, f"layer{li + 1}", nn.Sequential(*bl))
        self.dim = cin

    def forward(self, x, stages=None):
        x = torch.relu(self.bn1(self.conv1(x)))
        if not self.cifar:
            x = F.max_pool2d(x, 3, 2, 1)
        if stages is not None:
            stages["stem"] = x
        for li in range(1, 5):
            x = getattr(self, f"layer{li}")(x)
            if stages is not None:
                stages[f"layer{li}"] = x
        return x.mean((2, 3))


def models(ctx):
    specs = {"resnet18_cifar": ([2, 2, 2, 2], 8, False, True, 32), "resnet50_imagenet": ([3, 4, 6, 3], 8, True, False, 64)}
    for nm, (layers, base, bt, cifar, size) in specs.items():
        name = "model_" + nm
        g = ctx.gen(name)
        net = ResNet(layers, base, bt, cifar).double()
        proj = torch.nn.Sequential(torch.nn.Linear(net.dim, 32), torch.nn.ReLU(), torch.nn.Linear(32, 16)).double()
        params = dict(net.named_parameters())
        params.update({"projector.0." + k: v for k, v in proj.named_parameters()})   # head 0
        for k, v in params.items():                                                  # seeded values, exact in f32
            with torch.no_grad():
                if v.dim() == 4:
                    w = rnd(g, *v.shape, scale=(2.0 / (v.shape[1] * v.shape[2] * v.shape[3])) ** 0.5)
                elif v.dim() == 2:
                    w = rnd(g, *v.shape, scale=v.shape[1] ** -0.5)
                elif "weight" in k:
                    w = 1 + 0.2 * rnd(g, *v.shape)
                else:
                    w = 0.1 * rnd(g, *v.shape)
                v.copy_(w.float().double())
        B = 4
        base_img = rnd(g, B, size // 4, size // 4, 3)
        imgs = torch.cat([base_img, base_img]).repeat_interleave(4, 1).repeat_interleave(4, 2) \
            + 0.5 * rnd(g, 2 * B, size, size, 3)
        imgs = imgs.float().double()
        net.train()
        T, stages = {}, {}
        x = nchw(imgs).contiguous()
        feat = net(x, stages)
        z = proj(feat)
        o = R.ntxent(z[None], 0.2)
        o["loss"].backward()
        ohwi = lambda v: v.permute(0, 2, 3, 1).contiguous() if v.dim() == 4 else v
        T["in.images"] = imgs.float()
        for k, v in params.items():
            T["in.param." + k] = ohwi(v.detach()).float()
        T["out.features"], T["out.z"], T["out.loss"] = feat, z, o["loss"]
        for k, v in stages.items():
            T[f"out.stage.{k}.mean"] = v.mean((0, 2, 3))
            T[f"out.stage.{k}.rms"] = (v ** 2).mean((0, 2, 3)).sqrt()
        T["out.grad_norm"] = torch.stack([v.grad.norm() for v in params.values()])
        for k in ("conv1.weight", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight", "layer4.0.bn1.weight", "bn1.bias",
                  "projector.0.2.weight", "projector.0.0.bias"):
            T["grad.param." + k] = ohwi(params[k].grad)
        for k, v in net.named_buffers():
            if "running" in k and (k.startswith("bn1") or k.startswith("layer4.1")):
                T["out.buffer." + k] = v
        net.eval()
        with torch.no_grad():
            T["out.features_eval"] = net(x)
        ctx.save(name, T, {"case": name, "arch": nm, "layers": layers, "base_width": base, "bottleneck": int(bt),
                           "stem": "3x3 s1, no pool" if cifar else "7x7 s2 p3 + maxpool 3x3 s2 p1", "loss": "ntxent", "tau": 0.2,
                           "with_pos": 1, "weight_layout": "conv OHWI, linear [out,in]", "images": "NHWC, rows 0..3 view 1, 4..7 view 2",
                           "projector": "linear-relu-linear", "grad_norm_order": " ".join(params),
                           "features_eval": "eval-mode forward with the running statistics after exactly one training forward "
                                            "(initially mean 0, var 1)",
                           "compute": "float64 from f32-exact parameters and images"})


def write_all(seed, out):
    ctx = Ctx(seed, out)
    for part in (objectives, ops, optim, models):
        part(ctx)
    return ctx.files


def compare(made, stored):
    """The largest difference of a tensor, relative to its largest entry; ends the script where the files differ in
    more than the order of sums explains (another PyTorch, another processor)."""
    names = sorted(os.listdir(made))
    if names != sorted(os.listdir(stored)):
        raise SystemExit(f"other files than in {stored}: {sorted(set(names) ^ set(os.listdir(stored)))}")
    worst = 0.0
    for name in names:
        (new, meta), (old, old_meta) = (load(os.path.join(d, name)) for d in (made, stored))
        if meta != old_meta or {k: v.shape for k, v in new.items()} != {k: v.shape for k, v in old.items()}:
            raise SystemExit(f"{name}: other metadata or tensors than in {stored}")
        for k in (k for k in new if new[k].numel()):
            largest = old[k].double().abs().max().item()
            error = (new[k].double() - old[k].double()).abs().max().item()
            if error > max(1e-11 * largest, 1e-15):
                raise SystemExit(f"{name}: {k} differs by {error:.1e}, its largest entry is {largest:.1e}")
            worst = max(worst, error / largest if largest > 1e-4 else 0.0)
    return worst


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--seed", type=int, default=1, help="another seed makes other inputs for the same cases")
    ap.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases"))
    ap.add_argument("--check", action="store_true", help="write nothing to --out, compare with it")
    a = ap.parse_args()
    if a.check:
        with tempfile.TemporaryDirectory() as made:
            files = write_all(a.seed, made)
            print(f"{files} files as in {a.out}; largest relative difference {compare(made, a.out):.1e}")
        return
    files = write_all(a.seed, a.out)
    size = sum(os.path.getsize(os.path.join(a.out, f)) for f in os.listdir(a.out))
    print(f"{files} files, {size / 1e6:.2f} MB in {a.out}")


if __name__ == "__main__":
    main()
