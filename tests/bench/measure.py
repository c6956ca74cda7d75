"""What the benchmarks share: CPU seconds on one thread and memory of a call, measured in a process of its own."""

import importlib
import multiprocessing
import resource
import time

import threadpoolctl
import torch


def measured(call, *, rounds=1, warm=lambda: None):
    """CPU seconds on one thread (the least of `rounds`), MB held above what was held before, result of call().

    `warm` is called first: what it loads, libraries above all, counts as held before.
    """

    def child(pipe):
        threadpoolctl.threadpool_limits(1)
        torch.set_num_threads(1)
        warm()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds = []
        for _ in range(rounds):
            begin = time.process_time()
            result = call()
            seconds.append(time.process_time() - begin)
        pipe.send(
            (min(seconds), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, result)
        )

    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=child, args=(theirs,))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        process.join()


def peer(name):
    """The module called `name`, or None and a line that says how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"| {name} | not installed: pip install -r tests/bench/requirements.txt |")
        return None
