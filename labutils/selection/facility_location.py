"""Facility location: rows chosen greedily so that every row is near one of them, without an N x N matrix.

Early on a choice brings most rows nearer, but upper bounds that need no pairs leave few rows that can be the next
one. Later a choice moves few rows, and the share of (row, possible choice) pairs that can still matter is small
enough for a list.
"""

import numpy as np

BLOCK = 2**18  # numbers in a block that should stay in a core's cache
STORED = 2**25  # distances that may be held at once
PAIRS = 2**24  # pairs (row, possible choice) that may be listed
SHARE = 0.03  # of all pairs that matter: fewer than this, and a list of them beats the products
SINGLE = 4096  # rows up to which the products are in 64 bits
GROUPS = 16  # of like rows: their second moments bound the gains
LOOK = 64  # gains brought up to date together, at least
ROUNDING = 1e-12  # of the largest value: differences below it are noise of 64-bit sums


def cover(x, size, similarity, rows=None):
    """Indices (size,) of rows of `x` (N, d) that greedily raise the sum, over all rows or those numbered in `rows`,
    of the similarity to the nearest choice; `coresets.facility_location` says what that is, and checks its input.

    As long as choices move many rows, only gains whose upper bounds are among the largest are worked out, unless
    that comes to more than half the work of keeping every gain up to date. Then every gain is kept up to date:
    by products, and from the day few pairs (row, possible choice) can still matter by a list of those.
    """
    distance, slack, near, gain, ceiling = _geometry(x, similarity, rows)
    tie = (ROUNDING if near.dtype == np.float64 else 1e-8) * gain.max()
    chosen, pairs, n, m = [], None, len(near), len(x)
    look = max(LOOK, m // 256)  # so that sorting the bounds costs less than the products
    spent, saved = 0, 0  # pairs looked at for want of exact gains, and those that would have kept them exact
    for step in range(1, size + 1):
        if ceiling and step > 1:
            spent += 2 * m * x.shape[1]
            gain = np.minimum(gain, ceiling(near) + tie)
            late, best = gain.copy(), -np.inf
            while late.max() >= max(best - tie, np.finfo(float).min):
                cut = np.partition(late, -look)[-look] if m > look else -np.inf
                if spent > saved / 2:
                    ceiling, cut = None, -np.inf
                few = np.flatnonzero(late >= max(cut, np.finfo(float).min))
                gain[few] = _fall(slack, np.arange(n), near, near + 2, len(few), few)  # no distance exceeds 2
                late[few], best = -np.inf, max(best, gain[few].max())
                spent += n * len(few)
        best = int((gain >= gain.max() - tie).argmax())
        chosen.append(best)
        new = distance(slice(None), [best])[:, 0]
        moved = np.flatnonzero(new < near)
        high, low = near[moved], new[moved]
        near[moved] = low
        saved += m * len(moved)
        if pairs is None:
            if not ceiling:
                gain -= _fall(slack, moved, high, high - low, m)
            probe = np.linspace(0, n - 1, min(n, 64)).astype(int)
            share = (distance(probe, slice(None)) < near[probe, None]).mean()
            if share < min(SHARE, PAIRS / (n * m)) and (size - step) * len(moved) > n:
                pairs, tidy, ceiling = _pairs(distance, near), 2 * step, None
                gaps = np.repeat(near, np.diff(pairs[0])) - pairs[2]
                gain = np.bincount(pairs[1], gaps, m) + 0.0  # floats even where no pair is left
        elif len(moved):
            start, columns, values = pairs
            counts = start[moved + 1] - start[moved]
            ends = counts.cumsum()
            at = np.arange(ends[-1]) + np.repeat(start[moved] - ends + counts, counts)
            fall = np.repeat(high, counts)
            fall -= np.maximum(values[at], np.repeat(low, counts))
            gain -= np.bincount(columns[at], np.maximum(fall, 0, out=fall), m)
            if step >= tidy:  # most pairs have ceased to matter
                keep, tidy = values < np.repeat(near, np.diff(start)), 2 * step
                pairs = np.append(0, keep.cumsum())[start], columns[keep], values[keep]
        gain[chosen] = -np.inf
    return np.array(chosen)


def _geometry(x, similarity, rows):
    """What `cover` needs: distance(rows, columns), slack(rows, high, drop), the rows' distances before any choice,
    the first gains and, where there are any, the bounds of `_ceiling`. Slack is a function of columns that returns
    (high - distance) / drop as (columns, rows); high and drop are one a row.
    """
    kind = np.float64 if len(x) <= SINGLE else np.float32
    rows = slice(None) if rows is None else rows
    cosine = similarity == "cosine"
    if cosine:
        right = (x * inverse_lengths(x)[:, None]).astype(kind)
        left = -right[rows]
    else:
        y = x - x.mean(axis=0, dtype=float)
        y /= np.sqrt((y * y).sum(axis=1).max()) or 1.0
        squares, ones = (y * y).sum(axis=1), np.ones(len(y))
        noise = 8 * np.finfo(kind).eps  # taken off, so that a row is no distance from itself
        left = np.column_stack([-2 * y[rows], squares[rows] - noise, ones[rows]]).astype(kind)
        right = np.column_stack([y, ones, squares]).astype(kind)

    def root(d):
        return d if cosine else np.sqrt(np.clip(d, 0, np.inf, out=d), out=d)

    def distance(r, c):
        return root(left[r] @ right[c].T)

    def slack(r, high, drop):
        part = (left[r] / (drop if cosine else drop * drop)[:, None]).T
        shift = high / drop

        def of(c):
            s = root(right[c] @ part)
            return np.subtract(shift, s, out=s)

        return of

    if cosine:
        gain = len(left) - right @ left.sum(axis=0, dtype=float)
        return distance, slack, np.ones(len(left), kind), gain, _ceiling(left, right)
    near = np.full(len(left), 2, kind)  # no two rows are farther apart than 2
    if len(left) * len(x) <= STORED:
        stored = distance(slice(None), slice(None))

        def distance(r, c):
            return stored[r, c]

        def slack(r, high, drop):
            def of(c):
                s = stored[r, c]
                s *= -1 / drop[:, None]
                s += (high / drop)[:, None]
                return s.T

            return of

    return distance, slack, near, _fall(slack, np.arange(len(left)), near, near, len(x)), None


def _fall(slack, rows, high, drop, n, columns=None):
    """What each of `n` possible choices, all or `columns`, no longer gains once these rows are at high - drop."""
    fall = np.zeros(n)
    for r in blocks(len(rows), BLOCK // 512):
        of = slack(rows[r], high[r], drop[r])
        for c in blocks(n, BLOCK // 256):
            s = of(c if columns is None else columns[c])
            fall[c] += np.clip(s, 0, 1, out=s) @ drop[r]
    return fall


def _ceiling(left, right):
    """A function of `near`, the rows' distances to their nearest choice: an upper bound of every gain, no pairs used.

    max(0, a) <= (a + c)^2 / 4c for every c > 0. With a = near - left @ right the sum over a group of rows is a
    quadratic form in `right`, and least if c is the root mean square of a, here over a group of rows and a group
    of columns. Groups are a few rounds of k-means; None where the forms would hold more numbers than the data.
    """
    d = right.shape[1]
    groups = min(GROUPS, len(right) // (4 * d))
    if not groups:
        return None
    centres = right[np.linspace(0, len(right) - 1, groups).astype(int)]
    for _ in range(3):
        centres = np.array([right[g].sum(axis=0) for g in _nearest(right, centres)])
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-6)
    rows, row_count, row_sums, row_moments = _moments(left, _nearest(-left, centres))
    columns, count, sums, moments = _moments(right, _nearest(right, centres))
    inner, sizes = row_moments @ moments.T, row_count[:, None] * count

    def ceiling(near):
        first, second = (
            np.array([(near[g].astype(float) ** p).sum() for g in rows])[:, None] for p in (1, 2)
        )
        mixed = np.array([near[g].astype(float) @ left[g] for g in rows])
        squares = second * count - 2 * mixed @ sums.T + inner  # of a, summed over two groups
        c = np.sqrt(np.maximum(squares / np.maximum(sizes, 1), 1e-6))
        fixed = (second / c + 2 * first + row_count[:, None] * c).sum(axis=0) / 4
        slopes = ((1 / c).T @ mixed + row_sums.sum(axis=0)) / 2
        forms = ((1 / c).T @ row_moments / 4).reshape(groups, d, d)
        bound = np.empty(len(right))
        for g, constant, slope, form in zip(columns, fixed, slopes, forms, strict=True):
            v = right[g].astype(float)
            bound[g] = constant + np.vecdot(v @ form - slope, v)
        return bound

    return ceiling


def _nearest(y, centres):
    """The rows of `y` nearest to each centre, by inner product."""
    label = (y @ centres.T).argmax(axis=1)
    return np.split(
        np.argsort(label, kind="stable"), np.bincount(label, minlength=len(centres)).cumsum()[:-1]
    )


def _moments(y, groups):
    """These groups of rows of `y`, their numbers, sums and sums of outer products (flat), in 64 bits."""
    count, sums, moments = [], [], []
    for g in groups:
        part = y[g].astype(float)
        count.append(len(part))
        sums.append(part.sum(axis=0))
        moments.append((part.T @ part).ravel())
    return groups, np.array(count), np.array(sums), np.array(moments)


def _pairs(distance, near):
    """The pairs with a distance below the row's nearest: each row's start, and all columns and distances."""
    starts, columns, values = [[0]], [], []
    for b in blocks(len(near), BLOCK // 256):
        d = distance(b, slice(None))
        at = np.flatnonzero(d < near[b, None])
        first = np.arange(len(d)) * d.shape[1]
        ends = np.searchsorted(at, first + d.shape[1])
        columns.append((at - np.repeat(first, np.diff(ends, prepend=0))).astype(np.int32))
        values.append(d.ravel()[at])
        starts.append(starts[-1][-1] + ends)
    return np.concatenate(starts), np.concatenate(columns), np.concatenate(values)


def blocks(n, width):
    """Slices of 0..n whose rows, `width` numbers each, fill a cache."""
    step = max(1, BLOCK // max(1, width))
    return [slice(i, min(i + step, n)) for i in range(0, n, step)]


def inverse_lengths(x):
    """1 / length of each row in 64 bits, 0 for a row of zeros, which has no direction."""
    squares = np.concatenate([np.square(x[b], dtype=float).sum(axis=1) for b in blocks(*x.shape)])
    return np.divide(1, np.sqrt(squares), out=np.zeros(len(x)), where=squares > 0)
