"""How fast `ngram_losses` counts and scores text on one thread, and against plain Python dictionaries."""

import pathlib
import sys
import time

import numpy as np

from labutils import data
from labutils.laws import ngram

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "laws"))
from test_ngram import by_dictionaries

ORDER, SMALL, HELD_OUT = 6, 20_000, 2_000


def stopwatch(work):
    """CPU seconds and the result of a call."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main():
    codes = data.text().codes
    test, train = codes[-1_000_000:], codes[:-1_000_000]
    text = len(data.ALPHABET)

    def vectorised(characters, contexts, test):
        return ngram.ngram_losses(
            train, test, characters=characters, contexts=contexts, order=ORDER, symbols=text
        )[0]

    few = test[:HELD_OUT]
    slow, expected = stopwatch(
        lambda: by_dictionaries(
            train[:SMALL].tolist(), few.tolist(), contexts=1000, order=ORDER, symbols=text
        )
    )
    fast, loss = min(stopwatch(lambda: vectorised(SMALL, 1000, few)) for _ in range(5))
    print(f"{SMALL:,} characters, {HELD_OUT:,} held out, order {ORDER}: one loss")
    print(f"  dictionaries  {slow:7.3f} s   loss {expected:.6f}")
    print(f"  ngram_losses  {fast:7.3f} s   loss {loss[0, 0]:.6f}   {slow / fast:.0f} times faster")
    assert abs(loss[0, 0] - expected) < 1e-9

    print(f"{'characters':>12} {'seconds':>8} {'million/s':>10}   with 6 model sizes, {len(test):,} held out")
    sizes = np.geomspace(1e3, min(1e7, len(train)), 5).astype(int)
    for size in sizes:
        seconds, _ = stopwatch(lambda size=size: vectorised(size, 10 ** np.arange(1, 7), test))
        print(f"{size:12,} {seconds:8.2f} {size / seconds / 1e6:10.2f}")
    floor, _ = stopwatch(lambda: np.sort(ngram._pack(train, ORDER, 7)))
    print(f"one sort of {len(train):,} packed n-grams, the floor of the last line: {floor:.2f} s")


if __name__ == "__main__":
    main()
