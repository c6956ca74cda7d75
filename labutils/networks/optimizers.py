"""Optimisers for many models at once: parameters stacked as {name: (M, ...)}, each model as if it were alone.

`soap`, `muon` and `adam` take the parameters and a learning rate, and return `update(gradient, factor)`, which moves
the parameters in place by factor * rate; `gradient` has the names and shapes of the parameters.
"""

import torch


def _turn(x, bases, back=False):
    """Matrices x (M, a, b) in other bases, {-2: (M, a, a), -1: (M, b, b)}, or back from them."""
    for axis, q in bases.items():
        q = q.mT if back else q
        x = x @ q if axis == -1 else q.mT @ x
    return x


def soap(p, rate, *, largest=128, betas=(0.9, 0.99), every=5, memory=0.95):
    """SOAP (Vyas et al. 2409.11321): Adam, in the eigenbasis of each matrix's own gradient covariances.

    Sides longer than `largest` keep their basis; largest=0 is Adam itself. When a basis turns, the second moment
    is carried over by the squares of the rotation, without which frequent turns diverge.
    """
    first, second = ({name: torch.zeros_like(w) for name, w in p.items()} for _ in range(2))
    sides = {n: [a for a in (-2, -1) if w.ndim == 3 and w.shape[a] <= largest] for n, w in p.items()}
    bases, covariances = {name: {} for name in p}, {name: {} for name in p}
    step = 0

    def update(gradient, factor):
        nonlocal step
        step += 1
        for name, g in gradient.items():
            for axis in sides[name]:
                now = g.mT @ g if axis == -1 else g @ g.mT
                if step == 1:
                    covariances[name][axis], bases[name][axis] = now, torch.linalg.eigh(now)[1]
                    continue
                covariances[name][axis].lerp_(now, 1 - memory)
                if step % every == 0:
                    old = bases[name][axis]
                    bases[name][axis] = torch.linalg.qr(covariances[name][axis] @ old)[0]
                    turn = old.mT @ bases[name][axis]
                    first[name] = _turn(first[name], {axis: turn})
                    second[name] = _turn(second[name], {axis: turn.square()})
            g = _turn(g, bases[name])
            first[name].lerp_(g, 1 - betas[0])
            second[name].mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
            scale = (second[name] / (1 - betas[1] ** step)).sqrt_().add_(1e-10)
            move = _turn(first[name] / scale, bases[name], back=True)
            p[name].sub_(move, alpha=rate * factor / (1 - betas[0] ** step))

    return update


def orthogonalised(x, *, steps=5):
    """Matrices x (..., a, b) with every singular value brought to about 1 by Newton-Schulz steps (Jordan et al. 2024).

    Five steps bring values of at least a hundredth of the largest to between 0.7 and 1.2.
    """
    tall = x.shape[-2] > x.shape[-1]  # the Gram matrix of the shorter side is the cheaper one
    x = x.mT if tall else x
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-12)
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.mT if tall else x


def muon(p, rate):
    """Muon (Jordan et al. 2024): orthogonalised momentum for the matrices of the blocks, Adam for all else."""
    matrices = {name: torch.zeros_like(w) for name, w in p.items() if "blocks" in name and w.ndim == 3}
    rest = adam({name: w for name, w in p.items() if name not in matrices}, rate)

    def update(gradient, factor):
        rest({name: g for name, g in gradient.items() if name not in matrices}, factor)
        for name, momentum in matrices.items():
            momentum.mul_(0.95).add_(gradient[name])
            x = orthogonalised(gradient[name] + 0.95 * momentum)
            p[name].sub_(x, alpha=rate * factor * max(1, x.shape[1] / x.shape[2]) ** 0.5)

    return update


def adam(p, rate, *, betas=(0.9, 0.99)):
    """Adam (Kingma and Ba, 1412.6980) with the averages' decay rates `betas`."""
    return soap(p, rate, largest=0, betas=betas)


OPTIMIZERS = {"soap": soap, "muon": muon, "adam": adam}
