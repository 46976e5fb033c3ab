"""Looks for garbage rarely, in processes that make and free many objects with almost no cycles among them."""

from __future__ import annotations

import gc

# Objects made beyond those freed, before new ones are looked through.
_MANY = 100_000


def collect_garbage_rarely() -> None:
    """Look for cycles rarely, from now on, and never among what is there now.

    A batch, or the page of a list, makes and frees up to tens of thousands of objects: looking through them takes
    a twentieth of a process's time. To look through what the program consists of takes a tenth of a second,
    without an answer.
    """
    gc.freeze()
    gc.set_threshold(_MANY)
