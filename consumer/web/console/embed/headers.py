"""Headers of what is embedded: who may frame it, and that its address goes nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src {styles}; img-src data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors {ancestors}"
)


def headers_of(origins: Sequence[str], *, styles: str = "'self'") -> dict[str, str]:
    """Return the headers of an answer. origins: of pages that may frame it; none: no page may.

    styles: the sources that its policy allows for styles.
    """
    return {
        "Content-Security-Policy": _POLICY.format(styles=styles, ancestors=" ".join(origins) or "'none'"),
        # The address is the authorization.
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
