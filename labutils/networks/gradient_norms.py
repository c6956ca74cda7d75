"""The exact norm of every example's own loss gradient over a whole network, without ever forming the gradients.

One batched forward and backward pass gives each layer's inputs a and output gradients g. An example's gradient of
a linear layer's weights is the product of its own a and g, whose norm needs only products of these two; the
gradients of single examples exist at most one layer and a few examples at a time.
"""

import copy

import numpy as np
import torch
from torch import nn
from torch.autograd.graph import get_gradient_edge
from torch.nn import functional

from labutils.checks import check_finite
from labutils.networks.models import device

CACHE = 2**19  # numbers of unfolded input at work at once: what the caches of one core hold


def gradient_norms(
    model: nn.Module,
    x: np.ndarray,
    labels: np.ndarray,
    *,
    parameters: dict[str, np.ndarray] | None = None,
    batch_size: int = 128,
) -> np.ndarray:
    """Euclidean norm of each example's cross-entropy gradient over all trainable parameters: array (N,).

    `model` maps x (N, ...) to logits (N, C), or (N, S, C) for labels (N, S), whose losses are averaged over S;
    it may hold linear, convolution and layer-norm layers and anything without parameters. With `parameters`
    as in `training.Fits.parameters`, {name: (M, *shape)}, the result is (M, N), a row for each of M models.

    The GraNd score of Paul, Ganguli & Dziugaite 2021 (2107.07075), section 2.1; the norm of a product by
    Goodfellow 2015 (1510.01799) and, where a layer acts at several places, by Gram matrices (Rochette et al.
    2019, 1912.06015) or the explicit product, whichever has fewer multiplications.

    Raises ValueError for another kind of layer with parameters, parameters used twice or outside their layer,
    batch normalisation and active dropout (an example has no gradient of its own), NaN, labels out of range.
    """
    net = copy.deepcopy(model).to(device(), memory_format=torch.channels_last)  # pools twice as fast
    layers = _layers(net)
    x, labels = _examples(net, x, labels, batch_size)
    if parameters is None:
        return _norms(net, layers, x, labels, batch_size)
    own = dict(net.named_parameters())
    if set(parameters) != set(own) or len({len(v) for v in parameters.values()}) != 1:
        raise ValueError(f"parameters are {sorted(parameters)}; allowed: {sorted(own)}, one length M for all")
    norms = []
    for m in range(len(next(iter(parameters.values())))):
        with torch.no_grad():
            for name, p in own.items():
                p.copy_(torch.as_tensor(parameters[name][m]))
        norms.append(_norms(net, layers, x, labels, batch_size))
    return np.array(norms)


def _norms(net, layers, x, labels, batch_size):
    """The norms (N,), a batch at a time."""
    parts = zip(x.split(batch_size), labels.split(batch_size))
    return torch.cat([_batch(net, layers, *part) for part in parts]).sqrt().cpu().numpy()


def _batch(net, layers, x, labels):
    """Squared norms (n,) of one batch: run, take the gradients at the layers' outputs, add up the layers."""
    seen = {}

    def remember(layer, inputs, output):
        # The edge, not the output: an activation that works in place may overwrite the output.
        seen[layer] = inputs[0].detach(), get_gradient_edge(output)

    handles = [layer.register_forward_hook(remember) for layer in layers]
    try:
        with torch.enable_grad():
            logits = net(x)
            each = functional.cross_entropy(logits.movedim(-1, 1), labels, reduction="none")
            total = each.reshape(len(x), -1).mean(dim=1).sum()  # its gradient holds every example's own
    finally:
        for handle in handles:
            handle.remove()
    _check_used_once(net, layers, seen, total)
    edges = [edge for _, edge in seen.values()]
    gradients = torch.autograd.grad(total, edges)
    squares = torch.zeros(len(x), dtype=total.dtype, device=x.device)
    for (layer, (a, _)), g in zip(seen.items(), gradients):
        squares += layers[layer](layer, a, g)
    return squares


def _linear(layer, a, g):
    """Squared norms for y = W a + b at one or several places: a (n, ..., i), g (n, ..., o)."""
    a, g = a.reshape(len(a), -1, a.shape[-1]), g.reshape(len(g), -1, g.shape[-1])
    squares = _squares(g.sum(dim=1)) if _trains(layer, "bias") else 0
    return squares + (_product_squares(a.mT, g.mT) if _trains(layer, "weight") else 0)


