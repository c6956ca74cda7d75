"""The same work on many items: in this process, in several here, or on a Dask cluster."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import joblib

from labutils.checks import check_at_least, check_choice

BACKENDS = ("local", "dask")


def each(
    work: Callable[[Any], Any],
    items: Iterable,
    *,
    jobs: int = 1,
    backend: str = "local",
    address: str | None = None,
    threads: bool = False,
) -> Iterator[tuple[int, Any]]:
    """Yield (place of the item, `work(item)`) for every item, in the order in which they end.

    Local work is done by `jobs` processes, by as many `threads` if asked (for work that is a process itself), and here
    where that is one. On Dask it goes to the cluster at `address`, or to one of `jobs` processes made here; the item of
    a worker that dies is given to another, up to three times, and what then remains of it is an exception in place of its
    result. Raises ValueError for another backend, an address without one, no jobs, or Dask where it is not installed.
    """
    check_choice("backend", backend, BACKENDS)
    check_at_least(1, jobs=jobs)
    if address and backend != "dask":
        raise ValueError(f"address is {address!r} with the backend {backend!r}; allowed: with 'dask' alone")
    return (
        _on_dask(work, list(items), jobs, address) if backend == "dask" else _here(work, items, jobs, threads)
    )


def _here(work, items, jobs, threads):
    wait = joblib.Parallel(
        n_jobs=jobs, return_as="generator_unordered", prefer="threads" if threads else None
    )
    yield from wait(joblib.delayed(lambda i, item: (i, work(item)))(i, item) for i, item in enumerate(items))


def _on_dask(work, items, jobs, address):
    try:
        from dask import distributed
    except ImportError:
        raise ValueError(
            "backend is 'dask', which needs: pip install 'dask[distributed]'; allowed here: 'local'"
        ) from None
    options = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
    cluster = None if address else distributed.LocalCluster(**options)
    try:
        with distributed.Client(address or cluster) as client:
            places = {client.submit(work, item, pure=False): i for i, item in enumerate(items)}
            for future in distributed.as_completed(places):
                ended = future.status == "finished"
                yield places[future], future.result() if ended else future.exception()
    finally:
        if cluster:
            cluster.close()
