"""Small networks, each built by one function, and the drawing of their initial parameters from a seed."""

import itertools
import math
from collections.abc import Iterable, Sequence

import torch
from torch import nn

from labutils.checks import check_choice

ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}


def device() -> torch.device:
    """Return the torch device computations run on: CUDA when present, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def n_parameters(model: nn.Module) -> int:
    """Count the trainable numbers of a model; a tied parameter counts once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def initialise(model: nn.Module, seed: int) -> nn.Module:
    """Draw the parameters of `model` anew, in place, and return it; torch's global generator is left as it was.

    Every module's `reset_parameters` is called, children before parents, which for this book's networks and
    torch's own layers gives the very numbers of `torch.manual_seed(seed)` followed by building the model.
    Raises ValueError for a module that has parameters of its own and no `reset_parameters`.
    """
    for name, module in model.named_modules():
        if any(True for _ in module.parameters(recurse=False)) and not hasattr(module, "reset_parameters"):
            kind = type(module).__name__
            raise ValueError(f"model: {name or 'it'} ({kind}) has parameters but no reset_parameters()")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(seed))
        model.apply(lambda module: getattr(module, "reset_parameters", lambda: None)())
    return model


def initial_parameters(model: nn.Module, seeds: Iterable[int]) -> dict[str, torch.Tensor]:
    """The parameters of `model` as drawn from each of M `seeds`: {name: (M, *shape)} on the device."""
    drawn = [[p.detach().clone() for p in initialise(model, seed).parameters()] for seed in seeds]
    names = [name for name, _ in model.named_parameters()]
    return {name: torch.stack(each).to(device()) for name, each in zip(names, zip(*drawn))}


def mlp(sizes: Sequence[int], *, activation: str = "relu", bias: bool = True) -> nn.Sequential:
    """Build a fully connected network of layer widths `sizes`, input and output included.

    Takes (n, sizes[0]), gives (n, sizes[-1]). `activation` stands between layers, not after the last.
    Raises ValueError for fewer than two sizes, a size that is no positive integer or an unknown activation.
    """
    sizes = _positive("sizes", sizes)
    if len(sizes) < 2:
        raise ValueError(f"sizes is {sizes}; it needs an input and an output width at least")
    check_choice("activation", activation, ACTIVATIONS)
    layers = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after, bias=bias), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def cnn(shape: Sequence[int], classes: int, *, width: int = 16) -> nn.Sequential:
    """Build a convolutional network: two 3x3 convolutions, each with ReLU and 2x2 max-pooling, and a linear layer.

    Takes flattened images (n, d) of `shape` (H, W) or (C, H, W), H and W at least 4; gives (n, classes).
    The convolutions have `width` and `2 * width` channels. Raises ValueError for another shape.
    """
    shape = _positive("shape", shape)
    if len(shape) not in (2, 3) or min(shape[-2:]) < 4:
        raise ValueError(f"shape is {shape}; allowed: (H, W) or (C, H, W) with H and W at least 4")
    channels, height, breadth = (1, *shape)[-3:]
    classes, width = _positive("classes and width", (classes, width))
    return nn.Sequential(
        nn.Unflatten(1, (channels, height, breadth)),
        nn.Conv2d(channels, width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * width * (height // 4) * (breadth // 4), classes),
    )


def gpt(vocabulary: int, context: int, layers: int, width: int, *, heads: int | None = None) -> nn.Module:
    """Build a GPT-2 style language model: codes (n, s), s <= context, to next-code logits (n, s, vocabulary).

    The head is the embedding transposed, positions are learned, every layer has biases: V d + S d +
    L (12 d^2 + 13 d) + 2 d parameters, the count behind table 1 of Morris et al. (2505.24832). `heads`
    defaults to one for every 32 units of width. Raises ValueError unless `heads` divides `width`.
    """
    vocabulary, context, layers, width = _positive(
        "vocabulary, context, layers, width", (vocabulary, context, layers, width)
    )
    heads = max(1, width // 32) if heads is None else heads
    if heads < 1 or width % heads:
        allowed = [h for h in range(1, width + 1) if width % h == 0]
        near = min(allowed, key=lambda h: abs(h - heads))
        raise ValueError(f"heads is {heads}; it must divide width {width}. The nearest that does is {near}")
    return GPT(vocabulary, context, layers, width, heads)


class GPT(nn.Module):
    """A decoder-only transformer with tied head; see `gpt`."""

    def __init__(self, vocabulary, context, layers, width, heads):
        super().__init__()
        self.context = context
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw as GPT-2 does: normal(0, 0.02), layers that add to the stream scaled by 1/sqrt(2 L), no bias."""
        for name, parameter in self.named_parameters():
            if "norm" in name:
                continue
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                adds = name.endswith(("project.weight", "shrink.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * len(self.blocks)) if adds else 0.02)

    def forward(self, codes):
        if codes.shape[-1] > self.context:
            raise ValueError(f"codes have length {codes.shape[-1]}; the context is {self.context}")
        h = self.tokens(codes) + self.positions.weight[: codes.shape[-1]]
        for block in self.blocks:
            h = block(h)
        return nn.functional.linear(self.norm(h), self.tokens.weight)


class _Block(nn.Module):
    """Causal self-attention, then a GELU network four times as wide, each on a normalised residual stream."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.attend = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.grow = nn.Linear(width, 4 * width)
        self.shrink = nn.Linear(4 * width, width)

    def forward(self, h):
        n, s, width = h.shape
        heads = self.attend(self.norm1(h)).view(n, s, 3, self.heads, width // self.heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        # Spelled out: torch's fused attention has no batching rule, so vmap would loop over the models.
        future = torch.ones(s, s, dtype=torch.bool, device=h.device).triu(1)
        affinity = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(future, -torch.inf)
        mixed = affinity.softmax(-1) @ v
        h = h + self.project(mixed.transpose(1, 2).reshape(n, s, width))
        return h + self.shrink(nn.functional.gelu(self.grow(self.norm2(h))))


def _positive(argument, values):
    """Return `values` as a tuple of positive integers or raise a ValueError naming `argument`."""
    values = tuple(values)
    if not all(int(v) == v and v > 0 for v in values):
        raise ValueError(f"{argument} is {values}; allowed: positive integers")
    return tuple(int(v) for v in values)
