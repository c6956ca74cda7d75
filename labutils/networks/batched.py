"""The arithmetic under `training.fit_many`: m models of one architecture as stacked arrays.

Parameters of all m models are one array (m, P) and every layer is one batched matrix product. Nothing here
checks its arguments; `training` does. With the same optimisers two subjects keep a loop of their own: `budget.memorisation`,
whose GPTs have a fused attention that vmap cannot batch, and `budget.grokking`, whose networks stop one by one and have
their gradient in closed form on looked-up rows. Beyond the optimisers the loops share three lines.
"""

import copy
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from labutils.networks.models import device, initial_parameters
from labutils.networks.optimizers import Rule

CACHE = 2 * 2**20  # bytes of activations at work at once on a CPU: about what the caches of one core hold
PER_EXAMPLE = ("losses", "correct", "probabilities", "logits")
SUMMARIES = {"loss": "losses", "accuracy": "correct"}
ELEMENTWISE = (nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Identity, nn.ELU, nn.LeakyReLU)
SCHEDULES = {"constant": lambda t: 1.0, "cosine": lambda t: (1 + math.cos(math.pi * t)) / 2}


def train(
    net: nn.Module,
    x: Tensor,
    x_test: Tensor | None,
    own: dict,
    sizes: np.ndarray,
    *,
    steps: int,
    at: dict[int, int],
    record: set[str],
    loss: str,
    rule: Rule,
    schedule: str,
    tick: Callable,
) -> Iterator[tuple[str, int | None, np.ndarray]]:
    """Train m models and yield (name, place in the history, array (m, ...)) for all that `record` names.

    `own` holds what `fit_many` takes per model, cut down to these m, `sizes` (m,) their batch sizes; `at` maps steps
    to places; tick(m) is called after each step. The place of parameters, which come last, is None.
    """
    block = _rows_at_once(net, x, len(sizes))
    flat, leaves, frozen = _stack(net, own["seeds"], own["start"])
    rate, decay = (torch.tensor(own[name]).to(flat)[:, None] for name in ("learning_rate", "weight_decay"))
    decay, state = decay if decay.any() else None, {}
    forward, batch = _forward(net), _feed(x, own, sizes)
    for step in range(steps + 1):
        if step in at:
            values = _observe(forward, leaves | frozen, x, x_test, own, record, loss, block)
            if "weight_norm" in record:
                values["weight_norm"] = flat.norm(dim=1)
            for name, value in values.items():
                yield name, at[step], value.detach().cpu().numpy()
        if step < steps:
            gradient = _gradient(forward, leaves, frozen, next(batch), loss, block)
            rule(flat, gradient, state, step + 1, rate, decay, SCHEDULES[schedule](step / steps))
            tick(len(sizes))
    if "parameters" in record:
        for name, value in (leaves | frozen).items():
            yield name, None, value.detach().cpu().numpy()


