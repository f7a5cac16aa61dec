"""Processes of tests that begin as forks of one that has imported what they need and has no thread.

Owns: that one, which all tests of a process share, and what it imports. Does not own: what is run in them. To import takes ten
times as long as to start, so whoever starts such processes says when it is imported what they need.
"""

import multiprocessing

FORKS = multiprocessing.get_context("forkserver")
_NEEDED = ["pytest"]
"""Each process imports what runs the tests, as its `__main__`."""


def needs(*modules: str) -> None:
    """Have these imported before the first process starts, besides what others said: `set_forkserver_preload` forgets that."""
    _NEEDED.extend(modules)
    FORKS.set_forkserver_preload(list(_NEEDED))
