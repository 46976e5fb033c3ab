"""Limits on open files: raised for servers, and named where a connection failed for one.

aiokafka's errors hide the reason.
"""

from __future__ import annotations

import errno
import os
import resource
import socket

_WANTED = 65_536
_LIMITS = {
    errno.EMFILE: "this process may have no more of them than {limit}: raise its limit (ulimit -n)",
    errno.ENFILE: "this machine has no more of them: raise fs.file-max, or find what holds them",
}


def raise_limit() -> int:
    """Raise the limit on open files of this process to 65,536 where it may; return how many it can count on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def reason_of(error: BaseException) -> str:
    """Return why a connection failed, in one line: the limit on open files if it is reached now, else the error."""
    return no_more_files() or repr(error)


def no_more_files() -> str | None:
    """Return why this process can open no socket, None if it can open one."""
    try:
        socket.socket().close()
    except OSError as error:
        if explained := _LIMITS.get(error.errno or 0):
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            return f"{os.strerror(error.errno or 0).lower()}: {explained.format(limit=limit)}"
    return None
