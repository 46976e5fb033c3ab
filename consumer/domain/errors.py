"""Errors that several packages raise, and that the command line and the API explain."""


class UnknownAccountError(Exception):
    """There is no such account; `engagement catalog apply` creates one."""
