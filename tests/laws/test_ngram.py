"""The n-gram model: a true distribution, the same as plain dictionaries, and in the end the source's entropy."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from labutils.laws import ngram


def by_dictionaries(train, test, *, contexts, order, symbols):
    """The same model and its loss written symbol by symbol: what the vectorised code is held against."""
    counts = defaultdict(Counter)
    for i in range(order - 1, len(train)):
        for length in range(order):
            counts[tuple(train[i - length : i])][train[i]] += 1
    discount = []
    for length in range(order):
        sizes = Counter(c for h in counts if len(h) == length for c in counts[h].values())
        share = sizes[1] / max(sizes[1] + 2 * sizes[2], 1)
        rule = [r - (r + 1) * share * sizes[r + 1] / max(sizes[r], 1) for r in (1, 2, 3)]
        discount.append([0, *(min(max(d, 0.1), r) for r, d in zip((1, 2, 3), rule))])
    ranked = sorted((-c.total(), len(h), h) for h, c in counts.items() if h)
    kept = {(), *(h for _, _, h in ranked[:contexts])}

    def probability(history, symbol):
        p = 1 / symbols
        for length in range(order):
            h = history[len(history) - length :]
            if h in kept and h in counts:
                d = [discount[length][min(c, 3)] for c in counts[h].values()]
                own = counts[h][symbol] - discount[length][min(counts[h][symbol], 3)]
                p = (own + sum(d) * p) / counts[h].total()
        return p

    logs = [np.log(probability(tuple(test[i - order + 1 : i]), test[i])) for i in range(order - 1, len(test))]
    return -np.mean(logs)


def probabilities(train, histories, *, contexts, symbols):
    """Probabilities (M, symbols) of the next symbol after each row of `histories` (M, order - 1), by the model itself."""
    order, bits = histories.shape[1] + 1, int(symbols - 1).bit_length()
    rows = np.repeat(histories, symbols, axis=0)
    rows = np.column_stack([rows, np.tile(np.arange(symbols), len(histories))])
    queries = np.zeros(len(rows), dtype=np.int64)
    for column in rows.T:
        queries = queries << bits | column
    found = ngram._look_up(ngram._count(train, order, bits), queries, bits)
    return ngram._interpolate(found, np.inf if contexts is None else contexts, symbols).reshape(-1, symbols)


def markov(size, seed, *, table):
    """A chain whose next symbol depends on the last one, with its entropy rate in nats."""
    rng, codes = np.random.default_rng(seed), np.zeros(size, dtype=np.int64)
    steps = np.cumsum(table, axis=1)
    for i, u in enumerate(rng.random(size - 1)):
        codes[i + 1] = np.searchsorted(steps[codes[i]], u)
    stationary = np.linalg.matrix_power(table, 200)[0]
    return codes, -(stationary[:, None] * table * np.log(table)).sum()


TABLE = np.random.default_rng(5).dirichlet(np.full(6, 0.5), size=6) * 0.97 + 0.005
TEXT = np.frombuffer((__doc__ * 3 + by_dictionaries.__doc__ * 2 + markov.__doc__).encode(), np.uint8) % 96


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("contexts", [0, 7, 60, 10**6])
def test_the_loss_is_that_of_plain_dictionaries(order, contexts):
    train, test = TEXT[:420], TEXT[300:]
    losses, kept = ngram.ngram_losses(
        train, test, characters=[200, 420], contexts=contexts, order=order, symbols=96
    )
    for size, loss in zip((200, 420), losses[:, 0]):
        expected = by_dictionaries(
            train[:size].tolist(), test.tolist(), contexts=contexts, order=order, symbols=96
        )
        assert loss == pytest.approx(expected, rel=1e-10)
    grams = {tuple(train[i - k : i]) for k in range(1, order) for i in range(order - 1, 420)}
    assert kept[1, 0] == min(contexts, len(grams))


@pytest.mark.parametrize("contexts", [None, 0, 20])
def test_probabilities_sum_to_one_after_any_history(contexts):
    rng = np.random.default_rng(0)
    histories = np.concatenate([rng.integers(0, 96, (50, 3)), TEXT[: 3 * 50].reshape(50, 3)])
    p = probabilities(TEXT, histories, contexts=contexts, symbols=96)
    assert p.shape == (100, 96) and (p > 0).all()
    assert p.sum(axis=1) == pytest.approx(1, rel=1e-12)
    loss, _ = ngram.ngram_losses(
        TEXT,
        TEXT[:500],
        characters=len(TEXT),
        contexts=10**9 if contexts is None else contexts,
        order=4,
        symbols=96,
    )
    windows = np.lib.stride_tricks.sliding_window_view(TEXT[:500], 4)
    p = probabilities(TEXT, windows[:, :3], contexts=contexts, symbols=96)
    assert loss[0, 0] == pytest.approx(-np.log(p[np.arange(len(p)), windows[:, 3]]).mean(), rel=1e-12)


def test_more_data_never_hurts_and_the_loss_tends_to_the_entropy_rate():
    train, entropy = markov(200_000, 0, table=TABLE)
    test, _ = markov(100_000, 1, table=TABLE)
    sizes = [100, 1000, 10_000, 200_000]
    short, long = (
        ngram.ngram_losses(train, test, characters=sizes, contexts=[0, 10**6], order=k)[0] for k in (2, 4)
    )
    assert (np.diff(short[:, 1]) < 0).all() and (np.diff(long[:, 1]) < 0).all()
    assert short[-1, 1] == pytest.approx(entropy, rel=0.003)  # one symbol of context is all this source has
    assert short[-1, 1] < long[-1, 1] < 1.01 * entropy  # more costs data to learn that it does not help
    shares = np.bincount(test[3:]) / len(test[3:])
    assert short[-1, 0] == pytest.approx(
        -(shares * np.log(shares)).sum(), rel=0.01
    )  # no context: letter counts


def test_a_larger_model_of_much_data_is_a_better_one():
    train, _ = markov(100_000, 0, table=TABLE)
    losses, kept = ngram.ngram_losses(
        train, train[-20_000:], characters=80_000, contexts=[0, 1, 2, 3, 4, 5, 6], order=2
    )
    assert (np.diff(losses[0]) < 0).all() and kept[0].tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_shuffled_blocks_are_the_same_blocks():
    codes = np.arange(1050)
    shuffled = ngram.shuffle_blocks(codes, size=100, seed=1)
    assert sorted(shuffled) == list(range(1000)) and not np.array_equal(shuffled, codes[:1000])
    assert (np.diff(shuffled.reshape(10, 100), axis=1) == 1).all()
    assert np.array_equal(shuffled, ngram.shuffle_blocks(codes, size=100, seed=1))
    with pytest.raises(ValueError, match="size is 2000"):
        ngram.shuffle_blocks(codes, size=2000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": TEXT / 2}, "train is .* float64; allowed: at least 3 integer codes"),
        ({"test": TEXT[:2]}, "test is 2 uint8"),
        ({"symbols": 20}, "codes reach from .*; allowed: 0 to 19"),
        ({"characters": 10**6}, "characters reach from 1000000"),
        ({"contexts": [-1]}, "contexts holds -1"),
        ({"order": 10}, "order is 10; allowed for 96 symbols: 1 to 9"),
    ],
)
def test_bad_input_is_refused(change, message):
    good = {"train": TEXT, "test": TEXT, "characters": 100, "contexts": 10, "order": 3, "symbols": 96}
    arguments = good | change
    train, test = arguments.pop("train"), arguments.pop("test")
    with pytest.raises(ValueError, match=message):
        ngram.ngram_losses(train, test, **arguments)


def test_a_writer_draws_by_the_probabilities_of_the_model():
    """The next character after a context, against the model's own interpolated probabilities."""
    rng = np.random.default_rng(5)
    text = "".join(rng.choice(list("abc"), p=[0.5, 0.3, 0.2], size=60))
    writer = ngram.fit_writer([text], np.array([0]), order=3)
    drawn = writer.write(np.zeros(40_000, int), length=3, seed=6)
    stream = np.r_[0, 0, ngram.text_codes(text), 0, 0, 0]
    found = Counter(drawn)
    p = defaultdict(dict)
    for history in {
        (0, 0),
        *((0, c) for c in (66, 67, 68)),
        *((b, c) for b in (66, 67, 68) for c in (66, 67, 68)),
    }:
        raw = probabilities_after(stream, history)
        p[history] = {c: v / sum(raw.values()) for c, v in raw.items()}
    for first, second, third in ((66, 66, 67), (67, 66, 66), (66, 68, 67)):
        share = p[0, 0][first] * p[0, first][second] * p[first, second][third]
        seen = found["".join(chr(c + 31) for c in (first, second, third))] / 40_000
        assert abs(seen - share) < 5 * np.sqrt(share / 40_000)


