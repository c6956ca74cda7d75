"""Train many small networks at once: each with its own examples, labels, seed, learning rate and weight decay.

The parameters of a chunk of m models are one (m, P) array and every layer is one batched matrix product, so
that a thousand small networks cost little more than their arithmetic. Chunks are sized to stay in cache.
"""

import copy
import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from labutils.checks import check_at_least, check_choice, check_finite
from labutils.networks import batched, optimizers
from labutils.networks.models import device

STATEFUL = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)


@dataclasses.dataclass(frozen=True)
class Fits:
    """What `fit_many` was asked to record of M models on N examples of C classes; the rest is None.

    Every array starts with the model axis M and, if there is a history, the time axis T. `steps` (T,) holds the number
    of updates before each record. Scalars (M, [T]): train_loss and train_accuracy, means over the model's own examples;
    test_loss and test_accuracy; weight_norm, Euclidean. Over all N training examples, a model's own or not: losses and
    correct (M, [T,] N), probabilities and logits (M, [T,] N, C); with test_ before it, the same over the test set.
    Losses are in nats (cross-entropy) or mean squares. Where an example is a sequence of S codes, losses are means over
    S, correct is (M, [T,] N, S), probabilities and logits (M, [T,] N, S, C). `parameters` {name: (M, *shape)} are the last.
    """

    steps: np.ndarray
    train_loss: np.ndarray | None = None
    train_accuracy: np.ndarray | None = None
    test_loss: np.ndarray | None = None
    test_accuracy: np.ndarray | None = None
    weight_norm: np.ndarray | None = None
    parameters: dict[str, np.ndarray] | None = None
    losses: np.ndarray | None = None
    correct: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    logits: np.ndarray | None = None
    test_losses: np.ndarray | None = None
    test_correct: np.ndarray | None = None
    test_probabilities: np.ndarray | None = None
    test_logits: np.ndarray | None = None


def fit_many(
    model: nn.Module,
    x: np.ndarray,
    y: np.ndarray,
    *,
    steps: int,
    included: np.ndarray | Sequence | None = None,
    weights: np.ndarray | None = None,
    seeds: Sequence[int] | None = None,
    learning_rate: float | Sequence[float] = 1e-3,
    weight_decay: float | Sequence[float] = 0.0,
    optimizer: str = "adamw",
    schedule: str = "constant",
    momentum: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    batch_size: int | None = None,
    loss: str = "cross_entropy",
    x_test: np.ndarray | None = None,
    y_test: np.ndarray | None = None,
    record: str | Iterable[str] | None = None,
    record_every: int | None = None,
    record_at: Iterable[int] | None = None,
    start: dict[str, np.ndarray] | None = None,
    chunk: int | None = None,
    progress: bool = False,
) -> Fits:
    """Train M models of one architecture, each as if it were alone, and return what was recorded as `Fits`.

    `model` is the architecture (its own parameters are neither used nor changed; those with requires_grad=False are
    drawn but not trained), x (N, ...) the examples, y the targets: labels (N,), codes (N, S), or for loss="mse" also
    numbers (N, C). Per model may be given, M or one for all:
      y              with a leading axis M
      included       the examples a model sees: mask (M, N), or M arrays of row numbers (repeats allowed)
      weights        (M, N) or (N,), relative weights of examples in the loss
      seeds          for initial parameters and mini-batches; default 0 .. M-1
      learning_rate, weight_decay    (M,) or a number
      start          {name: (M, *shape) or shape} as in `Fits.parameters`; what it lacks is drawn

    A step is one update on `batch_size` examples (default, and at most: all of the model's own), cut from an endless
    chain of random orders, see `batched.batches`. `optimizer` is "adamw" (with `betas`) or "sgd" (with `momentum`); with
    schedule="cosine" the learning rate falls to zero. `record` names fields of `Fits` (default: losses and accuracies),
    taken after the last step, or every `record_every` steps and the last, or after each number of steps in `record_at`
    (0: as drawn). `chunk` models are trained at a time; by default as many as fit the cache, or on CUDA the memory.

    Raises ValueError for lengths that disagree, unknown names, values out of range, and models with dropout or batch
    normalisation (their outputs are random, or depend on the other examples).
    """
    rules = {"adamw": optimizers.adamw(betas), "sgd": optimizers.sgd(momentum)}
    check_choice("optimizer", optimizer, rules)
    check_choice("schedule", schedule, batched.SCHEDULES)
    check_choice("loss", loss, ("cross_entropy", "mse"))
    for name, value in (("steps", steps), ("batch_size", batch_size), ("chunk", chunk)):
        if value is not None and (value != int(value) or value < 1):
            raise ValueError(f"{name} is {value}; allowed: whole numbers from 1")
    net = _checked(model)
    x, y = _examples(net, x, y, loss, "x", "y")
    if x_test is not None:
        x_test, y_test = _examples(net, x_test, y_test, loss, "x_test", "y_test")
    record = _records(record, x_test is not None, y)
    at = _times(steps, record_every, record_at)
    start = _start(net, start)
    given = {
        "y": y,
        "y_test": y_test,
        "included": _subsets(included, len(x)),
        "weights": None if weights is None else _numbers("weights", weights, (len(x),)).astype(np.float32),
        "seeds": None if seeds is None else _numbers("seeds", seeds).astype(int),
        "learning_rate": _numbers("learning_rate", learning_rate),
        "weight_decay": _numbers("weight_decay", weight_decay),
    }
    models = _common_length(given | {f"start[{name!r}]": value for name, value in start.items()})
    if seeds is None:
        given["seeds"] = np.arange(models)
    sizes = [len(x)] if included is None else [len(rows) for rows in given["included"]]
    sizes = np.broadcast_to(np.minimum(sizes, batch_size or max(sizes)), models)
    order = np.argsort(sizes, kind="stable")  # batches of one size side by side: little padding
    chunk = chunk or batched.chunk_size(net, x, sizes.max())
    how = {"steps": steps, "at": at, "record": record, "loss": loss, "schedule": schedule}
    store, parameters = {}, {}
    with tqdm(total=models * steps, unit="step", disable=not progress) as bar:
        for first in range(0, models, chunk):
            ids = order[first : first + chunk]
            own = {name: batched.pick(value, ids) for name, value in given.items()}
            own["start"] = {name: batched.pick(value, ids) for name, value in start.items()}
            how |= {"rule": rules[optimizer], "tick": bar.update}
            for name, time, value in batched.train(net, x, x_test, own, sizes[ids], **how):
                into, axes = (parameters, ()) if time is None else (store, (len(at),))
                if name not in into:
                    into[name] = np.empty((models, *axes, *value.shape[1:]), value.dtype)
                into[name][ids if time is None else (ids, time)] = value
    if record_every is None and record_at is None:
        store = {name: value[:, 0] for name, value in store.items()}
    return Fits(steps=np.array(list(at)), parameters=parameters or None, **store)


