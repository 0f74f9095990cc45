"""Checks reference.py: (1) torch.autograd.gradcheck, (2) the closed-form gradients of docs/objectives.md."""
import math
import sys
import torch
from torch.autograd import gradcheck
import reference as R
from reference import Temp, l2n, head_of

torch.set_num_threads(1)
F64 = torch.float64


def rnd(g, *s):
    return torch.randn(*s, generator=g, dtype=F64)


# ---------------------------------------------------------------- closed forms (no autograd)
def l2n_back(z, u, du):                                     # S1.1
    n = z.norm(dim=-1, keepdim=True)
    return torch.where(n > R.EPS_NORM, (du - u * (u * du).sum(-1, keepdim=True)) / n.clamp_min(1e-300),
                       torch.zeros_like(z))


def mlp_back(p, x, dP):                                     # S3.6
    pre = x @ p["w1"].T + p["b1"]
    h = pre.clamp_min(0)
    dh = (dP @ p["w2"]) * (pre > 0)
    return dh @ p["w1"], {"w1": dh.T @ x, "b1": dh.sum(0), "w2": dP.T @ h, "b2": dP.sum(0)}


def score_back(t, p, a, b, Rm):                             # S3.6: Rm = dL/dr
    d = a.shape[-1]
    if t.kind == "dot":
        Pa, Pb = R.phi_mlp(p, a), R.phi_mlp(p, b)
        da, ga = mlp_back(p, a, t.score_scale * Rm @ Pb)
        db, gb = mlp_back(p, b, t.score_scale * Rm.T @ Pa)
        g = {k: ga[k] + gb[k] for k in ga}
    else:
        A = a @ p["w1"][:, :d].T + p["b1"]
        B = b @ p["w1"][:, d:].T
        pre = A[:, None, :] + B[None, :, :]
        K = Rm[:, :, None] * (pre > 0) * p["w2"][0]
        dA, dB = K.sum(1), K.sum(0)
        g = {"w1": torch.cat([dA.T @ a, dB.T @ b], 1), "b1": dA.sum(0),
             "w2": (Rm[:, :, None] * pre.clamp_min(0)).sum((0, 1))[None], "b2": Rm.sum()[None]}
        da, db = dA @ p["w1"][:, :d], dB @ p["w1"][:, d:]
    if t.detach:
        da, db = torch.zeros_like(a), torch.zeros_like(b)
    return da, db, g


def dtau_dr(t, tau):
    sg = (tau - t.lo) / (t.hi - t.lo)
    return -(t.hi - t.lo) * sg * (1 - sg)


def weights(logit, sim, mask, mode, topk):                  # S4.4
    if mode == "lse":
        x = torch.where(mask, logit, torch.full_like(logit, -float("inf")))
        return torch.softmax(x, 1)
    k = 1 if mode == "hard" else topk
    x = torch.where(mask, sim, torch.full_like(sim, -float("inf")))
    idx = torch.sort(x, dim=1, descending=True, stable=True)[1][:, :k]
    return torch.zeros_like(logit).scatter_(1, idx, 1.0 / k)


def anchor_grad(t, tau, d):                                 # S3.4: d(anchor)/d(tau_pos)
    b, a, _, _ = t.coef(d)
    return b * (a / tau - 1 / tau ** 2) if t.reg == "anchored" else torch.zeros_like(tau)


def add_phi(total, g, p_shape_1, c):
    for k in g:
        total[k][0 if p_shape_1 else c] += g[k]


