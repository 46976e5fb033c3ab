"""`engagement token`: a token for development."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from consumer.cli import SUCCESS, CommandFailedError, say
from consumer.cli.arguments import Commands, command, seconds
from consumer.infra import settings
from consumer.infra.settings import variable

if TYPE_CHECKING:
    from argparse import Namespace

_PERMISSIONS = ("read", "manage", "operate")


def register(commands: Commands) -> None:
    """Add the command."""
    added = command(
        commands,
        "token",
        "mint a token for the API, for development",
        f"Prints a bearer token that is signed with {variable('jwt_secret')}. In production tokens come from "
        "whoever logs people in.",
    )
    added.add_argument("--account", metavar="ID", required=True, help="which account; * for all")
    added.add_argument("--actor", default="developer", help="who it is, for the audit trail (%(default)s)")
    added.add_argument(
        "--permission",
        action="append",
        choices=_PERMISSIONS,
        dest="permissions",
        help="may be given several times (default: all)",
    )
    added.add_argument(
        "--expires", type=seconds, default=8 * 3600, metavar="DURATION", help="in how long (default: 8h)"
    )
    added.set_defaults(handler=_handle)


def _handle(arguments: Namespace) -> int:
    import jwt  # noqa: PLC0415 - see the package's docstring

    made = settings.load(unneeded=frozenset({"kafka_bootstrap", "database_url"}))
    if made.jwt_secret is None:
        raise CommandFailedError(f"{variable('jwt_secret')} is not set: nothing to sign with")
    now = int(time.time())
    limits = {"iss": made.jwt_issuer, "aud": made.jwt_audience}
    payload = {
        "sub": arguments.actor,
        "account": arguments.account,
        "permissions": [f"engagement:{name}" for name in arguments.permissions or _PERMISSIONS],
        "iat": now,
        "exp": now + int(arguments.expires),
        **{name: value for name, value in limits.items() if value is not None},
    }
    say(jwt.encode(payload, made.jwt_secret.get_secret_value(), algorithm="HS256"))
    return SUCCESS
