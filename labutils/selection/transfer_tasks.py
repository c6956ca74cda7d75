"""Pairs of tasks, one to learn first and one to be tuned on, made of the data that come with the book."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional

from labutils import data
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


def pair(
    d: data.Dataset,
    relation: str,
    *,
    side: int = 14,
    letters: tuple[int, int] = (50_000, 300_000),
    seed: int = 0,
) -> Pair:
    """A pair of tasks of the data set d by their `relation`, one of `RELATIONS`.

    "seen otherwise": the same classes, pictures tilted by 30 degrees (digits) or mirrored (others). "coarser labels":
    `GROUPS` first, then the classes. "other classes": `FIRST`, for a reader's own set the first half, then the others.
    "digits": the same kind of network on digits afterwards; pictures of 8 x 8. Of these the first two learn from one
    half of the training rows, and are tuned on the other. "next letter": what comes after eight letters, of the source
    authors' novels and then of the others', so many `letters` of each.
    Pictures are averaged to `side` x `side` grey pixels; numbers are centred and scaled as the source's are.
    """
    check_choice("relation", relation, RELATIONS)
    check_at_least(5, side=side)
    if relation == "next letter":
        return _letters(d, letters, seed)
    name, task = d.name, _task(d, 8 if relation == "digits" else side, seed)
    if relation == "other classes":
        first = FIRST.get(name, range(len(d.classes) // 2))
        rest = [c for c in range(len(d.classes)) if c not in first]
        source, target = only(task, first), only(task, rest)
    elif relation == "digits":
        source, target = task, _task(data.load("digits", seed=seed), 8, seed)
    else:
        source, target = halves(task, seed)
        source = (
            regrouped(source, GROUPS[name]) if relation == "coarser labels" else seen_otherwise(source, name)
        )
    middle = source.x.mean(axis=0)
    scale = (source.x - middle).std()
    scaled = [
        replace(t, x=(t.x - middle) / scale, x_test=(t.x_test - middle) / scale) for t in (source, target)
    ]
    return Pair(*scaled, lambda w, c: models.mlp([task.x.shape[1], w, w, c]), relation == "seen otherwise")


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


def _letters(d, letters, seed):
    """The pair of next letters: texts of the classes `FIRST` of a set of texts, and those of the others."""
    first, rng = FIRST.get(d.name, range(len(d.classes) // 2)), np.random.default_rng(seed)

    def text(texts, y, own):
        rows = np.flatnonzero(np.isin(y, first) == own)
        return encoded("\n".join(texts[i] for i in rng.permutation(rows)))

    parts = [
        [text(d.texts_train, d.y_train, own), text(d.texts_test, d.y_test, own)] for own in (True, False)
    ]
    return Pair(*(_next(*both, n, rng) for both, n in zip(parts, letters)), letter_network, True, runs=True)


def encoded(text: str) -> np.ndarray:
    """A text as codes (n,) uint8 into `data.ALPHABET`; what it lacks becomes a question mark."""
    table = np.full(256, data.ALPHABET.index("?"), np.uint8)
    table[[ord(c) for c in data.ALPHABET]] = np.arange(len(data.ALPHABET), dtype=np.uint8)
    return table[np.frombuffer(text.encode("ascii", errors="replace"), np.uint8)]


def _next(train, test, letters, rng, most=2000):
    """Eight letters and the one after them, all of the first `letters`, and `most` places of the test text."""
    at = rng.integers(len(test) - CONTEXT, size=most)
    x, y = zip(*[windows(codes) for codes in (train[: letters + CONTEXT], test)])
    return Task(x[0].copy(), y[0].astype(int), x[1][at], y[1][at].astype(int))


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


RELATIONS = ("seen otherwise", "coarser labels", "other classes", "digits", "next letter")
