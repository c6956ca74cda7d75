"""A language model without training: an interpolated n-gram model of characters, whose size and data are dials.

It can be asked how well it foretells a text (`ngram_losses`), and to write (`fit_writer`). Size is the number of
contexts kept, the most frequent first; data is the number of characters counted. One sort of the packed n-grams gives
the counts of every order, so ten million characters take seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labutils.checks import check_at_least

SYMBOLS = 96  # of a text that is to be written: a newline and the printable characters of ASCII


@dataclass(frozen=True, eq=False)
class _Table:
    """Counts of one length of n-gram: G grams packed oldest symbol first, in sorted order, under K contexts."""

    grams: np.ndarray  # (G,)
    discounted: np.ndarray  # (G,) count less its discount, over the count of its context
    contexts: np.ndarray  # (K,)
    totals: np.ndarray  # (K,) times a context was seen
    spare: np.ndarray  # (K,) share of a context's probability left to the next shorter one


def shuffle_blocks(codes: np.ndarray, *, size: int = 1000, seed: int = 0) -> np.ndarray:
    """The text cut into blocks of `size` characters, in random order: any beginning is a sample of the whole.

    `codes` (n,) are symbols of any kind; returns n // size * size of them. Raises ValueError where n < size.
    """
    if not 1 <= size <= len(codes):
        raise ValueError(f"size is {size}; allowed: 1 to the {len(codes)} characters there are")
    blocks = np.asarray(codes)[: len(codes) // size * size].reshape(-1, size)
    return np.random.default_rng(seed).permutation(blocks).ravel()


def ngram_losses(
    train: np.ndarray,
    test: np.ndarray,
    *,
    characters: np.ndarray,
    contexts: np.ndarray,
    order: int = 6,
    symbols: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Held-out loss of the model over a grid of data and model sizes, in nats per character.

    `train` (n,) and `test` (m,) are codes 0 .. symbols - 1 (default: as many as occur); `characters` (D,) how
    much of the beginning of `train` is counted; `contexts` (N,) how many contexts are kept besides the empty
    one; `order` symbols to an n-gram, so order - 1 of context. The first order - 1 characters of `test` serve
    as context only. Returns losses (D, N) and the contexts really kept (D, N), fewer where there are no more.
    Raises ValueError for codes, sizes or an order outside what is allowed.

    P(c | h) = [count(hc) - d + (sum of the d) P(c | shorter h)] / count(h), with the three discounts d of Chen
    & Goodman 1998 (cmp-lg/9606011) for counts of one, two, and three or more; a context that is not kept passes
    on to the shorter one, and the shortest to the uniform distribution.
    """
    train, test = np.asarray(train), np.asarray(test)
    bits, symbols = _check(order, symbols, train=train, test=test)
    characters, contexts = np.atleast_1d(characters), np.atleast_1d(contexts)
    if characters.min() < order or characters.max() > len(train):
        raise ValueError(
            f"characters reach from {characters.min()} to {characters.max()}; allowed: {order} to {len(train)}"
        )
    if contexts.min() < 0:
        raise ValueError(f"contexts holds {contexts.min()}; allowed: not negative")
    queries, times = np.unique(_pack(test, order, bits), return_counts=True)  # (M,)
    losses, kept = np.empty((2, len(characters), len(contexts)))
    for i, size in enumerate(characters):
        tables = _count(train[:size], order, bits)
        found = _look_up(tables, queries, bits)
        for j, limit in enumerate(contexts):
            losses[i, j] = -(times @ np.log(_interpolate(found, limit, symbols))) / times.sum()
            kept[i, j] = min(limit, sum(len(t.contexts) for t in tables[1:]))
    return losses, kept.astype(int)


def _check(order, symbols, **texts):
    """Bits to a symbol and the number of symbols, or a ValueError that names what cannot be."""
    for name, codes in texts.items():
        if not np.issubdtype(codes.dtype, np.integer) or codes.size < order:
            raise ValueError(f"{name} is {codes.size} {codes.dtype}; allowed: at least {order} integer codes")
    lowest, highest = min(t.min() for t in texts.values()), max(t.max() for t in texts.values())
    symbols = int(highest) + 1 if symbols is None else symbols
    if lowest < 0 or highest >= symbols:
        raise ValueError(f"codes reach from {lowest} to {highest}; allowed: 0 to {symbols - 1}")
    bits = max(int(symbols - 1).bit_length(), 1)
    if not 1 <= order <= 63 // bits:
        raise ValueError(f"order is {order}; allowed for {symbols} symbols: 1 to {63 // bits}")
    return bits, symbols