def predict(
    model: nn.Module, x: np.ndarray, *, parameters: dict | None = None, output: str = "probabilities"
) -> np.ndarray:
    """Return the class probabilities (N, C) of a model on x (N, ...), or with output="logits" its raw outputs.

    With `parameters` as in `Fits.parameters`, {name: (*axes, *shape)}, the result is (*axes, N, C). For a
    hidden layer of a network that is a sequence pass its beginning: predict(model[:-1], x, output="logits").
    Raises ValueError for an unknown output, parameters that are missing or of a wrong shape.
    """
    check_choice("output", output, ("probabilities", "logits"))
    net = _checked(model)
    own = {name: p.detach() for name, p in net.named_parameters()}
    parameters = own if parameters is None else parameters
    if missing := [name for name in own if name not in parameters]:
        raise ValueError(f"parameters lack {missing}; found: {', '.join(parameters)}")
    axes, values = (), {}
    for name, p in own.items():
        value = _tensor(parameters[name])
        axes = value.shape[: value.ndim - p.ndim]
        if value.shape[len(axes) :] != p.shape:
            found = tuple(value.shape)
            raise ValueError(f"parameters[{name!r}] has shape {found}; allowed: (..., *{tuple(p.shape)})")
        values[name] = value.reshape(-1, *p.shape)
    out = batched.outputs(net, values, _tensor(x))
    out = out.softmax(-1) if output == "probabilities" else out
    return out.reshape(*axes, *out.shape[1:]).numpy()


def _checked(model):
    """Return a copy of `model` on the CPU, or raise for what cannot be trained side by side."""
    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        raise TypeError(f"model is a {kind}; allowed: a module such as models.mlp([64, 64, 10])")
    for name, module in model.named_modules():
        if isinstance(module, STATEFUL):
            kind = type(module).__name__
            raise ValueError(f"model has {kind} at {name!r}; allowed: layers without state or chance")
    return copy.deepcopy(model).cpu()


def _tensor(values):
    """Return float32 or int64 values as a tensor on the device; uint8 and the like count as integers."""
    values = torch.as_tensor(np.asarray(values))
    return values.to(device(), torch.float32 if values.is_floating_point() else torch.int64)


