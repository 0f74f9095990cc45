"""Executable form of docs/objectives.md: every objective in float64 PyTorch.

Written for clarity: pair matrices are materialised, gradients come from
autograd.  Section numbers (S2, S3.1, ...) refer to that document.

Shapes.  C heads, N images, M = 2N rows (view 1 = rows 0..N-1, view 2 = rows
N..2N-1), d features, K queue entries, h hidden units of phi, e outputs of phi.
"""
from dataclasses import dataclass
from typing import Dict, Optional

import torch

EPS_NORM = 1e-12


class SpecError(ValueError):
    """Raised where the spec demands an error (S9)."""


# --------------------------------------------------------------- building blocks
def l2n(z: torch.Tensor, eps: float = EPS_NORM) -> torch.Tensor:
    """S1.1: rows scaled to unit length; a row with norm <= eps gives u = 0 and zero gradient."""
    n = z.norm(dim=-1, keepdim=True) if z.numel() else z.sum(-1, keepdim=True)
    ok = n > eps
    safe = torch.where(ok, z, torch.ones_like(z))
    return torch.where(ok, safe / safe.norm(dim=-1, keepdim=True), torch.zeros_like(z))


def pair_dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """All inner products a_i . b_j, summed in the same order for every pair (ties stay exact)."""
    return (a[:, None, :] * b[None, :, :]).sum(-1)


@dataclass
class Temp:
    """S3: the temperature network and the regulariser."""
    kind: str = "dot"              # dot | concat | const
    lo: float = 0.05
    hi: float = 1.0
    tau_const: float = 0.2         # kind == const
    score_scale: float = 1.0       # dot only: r = score_scale * P_i . P_j
    score_bias: float = 0.0        # r0 of S3.2
    detach: bool = False           # stop-gradient between z and phi
    reg: str = "paired"            # paired (the paper) | anchored (S3.4)
    beta: float = 0.0
    omega_a: Optional[float] = None      # a of S3.4; None = d/2
    beta_neg: Optional[float] = None     # None = beta
    omega_a_neg: Optional[float] = None  # None = omega_a

    def coef(self, d: int):
        a = 0.5 * d if self.omega_a is None else self.omega_a
        bn = self.beta if self.beta_neg is None else self.beta_neg
        an = a if self.omega_a_neg is None else self.omega_a_neg
        return self.beta, a, bn, an

    def logit_coef(self, d: int):
        """(beta, a) of the positive and of the negatives inside the logits: none if anchored."""
        return self.coef(d) if self.reg == "paired" else (0.0, 1.0, 0.0, 1.0)

    def anchor(self, tau_pos, d: int):
        """S3.4: the regulariser added outside the logits, one value per anchor."""
        b, a, _, _ = self.coef(d)
        return b * omega(tau_pos, a) if self.reg == "anchored" else torch.zeros_like(tau_pos)


def head_of(phi: Optional[Dict[str, torch.Tensor]], c: int):
    """phi tensors carry a leading axis of length 1 (shared over heads) or C (one net per head)."""
    if phi is None:
        return None
    return {k: (v[0] if v.shape[0] == 1 else v[c]) for k, v in phi.items()}


def phi_mlp(p, x):
    return torch.relu(x @ p["w1"].T + p["b1"]) @ p["w2"].T + p["b2"]