def _pack(codes, length, bits):
    """Every run of `length` codes as one integer, the latest code in the lowest bits: (n - length + 1,)."""
    packed = np.zeros(len(codes) - length + 1, dtype=np.int64)
    for i in range(length):
        packed <<= bits
        packed |= codes[i : i + len(packed)]
    return packed


def _runs(values):
    """Where each run of equal values begins in a sorted array."""
    return np.flatnonzero(np.r_[True, values[1:] != values[:-1]])


def _count(train, order, bits):
    """The tables of all lengths 1 .. order, shortest first, over the same positions of `train`."""
    return _tables(np.sort(_pack(train, order, bits)), order, bits)


def _tables(grams, order, bits):
    """The tables of all lengths 1 .. order, shortest first, of sorted packed grams of that order."""
    first = _runs(grams)
    grams, counts = grams[first], np.diff(np.r_[first, len(grams)])
    tables = [_table(grams, counts, bits)]
    for length in range(order - 1, 0, -1):
        grams = grams & ((1 << bits * length) - 1)  # forget the oldest symbol: now a few sorted stretches,
        by_gram = np.argsort(grams, kind="stable")  # which a merging sort puts together quickly
        grams, counts = grams[by_gram], counts[by_gram]
        first = _runs(grams)
        grams, counts = grams[first], np.add.reduceat(counts, first)
        tables.append(_table(grams, counts, bits))
    return tables[::-1]


def _table(grams, counts, bits):
    """The `_Table` of sorted grams (G,) and their counts, with the three discounts of Chen & Goodman."""
    n = np.bincount(np.minimum(counts, 5), minlength=6)[:5].astype(float)  # n[r] grams were seen r times
    share = n[1] / max(n[1] + 2 * n[2], 1)
    rate = np.arange(4.0)
    rate[1:] -= (rate[1:] + 1) * share * n[2:] / np.maximum(n[1:4], 1)
    # Few counts estimate badly: never a whole count more than there is, never nothing for the unseen.
    rate = np.clip(rate, [0, 0.1, 0.1, 0.1], [0, 1, 2, 3])
    discounts = rate[np.minimum(counts, 3)]  # (G,)
    owner = grams >> bits
    first = _runs(owner)
    totals = np.add.reduceat(counts, first)  # (K,)
    spread = np.repeat(totals, np.diff(np.r_[first, len(grams)]))
    return _Table(
        grams, (counts - discounts) / spread, owner[first], totals, np.add.reduceat(discounts, first) / totals
    )


def _look_up(tables, queries, bits):
    """For every length and query (M,): discounted probability, share passed on, and rank of the context."""
    totals = np.concatenate([t.totals for t in tables[1:]] or [np.empty(0, dtype=int)])
    rank = np.empty(len(totals), dtype=int)
    rank[np.argsort(-totals, kind="stable")] = np.arange(len(totals))  # of equals, the shorter context first
    rank = np.split(rank, np.cumsum([len(t.totals) for t in tables[1:]]))
    found = []
    for length, (table, ranks) in enumerate(zip(tables, [np.full(1, -1), *rank]), start=1):
        gram = queries & ((1 << bits * length) - 1)
        at, seen = _find(table.contexts, gram >> bits)
        into, known = _find(table.grams, gram)
        own = np.where(known, table.discounted[into], 0)
        found.append((own, table.spare[at], np.where(seen, ranks[at], np.inf)))
    return found


def _find(table, values):
    """Positions of `values` in the sorted `table`, and whether they are there."""
    at = np.minimum(np.searchsorted(table, values), len(table) - 1)
    return at, table[at] == values


def _interpolate(found, limit, symbols):
    """Probabilities (M,) with the `limit` most frequent contexts kept, from the shortest to the longest."""
    p = np.full(len(found[0][0]), 1 / symbols)
    for own, spare, rank in found:
        p = np.where(rank < limit, own + spare * p, p)
    return p