def _convolution(layer, a, g):
    """Squared norms for a convolution: a linear layer at every place, whose input is the window there."""
    squares = _squares(g.flatten(2).sum(dim=2)) if _trains(layer, "bias") else 0
    if not _trains(layer, "weight"):
        return squares
    n, groups, axes = len(a), layer.groups, a.ndim - 2
    pads = layer._reversed_padding_repeated_twice
    a = functional.pad(a, pads, mode="constant" if layer.padding_mode == "zeros" else layer.padding_mode)
    a = a.contiguous()
    places = g.shape[2:]
    g = g.reshape(n, groups, g.shape[1] // groups, -1)  # (n, groups, o, places)
    stride = a.stride()
    shape = (groups, a.shape[1] // groups, *layer.kernel_size, *places)
    steps = (stride[1] * (a.shape[1] // groups), stride[1])
    steps += tuple(stride[2 + i] * layer.dilation[i] for i in range(axes))
    steps += tuple(stride[2 + i] * layer.stride[i] for i in range(axes))
    parts, few = [], max(1, CACHE // int(np.prod(shape)))
    for some, own in zip(a.split(few), g.split(few)):
        windows = some.as_strided((len(some), *shape), (stride[0], *steps), some.storage_offset())
        windows = windows.reshape(len(some), groups, -1, own.shape[-1])  # (n, groups, i, places)
        parts.append(_product_squares(windows, own))
    return squares + torch.cat(parts)


def _layer_norm(layer, a, g):
    """Squared norms for y = w * normalised(a) + b, summed over places."""
    inner = len(layer.normalized_shape)
    g = g.reshape(len(g), -1, *g.shape[-inner:])
    squares = _squares(g.sum(dim=1)) if _trains(layer, "bias") else 0
    if _trains(layer, "weight"):
        a = functional.layer_norm(a, layer.normalized_shape, eps=layer.eps).reshape(g.shape)
        squares = squares + _squares((a * g).sum(dim=1))
    return squares


KINDS = {nn.Linear: _linear, nn.Conv1d: _convolution, nn.Conv2d: _convolution, nn.LayerNorm: _layer_norm}


def _product_squares(a, g):
    """Squared norms (n,) of the products a g^T, with a (n, ..., i, s) and g (n, ..., o, s)."""
    (i, s), o = a.shape[-2:], g.shape[-2]
    if s == 1:
        return _squares_last((a * a).sum(-2) * (g * g).sum(-2))
    if s * (i + o) < i * o:
        return _squares_last((a.mT @ a) * (g.mT @ g))
    return _squares(g @ a.mT)


def _squares(values):
    return values.flatten(1).square().sum(dim=1)


def _squares_last(values):
    """Sum over all but the first axis."""
    return values.flatten(1).sum(dim=1)


def _trains(layer, name):
    parameter = getattr(layer, name)
    return parameter is not None and parameter.requires_grad


def _layers(net):
    """The layers with trainable parameters and the rule for each, or a ValueError for one without a rule."""
    layers = {}
    for name, module in net.named_modules():
        kind = type(module).__name__
        if isinstance(module, nn.modules.batchnorm._NormBase):
            raise ValueError(f"model has {kind} at {name!r}; it mixes examples: none has its own gradient")
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.training and module.p > 0:
            raise ValueError(f"model has active {kind} at {name!r}; call model.eval() first")
        if any(p.requires_grad for p in module.parameters(recurse=False)):
            if type(module) not in KINDS:
                known = ", ".join(kind.__name__ for kind in KINDS)
                raise ValueError(f"model has {kind} at {name!r}; layers with parameters allowed: {known}")
            layers[module] = KINDS[type(module)]
    if not layers:
        raise ValueError("model has no trainable parameters; allowed: at least one")
    return layers


def _check_used_once(net, layers, seen, total):
    """Raise a ValueError unless the graph uses every trainable parameter once, in its own layer."""
    uses, todo, known = {}, [total.grad_fn], set()
    while todo:
        for node, _ in todo.pop().next_functions:
            if node is None:
                continue
            if hasattr(node, "variable"):
                uses[node.variable] = uses.get(node.variable, 0) + 1
            elif node not in known:
                known.add(node)
                todo.append(node)
    for name, parameter in net.named_parameters():
        count = uses.get(parameter, 0)
        if parameter.requires_grad and count > 1:
            raise ValueError(f"model uses parameter {name!r} {count} times; allowed: once, in its own layer")
    owned = {p for layer in seen for p in layer.parameters(recurse=False)}
    if any(parameter not in owned for parameter in uses):
        raise ValueError("model uses a parameter outside its own layer; allowed: once, in its own layer")


def _examples(net, x, labels, batch_size):
    """Inputs and labels as tensors on the device, or a ValueError."""
    x, labels = np.asarray(x), np.asarray(labels)
    if x.ndim < 2 or len(x) == 0 or labels.shape[:1] != (len(x),) or labels.dtype.kind not in "iu":
        found = f"x has shape {x.shape}, labels {labels.shape} and type {labels.dtype}"
        raise ValueError(f"{found}; allowed: (N, ...) and (N,) integers, at least one example")
    if not (batch_size == int(batch_size) and batch_size >= 1):
        raise ValueError(f"batch_size is {batch_size}; allowed: whole numbers from 1")
    check_finite(x=x)
    x = torch.as_tensor(x).to(device(), next(net.parameters()).dtype)
    with torch.no_grad():
        shape = tuple(net(x[:1]).shape)
    if labels.shape[1:] != shape[1:-1]:
        raise ValueError(f"labels have shape {labels.shape}; allowed by the model: {(len(x), *shape[1:-1])}")
    if labels.min() < 0 or labels.max() >= shape[-1]:
        raise ValueError(f"labels run from {labels.min()} to {labels.max()}; allowed: 0 to {shape[-1] - 1}")
    return x, torch.as_tensor(labels.astype(np.int64)).to(device())
