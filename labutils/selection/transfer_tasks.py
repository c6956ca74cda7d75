"""Pairs of tasks, one to learn first and one to be tuned on, made of the data that come with the book."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional

from labutils import bundled, data
from labutils.checks import check_at_least, check_choice
from labutils.networks import encoders, models
from labutils.selection.finetuning import Task

GROUPS = {  # coarser classes of ten
    "digits": (0, 1, 0, 1, 0, 1, 0, 1, 0, 1),  # even or odd
    "fashion": (0, 1, 0, 0, 0, 2, 0, 2, 3, 2),  # tops, trousers, shoes, bags
    "fashion_mnist": (0, 1, 0, 0, 0, 2, 0, 2, 3, 2),
    "cifar10": (0, 0, 1, 1, 1, 1, 1, 1, 0, 0),  # machines or animals
    "novels": (0, 0, 1, 2, 0, 2, 0, 1),  # wrote in English, Russian or French
}
FIRST = {  # the classes of the source, where the target has the others
    "digits": (0, 1, 2, 3, 4),
    "fashion": (1, 5, 7, 8, 9),
    "fashion_mnist": (1, 5, 7, 8, 9),
    "cifar10": (0, 1, 8, 9, 2),
    "novels": (0, 2, 4, 6),
}
CONTEXT = 8  # letters that the next one is guessed from


@dataclass(frozen=True, eq=False)
class Pair:
    """What is learnt first (`source`), what is tuned on (`target`), and the `network(width, n_classes)` for both.

    `head`: the classes are the same, so the last layer is kept. `runs`: the rows are letters in a row, to be taken in
    one piece.
    """

    source: Task
    target: Task
    network: Callable[[int, int], nn.Sequential]
    head: bool
    runs: bool = False

    def subsets(self, sizes: Sequence[int], seeds: Iterable[int]) -> list[list[np.ndarray]]:
        """Row numbers of the target for each seed and size, each within the next: random ones, or one run of letters."""
        n, found = len(self.target.y), []
        if max(sizes) > n:
            raise ValueError(f"sizes go up to {max(sizes)}; allowed: up to {n}, the rows of the target")
        for seed in seeds:
            rng = np.random.default_rng(seed)
            first = rng.integers(n - max(sizes) + 1)
            order = first + np.arange(max(sizes)) if self.runs else rng.permutation(n)
            found.append([order[:size] for size in sizes])
        return found


def pair(d: data.Dataset, relation: str, *, side: int = 14, seed: int = 0) -> Pair:
    """A pair of tasks of the data set d by their `relation`, one of `RELATIONS`.

    "seen otherwise": the same classes, pictures tilted by 30 degrees (digits) or mirrored (others). "coarser labels":
    `GROUPS` first, then the classes. "other classes": `FIRST`, then the others. (A reader's own set is cut after the first
    half of its classes for both.) "digits": the classes, and then those of digits; pictures of 8 x 8. The first two learn
    from one half of the training rows, and are tuned on the other. Pictures are averaged to `side` x `side` grey pixels;
    numbers are centred and scaled as the source's are. Raises ValueError for fewer than four classes.
    """
    check_choice("relation", relation, RELATIONS)
    check_at_least(5, side=side)
    check_at_least(4, **{f"the number of classes of {d.name}": len(d.classes)})
    task, n = _task(d, 8 if relation == "digits" else side, seed), len(d.classes)
    if relation == "other classes":
        first = FIRST.get(d.name, range(n // 2))
        source, target = only(task, first), only(task, [c for c in range(n) if c not in first])
    elif relation == "digits":
        source, target = task, _task(data.load("digits", seed=seed), 8, seed)
    else:
        source, target = halves(task, seed)
        groups = GROUPS.get(d.name, [int(c >= n // 2) for c in range(n)])
        coarser = relation == "coarser labels"
        source = regrouped(source, groups) if coarser else seen_otherwise(source, d.name)
    middle = source.x.mean(axis=0)
    scale = (source.x - middle).std()
    source, target = (
        replace(t, x=(t.x - middle) / scale, x_test=(t.x_test - middle) / scale) for t in (source, target)
    )
    return Pair(
        source, target, lambda w, c: models.mlp([task.x.shape[1], w, w, c]), relation == "seen otherwise"
    )


def letters(*, n_source: int = 50_000, n_target: int = 100_000, seed: int = 0) -> Pair:
    """The pair of next letters: of novels by the authors `FIRST`, and then by the others; so many letters of each.

    A row is eight letters, its class the one that follows; the classes are `data.ALPHABET`.
    """
    check_at_least(1, n_source=n_source, n_target=n_target)
    (found, train), rng = bundled.read("novels"), np.random.default_rng(seed)
    parts = []
    for own, n in ((True, n_source), (False, n_target)):
        mine = np.isin(found.y, FIRST["novels"]) == own
        texts = [
            [found.texts[i] for i in rng.permutation(np.flatnonzero(mine & part))] for part in (train, ~train)
        ]
        (x, y), (t, z) = (windows(data.encoded("\n".join(part))) for part in texts)
        at = rng.integers(len(z), size=2000)
        parts.append(Task(x[:n].copy(), y[:n].astype(int), t[at], z[at].astype(int)))
    return Pair(*parts, letter_network, head=True, runs=True)


def halves(task: Task, seed: int = 0) -> tuple[Task, Task]:
    """Two tasks, each with a random half of the rows to learn from; the rows to judge by are the same."""
    order = np.random.default_rng(seed).permutation(len(task.y))
    return tuple(replace(task, x=task.x[part], y=task.y[part]) for part in np.array_split(order, 2))


def only(task: Task, classes: Sequence[int]) -> Task:
    """The rows of these classes, numbered anew from 0 in their order."""
    table = {c: i for i, c in enumerate(classes)}
    parts = []
    for x, y in ((task.x, task.y), (task.x_test, task.y_test)):
        own = np.isin(y, list(table))
        parts += [x[own], np.array([table[c] for c in y[own]], dtype=int)]
    return Task(*parts)


def regrouped(task: Task, groups: Sequence[int]) -> Task:
    """The same rows, class c being `groups[c]`."""
    table = np.asarray(groups)
    return replace(task, y=table[task.y], y_test=table[task.y_test])


def seen_otherwise(task: Task, name: str) -> Task:
    """Square pictures tilted by 30 degrees (digits) or mirrored left to right (all others)."""

    def view(x):
        side = round(x.shape[1] ** 0.5)
        images = x.reshape(-1, side, side)
        if name == "digits":
            images = ndimage.rotate(images, 30, (1, 2), reshape=False, order=1)
        else:
            images = images[:, :, ::-1]
        return np.ascontiguousarray(images.reshape(len(x), -1), dtype=np.float32)

    return replace(task, x=view(task.x), x_test=view(task.x_test))


def _task(d, side, seed, most=1000):
    """A data set as a task: grey pictures of side x side at most, or up to 256 features; `most` rows judge."""
    parts, keep = (d.x_train, d.x_test), np.random.default_rng(seed).permutation(len(d.y_test))[:most]
    if d.kind == "images":
        parts = [shrunk(x, d.shape, min(side, *d.shape[-2:])) for x in parts]
    elif d.x_train.shape[1] > 256:
        parts = encoders.principal(*parts, n_axes=100, seed=seed)
    train, test = (np.asarray(x, np.float32) for x in parts)
    return Task(train, d.y_train, test[keep], d.y_test[keep])


def shrunk(x: np.ndarray, shape: tuple[int, ...], side: int) -> np.ndarray:
    """Pictures x (N, d) of `shape` (H, W) or (colours, H, W) as (N, side^2) means of grey patches."""
    images = torch.as_tensor(x).reshape(len(x), -1, *shape[-2:]).mean(dim=1, keepdim=True)
    return functional.adaptive_avg_pool2d(images, side).flatten(1).numpy()


def windows(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every `CONTEXT` codes in a row (n, CONTEXT) and the code after them (n,), views of codes (n + CONTEXT,)."""
    return np.lib.stride_tricks.sliding_window_view(codes, CONTEXT)[:-1], codes[CONTEXT:]


def letter_network(width: int, n_classes: int) -> nn.Sequential:
    """Eight letters, eight numbers for each, one hidden layer, the next letter (Bengio et al. 2003)."""
    letters = len(data.ALPHABET)
    return nn.Sequential(
        nn.Embedding(letters, CONTEXT),
        nn.Flatten(),
        nn.Linear(CONTEXT**2, width),
        nn.ReLU(),
        nn.Linear(width, letters),
    )


RELATIONS = ("seen otherwise", "coarser labels", "other classes", "digits")