@dataclass(frozen=True, eq=False)
class Writer:
    """An n-gram model of texts with classes, every symbol marked with its class, so that no text mixes two."""

    tables: list[_Table]
    starts: list[np.ndarray]  # for each length (K,): the first gram of every context
    bits: int

    @property
    def order(self) -> int:
        """Symbols to an n-gram, so one less of context."""
        return len(self.tables)

    def write(self, y: np.ndarray, *, length: int = 400, seed: int = 0) -> list[str]:
        """New texts of the classes y (M,), `length` characters each, ends of lines and of texts as spaces.

        A symbol is drawn from the longest context that occurred, or with the probability that it leaves to the shorter
        one, from that. Never a symbol that its class has not had. Raises ValueError for a class that was not seen.
        """
        y = np.asarray(y).astype(np.int64)
        rng, cumulated = np.random.default_rng(seed), [np.r_[0, np.cumsum(t.discounted)] for t in self.tables]
        letters = self.tables[0].grams  # the symbols that occur
        low, high = np.searchsorted(letters, y * SYMBOLS), np.searchsorted(letters, (y + 1) * SYMBOLS)
        if (low == high).any():
            raise ValueError(
                f"y holds class {y[low == high][0]}; allowed: the classes that the writer was fitted to"
            )
        context = np.zeros(len(y), np.int64)
        for _ in range(self.order - 1):
            context = (context << self.bits) | y * SYMBOLS  # as after the end of a text
        mask, codes = (1 << self.bits * (self.order - 1)) - 1, np.empty((len(y), length), np.int64)
        for i in range(length):
            u, symbol, left = rng.random(len(y)), np.empty(len(y), np.int64), np.arange(len(y))
            for k in range(self.order - 1, 0, -1):
                table, history = self.tables[k], context[left] & ((1 << self.bits * k) - 1)
                at, seen = _find(table.contexts, history)
                spare = np.where(seen, table.spare[at], 1.0)
                here = u[left] >= spare
                goal = cumulated[k][self.starts[k][at]] + u[left] - spare
                into = np.searchsorted(cumulated[k], goal[here], side="right") - 1
                ends = np.r_[self.starts[k], len(table.grams)]
                into = np.clip(
                    into, ends[at[here]], ends[at[here] + 1] - 1
                )  # the last bit of a sum may be off
                symbol[left[here]] = table.grams[into] & ((1 << self.bits) - 1)
                left, spare = left[~here], spare[~here]
                u[left] /= spare  # uniform again
            floor, mass = cumulated[0][low[left]], cumulated[0][high[left]] - cumulated[0][low[left]]
            into = np.searchsorted(cumulated[0], floor + u[left] * mass, side="right") - 1
            symbol[left] = letters[np.clip(into, low[left], high[left] - 1)]
            context = ((context << self.bits) | symbol) & mask
            codes[:, i] = symbol % SYMBOLS
        return ["".join(map(chr, np.where(row, row + 31, 32))) for row in codes]


def fit_writer(texts: Sequence[str], y: np.ndarray, *, order: int = 6) -> Writer:
    """The `Writer` of texts (N,) with classes y (N,); `order` is cut where that many symbols fit no 63 bits.

    Characters outside ASCII are read as "?". Raises ValueError for lengths that disagree, or an order below 2.
    """
    check_at_least(2, order=order)
    y = np.asarray(y)
    if len(texts) != len(y) or not len(y):
        raise ValueError(f"{len(texts)} texts and {len(y)} classes; allowed: as many, at least one")
    bits = int((y.max() + 1) * SYMBOLS - 1).bit_length()
    order = min(order, 63 // bits)
    stream = np.concatenate(
        [text_codes("\n" * (order - 1) + text + "\n") + SYMBOLS * c for text, c in zip(texts, y)]
    )
    stream = np.r_[stream, np.full(order - 1, y[-1] * SYMBOLS)]
    grams = _pack(stream, order, bits)
    whole = (
        stream[: len(grams)] // SYMBOLS == stream[order - 1 :] // SYMBOLS
    )  # no gram from one class to another
    tables = _tables(np.sort(grams[whole]), order, bits)
    return Writer(tables, [_runs(t.grams >> bits) for t in tables], bits)


def text_codes(text: str) -> np.ndarray:
    """Codes 0 .. 95 of a text (n,), as a writer reads it.

    0 stands for a newline and other control characters, "?" for what is not ASCII.
    """
    codes = np.frombuffer(text.encode("ascii", errors="replace"), np.uint8).astype(np.int64) - 31
    return np.where(codes > 0, np.minimum(codes, SYMBOLS - 1), 0)
