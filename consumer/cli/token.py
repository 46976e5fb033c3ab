"""`engagement token`: creates an API token for development."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import jwt

from consumer.cli import SUCCESS, CommandFailedError, print_line
from consumer.cli.arguments import seconds
from consumer.infra.settings import load_settings, variable

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

# Seconds that a link is good for.
_LINK_SECONDS = 300
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
    parser.add_argument(
        "--open",
        action="store_true",
        help="print a link in place of the token: it signs a browser in to the console, once, within 5 minutes",
    )
    parser.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    settings = load_settings(kafka=False, database=False)
    if settings.jwt_secret is None:
        raise CommandFailedError(f"{variable('jwt_secret')} is not set: tokens are signed with it")
    now = int(time.time())
    limits = {"iss": settings.jwt_issuer, "aud": settings.jwt_audience}
    lifetime = _LINK_SECONDS if arguments.open else int(arguments.expires)
    payload = {
        "sub": arguments.actor,
        "account": arguments.account,
        "permissions": [f"engagement:{name}" for name in arguments.permissions or _PERMISSIONS],
        "iat": now,
        "exp": now + lifetime,
        # A token with an id begins one session.
        **({"jti": uuid.uuid4().hex} if arguments.open else {}),
        **{name: value for name, value in limits.items() if value is not None},
    }
    token = jwt.encode(payload, settings.jwt_secret.get_secret_value(), algorithm="HS256")
    if arguments.open:
        host = settings.console_url or f"http://localhost:{settings.http_port}"
        print_line(f"{host}/console/sign-in?token={token}")
    else:
        print_line(token)
    return SUCCESS