def scores(t: Temp, p, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """S3.1: r[i, j] for all rows i of a and j of b."""
    if t.detach:
        a, b = a.detach(), b.detach()
    if t.kind == "dot":
        r = t.score_scale * pair_dot(phi_mlp(p, a), phi_mlp(p, b))
    elif t.kind == "concat":
        d = a.shape[-1]                       # w1 [x; y] = w1[:, :d] x + w1[:, d:] y
        ha = a @ p["w1"][:, :d].T + p["b1"]
        hb = b @ p["w1"][:, d:].T
        r = (torch.relu(ha[:, None, :] + hb[None, :, :]) * p["w2"][0]).sum(-1) + p["b2"][0]
    else:
        raise SpecError("unknown temperature kind")
    return r + t.score_bias


def tau_of(t: Temp, p, a, b) -> torch.Tensor:
    """S3.2: tau[i, j] = lo + (hi - lo) * sigmoid(-r)."""
    if t.kind == "const":
        return torch.full((a.shape[0], b.shape[0]), t.tau_const, dtype=a.dtype)
    if not 0.0 < t.lo < t.hi:
        raise SpecError("need 0 < lo < hi")
    return t.lo + (t.hi - t.lo) * torch.sigmoid(-scores(t, p, a, b))


def tau_rows(t: Temp, p, a, b) -> torch.Tensor:
    """tau for the aligned pairs (a_i, b_i) only."""
    return tau_of(t, p, a, b).diagonal()


def omega(tau, a):
    """S3.4: a log tau + 1/tau  (a = d/2 in the paper)."""
    return a * torch.log(tau) + 1.0 / tau


def reduce_neg(logit, sim, mask, mode: str, topk: int):
    """S4.3: reduce the rows of `logit` over mask.  hard/topk rank by sim; ties -> lowest index."""
    ninf = torch.full_like(logit, -float("inf"))
    if mode == "lse":
        return torch.logsumexp(torch.where(mask, logit, ninf), dim=1)
    k = 1 if mode == "hard" else topk
    if k < 1:
        raise SpecError("topk must be >= 1")
    k = min(k, int(mask.sum(1).min()))
    order = torch.sort(torch.where(mask, sim, ninf).detach(), dim=1, descending=True, stable=True)[1]
    return logit.gather(1, order[:, :k]).mean(1)


def _finish(per_head, **extra):
    per_head = torch.stack(per_head)
    return dict(loss=per_head.sum(), per_head=per_head, **extra)


def _heads(z):
    return z if z.dim() == 3 else z[None]


# --------------------------------------------------------------- S2 baselines
def ntxent(z, tau: float, with_pos: bool = True):
    """S2.1: z [C, 2N, d] raw projections."""
    out, z = [], _heads(z)
    for c in range(z.shape[0]):
        M = z.shape[1]
        if M % 2 or M < 4:
            raise SpecError("NT-Xent needs an even number of rows and N >= 2")
        i = torch.arange(M)
        pos = (i + M // 2) % M
        u = l2n(z[c])
        logit = pair_dot(u, u) / tau
        mask = torch.ones(M, M, dtype=torch.bool)
        mask[i, i] = False
        if not with_pos:
            mask[i, pos] = False
        out.append((reduce_neg(logit, logit, mask, "lse", 0) - logit[i, pos]).mean())
    return _finish(out)


def infonce_queue(q, k, queue, tau: float, with_pos: bool = True):
    """S2.2: q [C, N, d]; k [C, N, d] and queue [C, K, d] are constants; queue rows have unit length."""
    q, k, queue = _heads(q), _heads(k).detach(), _heads(queue).detach()
    out = []
    for c in range(q.shape[0]):
        if queue.shape[1] < 1:
            raise SpecError("the queue is empty")
        a, b = l2n(q[c]), l2n(k[c])
        lp = (a * b).sum(-1, keepdim=True) / tau
        ln = pair_dot(a, queue[c]) / tau
        den = torch.cat([lp, ln], 1) if with_pos else ln
        out.append((torch.logsumexp(den, 1) - lp[:, 0]).mean())
    return _finish(out)


def simsiam(p1, z1, p2, z2):
    """S2.3: p = predictor output, z = projector output (constant)."""
    p1, p2, z1, z2 = _heads(p1), _heads(p2), _heads(z1).detach(), _heads(z2).detach()
    out = []
    for c in range(p1.shape[0]):
        s1 = (l2n(p1[c]) * l2n(z2[c])).sum(-1)
        s2 = (l2n(p2[c]) * l2n(z1[c])).sum(-1)
        out.append((-0.5 * s1 - 0.5 * s2).mean())
    return _finish(out)


def standardise(x, ddof: int = 0, eps: float = 1e-5):
    """S2.4: zero mean and unit variance per column over the batch."""
    xc = x - x.mean(0)
    return xc / torch.sqrt((xc * xc).sum(0) / (x.shape[0] - ddof) + eps)


def _xcorr(x, y, ddof, eps):
    if x.shape[0] < 2:
        raise SpecError("Barlow Twins needs N >= 2")
    xs, ys = standardise(x, ddof, eps), standardise(y, ddof, eps)
    return xs, ys, xs.T @ ys / x.shape[0]


def barlow(x, y, lam: float = 5e-3, ddof: int = 0, eps: float = 1e-5):
    """S2.4: x, y [C, N, d] raw projections of view 1 and view 2."""
    x, y, out = _heads(x), _heads(y), []
    for c in range(x.shape[0]):
        _, _, C = _xcorr(x[c], y[c], ddof, eps)
        diag = C.diagonal()
        out.append(((1 - diag) ** 2).sum() + lam * ((C ** 2).sum() - (diag ** 2).sum()))
    return _finish(out)


def byol(p1, t1, p2, t2):
    """S2.5: p = predictor output, t = target (constant)."""
    p1, p2, t1, t2 = _heads(p1), _heads(p2), _heads(t1).detach(), _heads(t2).detach()
    out = []
    for c in range(p1.shape[0]):
        out.append((((l2n(p1[c]) - l2n(t2[c])) ** 2).sum(-1) + ((l2n(p2[c]) - l2n(t1[c])) ** 2).sum(-1)).mean())
    return _finish(out)


def sigreg(x, directions):
    """S2.6: x [N, d] rows, directions [S, d] unit rows: the sliced Epps-Pulley statistic."""
    t = torch.linspace(-5, 5, 17, dtype=x.dtype)
    normal = torch.exp(-0.5 * t ** 2)
    empirical = torch.exp(1j * (x @ directions.T)[..., None] * t).mean(0)      # [S, 17]
    distance = (empirical - normal).abs() ** 2 * normal
    return x.shape[0] * torch.trapezoid(distance, t, dim=1).mean()


def lejepa(z, directions, lam: float):
    """S2.6: z [C, 2N, d] raw projections; directions [S, d] are constant."""
    out, z, directions = [], _heads(z), directions.detach()
    for c in range(z.shape[0]):
        M = z.shape[1]
        if M % 2 or M < 4:
            raise SpecError("LeJEPA needs an even number of rows and N >= 2")
        views = z[c].reshape(2, M // 2, -1)
        prediction = ((views - views.mean(0)) ** 2).mean()
        out.append((1 - lam) * prediction + lam * (sigreg(views[0], directions) + sigreg(views[1], directions)) / 2)
    return _finish(out)


# --------------------------------------------------------------- S4..S7 AMCL
def amcl_ntxent(z, phi, t: Temp, mode: str = "lse", with_pos: bool = True, topk: int = 1):
    """S4: z [C, 2N, d].  with_pos=False is paper (2.1), True is (2.4)."""
    out, taus = [], []
    for c in range(z.shape[0]):
        M, d = z.shape[1:]
        if M % 2 or M < 4:
            raise SpecError("AMCL NT-Xent needs an even number of rows and N >= 2")
        bp, ap, bn, an = t.logit_coef(d)
        i = torch.arange(M)
        pos = (i + M // 2) % M
        u = l2n(z[c])
        s = pair_dot(u, u)
        tau = tau_of(t, head_of(phi, c), u, u)
        is_pos = torch.zeros(M, M, dtype=torch.bool)
        is_pos[i, pos] = True
        logit = s / tau - torch.where(is_pos, bp * omega(tau, ap), bn * omega(tau, an))
        mask = torch.ones(M, M, dtype=torch.bool)
        mask[i, i] = False
        if not with_pos:
            mask[i, pos] = False
        out.append((reduce_neg(logit, s, mask, mode, topk) - logit[i, pos] + t.anchor(tau[i, pos], d)).mean())
        taus.append(tau)
    return _finish(out, tau=torch.stack(taus))


def amcl_moco(q, k, queue, phi, t: Temp, mode: str = "lse", with_pos: bool = True, topk: int = 1):
    """S5: anchors are the queries; keys and queue are constants, phi is trained through them."""
    k, queue = k.detach(), queue.detach()
    out, tps, tns = [], [], []
    for c in range(q.shape[0]):
        d = q.shape[2]
        if queue.shape[1] < 1:
            raise SpecError("the queue is empty")
        bp, ap, bn, an = t.logit_coef(d)
        a, b, g, p = l2n(q[c]), l2n(k[c]), queue[c], head_of(phi, c)
        sp = (a * b).sum(-1)
        tp = tau_rows(t, p, a, b)
        lp = sp / tp - bp * omega(tp, ap)
        sn = pair_dot(a, g)
        tn = tau_of(t, p, a, g)
        ln = sn / tn - bn * omega(tn, an)
        logit, sim = torch.cat([lp[:, None], ln], 1), torch.cat([sp[:, None], sn], 1)
        mask = torch.ones_like(logit, dtype=torch.bool)
        if not with_pos:
            mask[:, 0] = False
        out.append((reduce_neg(logit, sim, mask, mode, topk) - lp + t.anchor(tp, d)).mean())
        tps.append(tp)
        tns.append(tn)
    return _finish(out, tau_pos=torch.stack(tps), tau_neg=torch.stack(tns))


def amcl_simsiam(p1, z1, p2, z2, phi, t: Temp):
    """S6."""
    z1, z2 = z1.detach(), z2.detach()
    out, t1s, t2s = [], [], []
    for c in range(p1.shape[0]):
        b, a, _, _ = t.coef(p1.shape[2])
        p = head_of(phi, c)
        u1, v2, u2, v1 = l2n(p1[c]), l2n(z2[c]), l2n(p2[c]), l2n(z1[c])
        t1, t2 = tau_rows(t, p, u1, v2), tau_rows(t, p, u2, v1)
        s1, s2 = (u1 * v2).sum(-1), (u2 * v1).sum(-1)
        out.append((-0.5 * s1 / t1 - 0.5 * s2 / t2 + b * omega(t1, a) + b * omega(t2, a)).mean())
        t1s.append(t1)
        t2s.append(t2)
    return _finish(out, tau1=torch.stack(t1s), tau2=torch.stack(t2s))


def amcl_barlow(x, y, phi, t: Temp, lam: float = 5e-3, ddof: int = 0, eps: float = 1e-5,
                bt_phi: str = "batchvec", bt_pos: str = "inside"):
    """S7.  phi: batchvec -> MLP on the N-vectors of standardised columns (kind dot, w1 [.., h, N]);
    corr -> r_lm = g * C_lm + o with phi = {g [.,1], o [.,1]}.  bt_pos: inside = (1 - C/tau)^2 (paper),
    outside = (1 - C)^2 / tau."""
    out, taus = [], []
    for c in range(x.shape[0]):
        N, d = x.shape[1:]
        bp, ap, bn, an = t.coef(d)
        p = head_of(phi, c)
        xs, ys, C = _xcorr(x[c], y[c], ddof, eps)
        if t.kind == "const":
            tau = torch.full_like(C, t.tau_const)
        elif bt_phi == "batchvec":
            if t.kind != "dot":
                raise SpecError("batchvec uses the dot form")
            if p["w1"].shape[1] != N:
                raise SpecError("batchvec: the batch size differs from phi's input width")
            tau = tau_of(t, p, xs.T / N ** 0.5, ys.T / N ** 0.5)
        else:
            Cr = C.detach() if t.detach else C
            tau = t.lo + (t.hi - t.lo) * torch.sigmoid(-(p["g"] * Cr + p["o"] + t.score_bias))
        eye = torch.eye(d, dtype=torch.bool)
        cd, td, cn, tn = C[eye], tau[eye], C[~eye], tau[~eye]
        fit = ((1 - cd / td) ** 2).sum() if bt_pos == "inside" else ((1 - cd) ** 2 / td).sum()
        out.append(fit + lam * (cn ** 2 / tn).sum()
                   + bp * omega(td, ap).sum() - bn * omega(tn, an).sum())
        taus.append(tau)
    return _finish(out, tau=torch.stack(taus))


# --------------------------------------------------------------- parameters of phi
def make_phi(gen, heads: int, d_in: int, h: int, e: int, kind: str = "dot", gain: float = 1.0):
    """Random phi parameters (S3.5: uniform +-1/sqrt(fan_in), as a standard linear layer)."""
    def u(*shape, fan):
        return gain * (2 * torch.rand(*shape, generator=gen, dtype=torch.float64) - 1) / fan ** 0.5
    w_in, out = (d_in, e) if kind == "dot" else (2 * d_in, 1)
    return {"w1": u(heads, h, w_in, fan=w_in), "b1": u(heads, h, fan=w_in),
            "w2": u(heads, out, h, fan=h), "b2": u(heads, out, fan=h)}
