"""The same work on many items: every one is done, wherever that is."""

import os
import threading

import pytest

from labutils.book import workers


def square(x):
    return x * x


def where(_):
    return os.getpid(), threading.get_ident()


def fails(x):
    raise RuntimeError(f"no {x}")


@pytest.mark.parametrize("options", [{}, {"jobs": 2}, {"jobs": 2, "threads": True}], ids=str)
def test_every_item_is_done_once(options):
    assert dict(workers.each(square, [3, 4, 5], **options)) == {0: 9, 1: 16, 2: 25}


def test_one_job_stays_here_and_threads_stay_in_this_process():
    assert dict(workers.each(where, [0]))[0] == (os.getpid(), threading.get_ident())
    assert {pid for _, (pid, _) in workers.each(where, range(4), jobs=2, threads=True)} == {os.getpid()}
    assert os.getpid() not in {pid for _, (pid, _) in workers.each(where, range(4), jobs=2)}


def test_on_dask_every_item_is_done_and_a_failure_is_told():
    pytest.importorskip("dask.distributed")
    assert dict(workers.each(square, [3, 4], jobs=1, backend="dask")) == {0: 9, 1: 16}
    ((place, outcome),) = workers.each(fails, ["x"], jobs=1, backend="dask")
    assert place == 0 and isinstance(outcome, RuntimeError) and str(outcome) == "no x"


@pytest.mark.parametrize(
    "options, message",
    [({"backend": "slurm"}, "slurm"), ({"jobs": 0}, "jobs"), ({"address": "tcp://a:1"}, "with 'dask' alone")],
)
def test_bad_options_are_named_before_any_work(options, message):
    with pytest.raises(ValueError, match=message):
        workers.each(square, [1], **options)