def _examples(net, x, y, loss, x_name, y_name):
    """Return x (N, ...) and y (1 or M, N, ...) as tensors, or raise a ValueError saying what does not fit."""
    if y is None:
        raise ValueError(f"{y_name} is missing; {x_name} was given")
    x, y = _tensor(x), _tensor(y)
    if x.ndim < 2 or len(x) == 0:
        raise ValueError(f"{x_name} has shape {tuple(x.shape)}; allowed: (N, ...) with at least one example")
    check_finite(**{x_name: x.cpu().numpy()})
    try:
        with torch.no_grad():
            shape = net(x[:1].cpu()).shape
    except (RuntimeError, IndexError, ValueError) as error:
        what = f"{x_name} of shape {tuple(x.shape)} and type {x.dtype}"
        raise ValueError(f"{what} does not suit the model: {error}") from error
    if (numbers := y.is_floating_point()) and loss != "mse":
        raise ValueError(f"{y_name} holds fractional numbers; allowed for cross_entropy: integer labels")
    if numbers and shape[-1] == 1 and y.shape[-1] != 1:
        y = y[..., None]
    expected = (len(x), *shape[1 : None if numbers else -1])
    y = y[None] if y.ndim == len(expected) else y
    if tuple(y.shape[1:]) != expected:
        found = tuple(y.shape[1:] if len(y) == 1 else y.shape)
        raise ValueError(f"{y_name} has shape {found}; allowed: {expected}, or (M, *{expected})")
    if not numbers and not (y.min() >= 0 and y.max() < shape[-1]):
        low, high = y.min().item(), y.max().item()
        raise ValueError(f"{y_name} holds labels {low} to {high}; allowed by the model: 0 to {shape[-1] - 1}")
    return x, y


def _subsets(included, n):
    """Return a list of arrays of row numbers from a mask (M, n) or (n,) or a sequence of masks or row numbers."""
    if included is None:
        return None
    if isinstance(included, np.ndarray) and included.dtype == bool and included.ndim == 1:
        included = [included]
    subsets = []
    for i, part in enumerate(included):
        rows = np.asarray(part)
        if rows.dtype == bool and rows.shape == (n,):
            rows = np.flatnonzero(rows)
        good = rows.ndim == 1 and len(rows) and rows.dtype.kind in "iu" and rows.min() >= 0 and rows.max() < n
        if not good:
            found = f"included[{i}] has shape {rows.shape}, type {rows.dtype}"
            raise ValueError(f"{found}; allowed: a mask ({n},) or at least one row number, 0 to {n - 1}")
        subsets.append(rows)
    return subsets


def _numbers(name, values, shape=()):
    """Return numbers of a shape that all models share, or with a leading axis M, as (1 or M, *shape)."""
    values = np.asarray(values, dtype=float)
    values = values[None] if values.ndim == len(shape) else values
    if values.shape[1:] != shape or not (np.isfinite(values) & (values >= 0)).all():
        found = f"{name} is {values} of shape {values.shape}"
        raise ValueError(f"{found}; allowed: {shape} or (M, *{shape}), finite and not negative")
    return values


def _start(net, start):
    """Return starting parameters as tensors {name: (1 or M, *shape)}."""
    names, checked = dict(net.named_parameters()), {}
    for name, value in (start or {}).items():
        check_choice("start", name, names)
        value, shape = _tensor(value), tuple(names[name].shape)
        checked[name] = value = value[None] if value.shape == shape else value
        if value.shape[1:] != shape:
            raise ValueError(f"start[{name!r}] has shape {tuple(value.shape)}; allowed: {shape} or (M, ...)")
    return checked


def _common_length(given):
    """Return the number of models on which all that is given per model agrees; one entry serves all."""
    lengths = {name: len(value) for name, value in given.items() if value is not None}
    models = max(lengths.values())
    if not set(lengths.values()) <= {1, models}:
        found = ", ".join(f"{name}: {length}" for name, length in lengths.items() if length > 1)
        raise ValueError(f"arguments disagree on the number of models ({found}); allowed: one number, or 1")
    return models


def _records(record, tested, y):
    """Return the set of names to record."""
    labels = not torch.as_tensor(y).is_floating_point()
    if record is None:
        parts, kinds = ("train", "test")[: 1 + tested], ("loss", "accuracy")[: 1 + labels]
        record = [f"{part}_{kind}" for part in parts for kind in kinds]
    record = {record} if isinstance(record, str) else set(record)
    for name in record:
        check_choice("record", name, [field.name for field in dataclasses.fields(Fits)[1:]])
        if name.startswith("test_") and not tested:
            raise ValueError(f"record asks for {name!r}; allowed only with x_test and y_test")
        if not labels and name.endswith(("accuracy", "correct")):
            raise ValueError(f"record asks for {name!r}; allowed only with integer labels")
    return record


def _times(steps, every, at):
    """Return {number of steps: place in the history}."""
    if every is not None and at is not None:
        raise ValueError("record_every and record_at are both given; allowed: one of them")
    times = [steps] if at is None else sorted({int(t) for t in at})
    if every is not None:
        check_at_least(1, record_every=every)
        times = sorted({*range(every, steps + 1, every), steps})
    if not times or times[0] < 0 or times[-1] > steps:
        raise ValueError(f"record_at is {times}; allowed: from 0 to steps = {steps}, at least one")
    return {t: i for i, t in enumerate(times)}