def outputs(net: nn.Module, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
    """Return the outputs (M, N, ..., C) on x (N, ...) of the models with `parameters` {name: (M, ...)}."""
    forward, models = _forward(net), len(next(iter(parameters.values()), [0]))
    chunk, parts = chunk_size(net, x, len(x)), []
    block = _rows_at_once(net, x, min(chunk, models))
    for first in range(0, models, chunk):
        some = {name: value[first : first + chunk] for name, value in parameters.items()}
        with torch.no_grad():
            rows = [forward(some, x[None, r : r + block]).movedim(1, -1) for r in range(0, len(x), block)]
        parts.append(torch.cat(rows, 1).cpu())
    return torch.cat(parts)


def chunk_size(net: nn.Module, x: Tensor, size: int) -> int:
    """Return how many models to train at a time on `size` examples each, at least one."""
    parameters = sum(p.nbytes for p in net.parameters())
    return int(max(1, _budget(net) // (size * _saved_bytes(net, x) + parameters)))


def _rows_at_once(net, x, models):
    """Return how many examples of each of so many models to work on at a time, at least 64."""
    return int(max(64, _budget(net) // (models * _saved_bytes(net, x))))


def _budget(net):
    """Return the bytes of activations to hold at once; vmap costs more per call, which more models share."""
    if device().type == "cuda":
        return torch.cuda.mem_get_info()[0] // 8
    return CACHE if _is_mlp(net) else 4 * CACHE


def _is_mlp(net):
    """Tell whether `net` is a plain sequence of linear layers and functions of one number."""
    return isinstance(net, nn.Sequential) and all(
        isinstance(layer, (nn.Linear, *ELEMENTWISE)) for layer in net
    )


def _saved_bytes(net, x):
    """Return the bytes that one example's forward pass leaves behind for the backward pass."""
    own, saved = {p.data_ptr() for p in net.parameters()}, {}

    def note(tensor):
        if tensor.data_ptr() not in own:
            saved[tensor.data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        net(x[:1].cpu())
    return max(1, sum(tensor.nbytes for tensor in saved.values()))


def pick(values: np.ndarray | Tensor | list | None, ids: np.ndarray) -> np.ndarray | Tensor | list | None:
    """Return the entries `ids` of what is given per model, or as many times the one that all share."""
    if values is None or (isinstance(values, torch.Tensor) and len(values) == 1):
        return values if values is None else values.expand(len(ids), *values.shape[1:])
    ids = ids if len(values) > 1 else np.zeros_like(ids)
    return [values[i] for i in ids] if isinstance(values, list) else values[ids]


def _stack(net, seeds, start):
    """Return the trained parameters of m models as (m, P), as named views of it, and the frozen ones by name."""
    names = dict(net.named_parameters())
    drawn = (initial_parameters(net, seeds) if set(start) < set(names) else {}) | start
    drawn = {name: drawn[name].to(device()) for name in names}
    trained = [name for name, p in names.items() if p.requires_grad]
    flat = torch.cat([drawn[name].flatten(1) for name in trained], 1)  # (m, P)
    views = flat.split([names[name].numel() for name in trained], 1)
    leaves = {k: v.detach().view(-1, *names[k].shape).requires_grad_() for k, v in zip(trained, views)}
    return flat, leaves, {name: value for name, value in drawn.items() if name not in leaves}


def _forward(net):
    """Return f(parameters, x) -> outputs (m, C, n, ...) of m models; x is (m, n, ...), or (1, n, ...) for all.

    Classes come before examples: matrix products and softmax over ten columns are several times slower
    than over ten rows of a thousand.
    """
    if _is_mlp(net):

        def forward(parameters, x):
            h, own = (x[0] if len(x) == 1 else x).mT, False  # (d, n) or (m, d, n)
            for name, layer in net.named_children():
                if isinstance(layer, nn.Linear):
                    h, own = parameters[f"{name}.weight"] @ h, True  # (m, width, n)
                    if layer.bias is not None:
                        h += parameters[f"{name}.bias"][..., None]
                else:  # in place where the values before are not needed again: half the cache
                    h, own = h.relu_() if own and isinstance(layer, nn.ReLU) else layer(h), False
            return h

        return forward
    net = copy.deepcopy(net).to(device())

    def forward(parameters, x):
        if all(len(value) == 1 for value in parameters.values()):
            alone = {name: value[0] for name, value in parameters.items()}
            return torch.func.functional_call(net, alone, (x[0],))[None].movedim(-1, 1)
        x, axis = (x[0], None) if len(x) == 1 else (x, 0)
        call = torch.func.vmap(lambda p, x: torch.func.functional_call(net, p, (x,)), (0, axis))
        return call(parameters, x).movedim(-1, 1)

    return forward


def _gradient(forward, leaves, frozen, batch, loss, block):
    """Return the gradients (m, P) of m models' losses on a batch, `block` examples of each at a time.

    The gradient of the loss at the outputs has a closed form; autograd only carries it back from there.
    """
    x, y, share = batch
    parameters, total = leaves | frozen, None
    for first in range(0, y.shape[1], block):
        part = slice(first, first + block)
        outputs = forward(parameters, x[:, part])  # (m, C, n, ...)
        with torch.no_grad():
            if loss == "cross_entropy":
                residual = outputs.softmax(1).scatter_(1, y[:, None, part], -1.0, reduce="add")
            else:
                residual = (outputs - _as_outputs(y[:, part], outputs)).mul_(2 / outputs.shape[1])
            positions = outputs.shape[3:]
            residual *= share[:, None, part].unflatten(2, (-1, *[1] * len(positions)))
            if positions:
                residual /= positions.numel()
        parts = torch.autograd.grad(outputs, list(leaves.values()), residual)
        gradient = torch.cat([p.flatten(1) for p in parts], 1)  # (m, P)
        total = gradient if total is None else total.add_(gradient)
    return total


def batches(rows: np.ndarray, size: int, seed: int) -> Iterator[np.ndarray]:
    """Yield arrays of `size` of the `rows`, without end: random orders of all rows, one after the other."""
    rng = np.random.default_rng([seed, 1])
    queue = rng.permutation(rows)
    while True:
        while len(queue) < size:
            queue = np.concatenate([queue, rng.permutation(rows)])
        yield queue[:size]
        queue = queue[size:]


def _feed(x, own, sizes):
    """Yield batches without end: x (m, b, ...) or (1, b, ...), y (m, b, ...) and each example's share (m, b)."""
    rows, weights, y = own["included"], own["weights"], own["y"]
    if rows is None:
        rows = [np.arange(len(x))] * len(sizes)
    if weights is not None:
        weights = torch.from_numpy(np.stack([w / w[r].mean() for w, r in zip(weights, rows)])).to(x.device)
    models, width = torch.arange(len(y), device=x.device)[:, None], sizes.max()
    equal = (np.arange(width) < sizes[:, None]) / sizes[
        :, None
    ]  # (m, b); shorter batches are filled with shares of 0
    equal = torch.tensor(equal, dtype=torch.float32, device=x.device)

    def gather(chosen):
        chosen = [r if len(r) == width else np.pad(r, (0, width - len(r))) for r in chosen]
        index = torch.from_numpy(np.stack(chosen)).to(x.device)  # (m, b)
        share = equal if weights is None else equal * weights[models, index]
        return x.index_select(0, index.flatten()).unflatten(0, index.shape), y[models, index], share

    if all(len(r) == size for r, size in zip(rows, sizes)):
        batch = gather(rows)
        if own["included"] is None:
            batch = (x[None], *batch[1:])
        while True:
            yield batch
    streams = [batches(r, size, seed) for r, size, seed in zip(rows, sizes, own["seeds"])]
    while True:
        yield gather([next(stream) for stream in streams])


def _observe(forward, parameters, x, x_test, own, record, loss, block):
    """Return what `record` asks of m models as {name: (m, ...)}, without keeping more than asked."""
    values = {}
    rows = own["included"] or [slice(None)] * len(own["y"])
    sets = [("", "train", x, own["y"], rows)]
    if x_test is not None:
        sets.append(("test_", "test", x_test, own["y_test"], [slice(None)] * len(rows)))
    for prefix, part, examples, y, rows in sets:
        means = {f"{part}_{short}": name for short, name in SUMMARIES.items() if f"{part}_{short}" in record}
        wanted = [q for q in PER_EXAMPLE if prefix + q in record or q in means.values()]
        if not wanted:
            continue
        found = {name: [] for name in wanted}
        with torch.no_grad():
            for first in range(0, len(examples), block):
                outputs = forward(parameters, examples[None, first : first + block])
                for name in wanted:
                    found[name].append(_per_example(name, outputs, y[:, first : first + block], loss))
        found = {name: torch.cat(parts, 1) for name, parts in found.items()}  # (m, N, ...)
        for name, source in means.items():
            values[name] = torch.stack([v[r].float().mean() for v, r in zip(found[source], rows)])
        values |= {prefix + name: value for name, value in found.items() if prefix + name in record}
    return values


def _per_example(name, outputs, y, loss):
    """Return losses (m, n), correct (m, n, ...), logits or probabilities (m, n, ..., C) from (m, C, n, ...)."""
    if name == "logits":
        return outputs.movedim(1, -1)
    if name == "probabilities":
        return outputs.softmax(1).movedim(1, -1)
    if name == "correct":
        return outputs.argmax(1) == y
    if loss == "mse":
        each = (outputs - _as_outputs(y, outputs)).square().mean(1)
    else:
        each = functional.cross_entropy(outputs, y, reduction="none")
    return each.flatten(2).mean(2) if each.ndim > 2 else each


def _as_outputs(y, outputs):
    """Return targets as numbers (m, C, n, ...); labels become one-hot."""
    y = y if y.is_floating_point() else functional.one_hot(y, outputs.shape[1])
    return y.movedim(-1, 1)