def probabilities_after(stream, history):
    """Interpolated probabilities of the symbols that occur, by counting; what the unigram leaves over is spread alike."""
    grams = [Counter() for _ in range(3)]
    for i in range(2, len(stream)):
        for n in range(3):
            grams[n][tuple(stream[i - n : i + 1].tolist())] += 1
    p = {c: 0.0 for c in set(stream.tolist())}
    for n in range(3):
        sizes = Counter(grams[n].values())
        share = sizes[1] / max(sizes[1] + 2 * sizes[2], 1)
        rate = [r - (r + 1) * share * sizes[r + 1] / max(sizes[r], 1) for r in (1, 2, 3)]
        rate = [0, *(min(max(d, 0.1), r) for r, d in zip((1, 2, 3), rate))]
        h = history[len(history) - n :] if n else ()
        after = {g[-1]: c for g, c in grams[n].items() if g[:-1] == h}
        if total := sum(after.values()):
            spare = sum(rate[min(c, 3)] for c in after.values()) / total
            own = {c: (after.get(c, 0) - rate[min(after.get(c, 0), 3)]) / total for c in p}
            if n == 0:
                p = {c: v / (1 - spare) for c, v in own.items()}
            else:
                p = {c: own[c] + spare * p[c] for c in p}
    return p


def test_a_writer_keeps_to_its_class_and_repeats_by_its_seed():
    writer = ngram.fit_writer(["abab" * 30, "xyxy" * 30], np.array([0, 1]), order=4)
    texts = writer.write(np.array([0, 1, 0]), length=50, seed=1)
    assert [set(text) <= set(letters) for text, letters in zip(texts, ("ab ", "xy ", "ab "))] == [True] * 3
    assert texts == writer.write(np.array([0, 1, 0]), length=50, seed=1) and all(len(t) == 50 for t in texts)
    with pytest.raises(ValueError, match="class 2"):
        writer.write(np.array([2]))
    with pytest.raises(ValueError, match="classes"):
        ngram.fit_writer(["a"], np.array([0, 1]))


def test_text_codes_are_those_of_the_alphabet():
    text = "\n" + "".join(map(chr, range(32, 127)))
    assert ngram.text_codes(text).tolist() == list(range(96))
    assert ngram.text_codes("é\t").tolist() == [32, 0]
