"""`engagement token`: creates an API token for development."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import jwt

from consumer.cli import SUCCESS, CommandFailedError, print_line
from consumer.cli.arguments import seconds
from consumer.infra.settings import load_settings, variable

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_PERMISSIONS = ("read", "manage", "operate")


def configure(parser: ArgumentParser) -> None:
    """Add the command's arguments and handler."""
    parser.description = (
        f"Prints a bearer token signed with {variable('jwt_secret')}. In production your identity provider "
        "issues the tokens."
    )
    parser.add_argument("--account", metavar="ID", required=True, help="the account; * for all accounts")
    parser.add_argument(
        "--actor", default="developer", help="the caller's name in the audit trail (default: %(default)s)"
    )
    parser.add_argument(
        "--permission",
        action="append",
        choices=_PERMISSIONS,
        dest="permissions",
        help="a permission; may be repeated (default: all)",
    )
    parser.add_argument(
        "--expires", type=seconds, default=8 * 3600, metavar="DURATION", help="lifetime (default: 8h)"
    )
    parser.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    settings = load_settings(kafka=False, database=False)
    if settings.jwt_secret is None:
        raise CommandFailedError(f"{variable('jwt_secret')} is not set: tokens are signed with it")
    now = int(time.time())
    limits = {"iss": settings.jwt_issuer, "aud": settings.jwt_audience}
    payload = {
        "sub": arguments.actor,
        "account": arguments.account,
        "permissions": [f"engagement:{name}" for name in arguments.permissions or _PERMISSIONS],
        "iat": now,
        "exp": now + int(arguments.expires),
        **{name: value for name, value in limits.items() if value is not None},
    }
    print_line(jwt.encode(payload, settings.jwt_secret.get_secret_value(), algorithm="HS256"))
    return SUCCESS