def closed_ntxent_amcl(z, phi, t, mode, with_pos, topk):
    dz = torch.zeros_like(z)
    dphi = {k: torch.zeros_like(v) for k, v in phi.items()}
    C, M, d = z.shape
    bp, ap, bn, an = t.logit_coef(d)
    i = torch.arange(M)
    pos = (i + M // 2) % M
    for c in range(C):
        p = head_of(phi, c)
        u = l2n(z[c])
        S = R.pair_dot(u, u)
        tau = R.tau_of(t, p, u, u)
        isp = torch.zeros(M, M, dtype=torch.bool)
        isp[i, pos] = True
        b_, a_ = torch.where(isp, torch.tensor(bp, dtype=F64), torch.tensor(bn, dtype=F64)), \
            torch.where(isp, torch.tensor(ap, dtype=F64), torch.tensor(an, dtype=F64))
        logit = (S - b_) / tau - b_ * a_ * tau.log()
        mask = torch.ones(M, M, dtype=torch.bool)
        mask[i, i] = False
        if not with_pos:
            mask[i, pos] = False
        W = weights(logit, S, mask, mode, topk)
        W[i, pos] -= 1
        W /= M
        G = W / tau
        T = W * ((b_ - S) / tau ** 2 - b_ * a_ / tau)
        T[i, pos] += anchor_grad(t, tau[i, pos], d) / M
        Rm = T * dtau_dr(t, tau)
        da, db, g = score_back(t, p, u, u, Rm)
        du = (G + G.T) @ u + da + db
        dz[c] = l2n_back(z[c], u, du)
        add_phi(dphi, g, phi["w1"].shape[0] == 1, c)
    return dz, dphi


def closed_moco_amcl(q, k, Q, phi, t, mode, with_pos, topk):
    dq = torch.zeros_like(q)
    dphi = {n: torch.zeros_like(v) for n, v in phi.items()}
    C, N, d = q.shape
    bp, ap, bn, an = t.logit_coef(d)
    for c in range(C):
        p = head_of(phi, c)
        u, b, g_ = l2n(q[c]), l2n(k[c]), Q[c]
        sp = (u * b).sum(-1)
        tp = R.tau_rows(t, p, u, b)
        sn = u @ g_.T
        tn = R.tau_of(t, p, u, g_)
        lp = (sp - bp) / tp - bp * ap * tp.log()
        ln = (sn - bn) / tn - bn * an * tn.log()
        logit, sim = torch.cat([lp[:, None], ln], 1), torch.cat([sp[:, None], sn], 1)
        mask = torch.ones_like(logit, dtype=torch.bool)
        if not with_pos:
            mask[:, 0] = False
        W = weights(logit, sim, mask, mode, topk)
        W[:, 0] -= 1
        W /= N
        wp, wn = W[:, 0], W[:, 1:]
        du = (wp / tp)[:, None] * b + (wn / tn) @ g_
        Rp = torch.diag((wp * ((bp - sp) / tp ** 2 - bp * ap / tp) + anchor_grad(t, tp, d) / N) * dtau_dr(t, tp))
        Rn = wn * ((bn - sn) / tn ** 2 - bn * an / tn) * dtau_dr(t, tn)
        da1, _, g1 = score_back(t, p, u, b, Rp)
        da2, _, g2 = score_back(t, p, u, g_, Rn)
        dq[c] = l2n_back(q[c], u, du + da1 + da2)
        add_phi(dphi, {n: g1[n] + g2[n] for n in g1}, phi["w1"].shape[0] == 1, c)
    return dq, dphi


def closed_simsiam_amcl(p1, z1, p2, z2, phi, t):
    d1, d2 = torch.zeros_like(p1), torch.zeros_like(p2)
    dphi = {n: torch.zeros_like(v) for n, v in phi.items()}
    C, N, d = p1.shape
    b, a, _, _ = t.coef(d)
    for c in range(C):
        for (pp, zz, dd) in ((p1, z2, d1), (p2, z1, d2)):
            p = head_of(phi, c)
            u, v = l2n(pp[c]), l2n(zz[c])
            s, tau = (u * v).sum(-1), R.tau_rows(t, p, u, v)
            du = (-0.5 / (N * tau))[:, None] * v
            r = (0.5 * s / tau ** 2 + b * (a / tau - 1 / tau ** 2)) / N * dtau_dr(t, tau)
            da, _, g = score_back(t, p, u, v, torch.diag(r))
            dd[c] = l2n_back(pp[c], u, du + da)
            add_phi(dphi, g, phi["w1"].shape[0] == 1, c)
    return d1, d2, dphi


def std_back(x, xs, dxs, ddof, eps):
    N = x.shape[0]
    r = 1 / torch.sqrt(((x - x.mean(0)) ** 2).sum(0) / (N - ddof) + eps)
    return r * (dxs - dxs.mean(0) - xs * (dxs * xs).sum(0) / (N - ddof))


def closed_barlow_amcl(x, y, phi, t, lam, ddof, eps, bt_phi, bt_pos):
    dx, dy = torch.zeros_like(x), torch.zeros_like(y)
    dphi = {n: torch.zeros_like(v) for n, v in phi.items()}
    H, N, d = x.shape
    bp, ap, bn, an = t.coef(d)
    eye = torch.eye(d, dtype=torch.bool)
    for c in range(H):
        p = head_of(phi, c)
        xs, ys, C = R._xcorr(x[c], y[c], ddof, eps)
        if bt_phi == "batchvec":
            tau = R.tau_of(t, p, xs.T / N ** 0.5, ys.T / N ** 0.5)
        else:
            tau = t.lo + (t.hi - t.lo) * torch.sigmoid(-(p["g"] * C + p["o"] + t.score_bias))
        if bt_pos == "inside":
            G = torch.where(eye, -2 * (1 - C / tau) / tau, 2 * lam * C / tau)
            T = torch.where(eye, 2 * (1 - C / tau) * C / tau ** 2, -lam * C ** 2 / tau ** 2)
        else:
            G = torch.where(eye, -2 * (1 - C) / tau, 2 * lam * C / tau)
            T = torch.where(eye, -(1 - C) ** 2 / tau ** 2, -lam * C ** 2 / tau ** 2)
        T = T + torch.where(eye, bp * (ap / tau - 1 / tau ** 2), -bn * (an / tau - 1 / tau ** 2))
        Rm = T * dtau_dr(t, tau)
        dxs, dys = torch.zeros_like(xs), torch.zeros_like(ys)
        if bt_phi == "batchvec":
            da, db, g = score_back(t, p, xs.T / N ** 0.5, ys.T / N ** 0.5, Rm)
            dxs, dys = da.T / N ** 0.5, db.T / N ** 0.5
            add_phi(dphi, g, phi["w1"].shape[0] == 1, c)
        else:
            add_phi(dphi, {"g": (Rm * C).sum()[None], "o": Rm.sum()[None]}, phi["g"].shape[0] == 1, c)
            if not t.detach:
                G = G + Rm * p["g"]
        dxs, dys = dxs + ys @ G.T / N, dys + xs @ G / N
        dx[c], dy[c] = std_back(x[c], xs, dxs, ddof, eps), std_back(y[c], ys, dys, ddof, eps)
    return dx, dy, dphi


def streamed_lse(u, p, t, tile=3):                          # S8.4: O(M) memory, tiles on or above the diagonal
    M, d = u.shape
    b, a, _, _ = t.logit_coef(d)
    P = R.phi_mlp(p, u)
    pos = (torch.arange(M) + M // 2) % M
    m, z, lp = torch.full((M,), -float("inf"), dtype=F64), torch.zeros(M, dtype=F64), torch.zeros(M, dtype=F64)
    du, dP, loss = torch.zeros_like(u), torch.zeros_like(P), 0.0

    def tiles():
        for i0 in range(0, M, tile):
            for j0 in range(i0, M, tile):
                i, j = torch.arange(i0, min(M, i0 + tile)), torch.arange(j0, min(M, j0 + tile))
                s, tau = u[i] @ u[j].T, t.lo + (t.hi - t.lo) * torch.sigmoid(
                    -(t.score_scale * P[i] @ P[j].T + t.score_bias))
                yield i, j, s, tau, (s - b) / tau - b * a * tau.log(), i[:, None] < j[None]

    def online(rows, x):
        mx = torch.maximum(m[rows], x.max(1)[0])
        z[rows] = z[rows] * torch.exp(m[rows] - mx).nan_to_num(0.0) + torch.exp(x - mx[:, None]).nan_to_num(0.0).sum(1)
        m[rows] = mx

    for i, j, s, tau, lg, up in tiles():
        x = torch.where(up, lg, torch.full_like(lg, -float("inf")))
        hit = up & (pos[i][:, None] == j[None])
        lp[i] += ((lg - t.anchor(tau, d)) * hit).sum(1)
        lp[j] += ((lg - t.anchor(tau, d)) * hit).sum(0)
        for rows, y in ((i, x), (j, x.T)):
            keep = torch.isfinite(y).any(1)
            if keep.any():
                online(rows[keep], y[keep])
    lse = m + z.log()
    for i, j, s, tau, lg, up in tiles():
        w = torch.exp(lg - lse[i][:, None]) + torch.exp(lg - lse[j][None]) - 2.0 * (pos[i][:, None] == j[None])
        w = torch.where(up, w, torch.zeros_like(w)) / M
        g = w / tau
        twice = 2.0 * (up & (pos[i][:, None] == j[None])) / M               # both anchors of the positive pair
        r = (w * ((b - s) / tau ** 2 - b * a / tau) + twice * anchor_grad(t, tau, d)) * dtau_dr(t, tau)
        du[i] += g @ u[j]
        du[j] += g.T @ u[i]
        dP[i] += t.score_scale * r @ P[j]
        dP[j] += t.score_scale * r.T @ P[i]
    dx, gp = mlp_back(p, u, dP)
    return (lse - lp).mean(), du + dx, gp


# ---------------------------------------------------------------- driver
fails, worst, n = [], 0.0, 0


def report(name, ok, err=None):
    global worst, n
    n += 1
    if err is not None:
        worst = max(worst, err)
    if not ok:
        fails.append(name)
    print(f"{'ok  ' if ok else 'FAIL'} {name}" + ("" if err is None else f"  max rel err {err:.1e}"))


def rel(a, b):
    return float((a - b).abs().max() / (b.abs().max() + 1e-12))


def gc(name, f, ins):
    report("gradcheck " + name, gradcheck(f, tuple(x.clone().requires_grad_() for x in ins),
                                          eps=1e-6, atol=1e-6, rtol=1e-5, raise_exception=False))


def main():
    g = torch.Generator().manual_seed(5)
    C, N, d, h, e, K = 2, 4, 5, 6, 3, 7
    z = rnd(g, C, 2 * N, d)
    q, k, Q = rnd(g, C, N, d), rnd(g, C, N, d), l2n(rnd(g, C, K, d))
    p1, z1, p2, z2 = (rnd(g, C, N, d) for _ in range(4))
    x, y = rnd(g, C, N, d), rnd(g, C, N, d)

    for wp in (True, False):
        gc(f"ntxent with_pos={wp}", lambda z: R.ntxent(z, 0.3, wp)["loss"], [z])
    for wp in (True, False):
        gc(f"infonce queue with_pos={wp}", lambda q: R.infonce_queue(q, k, Q, 0.2, wp)["loss"], [q])
    gc("simsiam", lambda a, b: R.simsiam(a, z1, b, z2)["loss"], [p1, p2])
    gc("byol", lambda a, b: R.byol(a, z1, b, z2)["loss"], [p1, p2])
    err = rel(R.byol(p1, z1, p2, z2)["loss"], 4 * C + 4 * R.simsiam(p1, z1, p2, z2)["loss"])
    report("identity: BYOL == 4 C + 4 SimSiam", err < 1e-12, err)
    directions = R.l2n(rnd(g, 7, d))
    gc("lejepa", lambda a: R.lejepa(a, directions, 0.3)["loss"], [z])
    err = rel(R.sigreg(torch.zeros(N, d, dtype=z.dtype), directions),
              torch.tensor(N * math.sqrt(2 * math.pi) * (1 - 2 ** 0.5 + 3 ** -0.5), dtype=z.dtype))
    report("identity: SIGReg of a collapse == its integral, cut at +-5", err < 1e-5, err)
    for dd in (0, 1):
        gc(f"barlow ddof={dd}", lambda a, b: R.barlow(a, b, 0.05, dd)["loss"], [x, y])

    def unpack(names, ts):
        return dict(zip(names, ts))

    for kind in ("dot", "concat"):
        for heads in (1, C):
            phi = R.make_phi(g, heads, d, h, e, kind, gain=2.0)
            nm, pv = list(phi), list(phi.values())
            for mode, tk, reg in (("hard", 1, "paired"), ("topk", 3, "paired"), ("lse", 1, "paired"), ("lse", 1, "anchored")):
                for wp in (True, False):
                    t = Temp(kind, 0.1, 1.5, score_scale=0.7 if kind == "dot" else 1.0, score_bias=0.2, reg=reg,
                             beta=0.1, omega_a=1.3, beta_neg=0.07, omega_a_neg=0.8)
                    tag = f"{kind} shared={heads == 1} {mode} {reg} with_pos={wp}"

                    def f(z, *pv):
                        return R.amcl_ntxent(z, unpack(nm, pv), t, mode, wp, tk)["loss"]
                    gc("amcl_ntxent " + tag, f, [z] + pv)

                    def f2(q, *pv):
                        return R.amcl_moco(q, k, Q, unpack(nm, pv), t, mode, wp, tk)["loss"]
                    gc("amcl_moco " + tag, f2, [q] + pv)
                    for det in (False, True):
                        t.detach = det
                        zz, pp = z.clone().requires_grad_(), [v.clone().requires_grad_() for v in pv]
                        ag = torch.autograd.grad(f(zz, *pp), [zz] + pp)
                        dz, dphi = closed_ntxent_amcl(z, phi, t, mode, wp, tk)
                        err = max(rel(dz, ag[0]), *(rel(dphi[m], a) for m, a in zip(nm, ag[1:])))
                        report(f"closed form amcl_ntxent {tag} detach={det}", err < 1e-9, err)
                        qq = q.clone().requires_grad_()
                        ag = torch.autograd.grad(f2(qq, *pp), [qq] + pp)
                        dq, dphi = closed_moco_amcl(q, k, Q, phi, t, mode, wp, tk)
                        err = max(rel(dq, ag[0]), *(rel(dphi[m], a) for m, a in zip(nm, ag[1:])))
                        report(f"closed form amcl_moco {tag} detach={det}", err < 1e-9, err)
                    t.detach = False
            t = Temp(kind, 0.1, 1.5, beta=0.1, omega_a=1.3)

            def f3(a, b, *pv):
                return R.amcl_simsiam(a, z1, b, z2, unpack(nm, pv), t)["loss"]
            gc(f"amcl_simsiam {kind} shared={heads == 1}", f3, [p1, p2] + pv)
            vs = [v.clone().requires_grad_() for v in [p1, p2] + pv]
            ag = torch.autograd.grad(f3(*vs), vs)
            d1, d2, dphi = closed_simsiam_amcl(p1, z1, p2, z2, phi, t)
            err = max(rel(d1, ag[0]), rel(d2, ag[1]), *(rel(dphi[m], a) for m, a in zip(nm, ag[2:])))
            report(f"closed form amcl_simsiam {kind} shared={heads == 1}", err < 1e-9, err)
    for bt_phi in ("batchvec", "corr"):
        for bt_pos in ("inside", "outside"):
            for dd in (0, 1):
                t = Temp("dot", 0.5, 1.5, beta=0.1, omega_a=1.3, beta_neg=0.01)
                phi = R.make_phi(g, 1, N, h, e, "dot", gain=2.0) if bt_phi == "batchvec" else \
                    {"g": rnd(g, 1, 1), "o": rnd(g, 1, 1)}
                nm, pv = list(phi), list(phi.values())

                def f4(a, b, *pv):
                    return R.amcl_barlow(a, b, unpack(nm, pv), t, 0.05, dd, 1e-5, bt_phi, bt_pos)["loss"]
                gc(f"amcl_barlow {bt_phi} {bt_pos} ddof={dd}", f4, [x, y] + pv)
                vs = [v.clone().requires_grad_() for v in [x, y] + pv]
                ag = torch.autograd.grad(f4(*vs), vs)
                dx, dy, dphi = closed_barlow_amcl(x, y, phi, t, 0.05, dd, 1e-5, bt_phi, bt_pos)
                err = max(rel(dx, ag[0]), rel(dy, ag[1]), *(rel(dphi[m], a) for m, a in zip(nm, ag[2:])))
                report(f"closed form amcl_barlow {bt_phi} {bt_pos} ddof={dd}", err < 1e-9, err)

    phi = R.make_phi(g, 1, d, h, e, gain=2.0)
    for reg in ("paired", "anchored"):
        t = Temp("dot", 0.1, 1.5, score_scale=0.6, score_bias=0.4, reg=reg, beta=0.1, omega_a=1.3)
        v = [x.clone().requires_grad_() for x in [z[:1]] + list(phi.values())]
        o = R.amcl_ntxent(v[0], unpack(list(phi), v[1:]), t)
        ag = torch.autograd.grad(o["loss"], v)
        u = l2n(z[0])
        L, du, gp = streamed_lse(u, head_of(phi, 0), t)
        err = max(rel(L, o["loss"].detach()), rel(l2n_back(z[0], u, du)[None], ag[0]),
                  *(rel(gp[k][None], x) for k, x in zip(phi, ag[1:])))
        report(f"streamed tiles (S8.4) == materialised, {reg}", err < 1e-9, err)

    # identities between objectives
    t = Temp("const", tau_const=0.3)
    err = rel(R.amcl_ntxent(z, None, t, "lse", True)["loss"], R.ntxent(z, 0.3, True)["loss"])
    report("identity: const tau, lse, with_pos == NT-Xent", err < 1e-12, err)
    for wp in (True, False):
        err = rel(R.amcl_moco(q, k, Q, None, t, "lse", wp)["loss"], R.infonce_queue(q, k, Q, 0.3, wp)["loss"])
        report(f"identity: const tau, lse == InfoNCE queue, with_pos={wp}", err < 1e-12, err)
    phi = R.make_phi(g, 1, d, h, e)
    t = Temp(beta=0.1)
    err = rel(R.amcl_ntxent(z, phi, t, "topk", False, 1)["loss"], R.amcl_ntxent(z, phi, t, "hard", False)["loss"])
    report("identity: topk with k=1 == hard", err == 0, err)
    print(f"\n{n - len(fails)}/{n} passed; worst closed-form relative error {worst:.1e}")
    if fails:
        print("failed:", *fails, sep="\n  ")
        sys.exit(1)


if __name__ == "__main__":
    main()
