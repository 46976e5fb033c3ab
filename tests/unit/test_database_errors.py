"""Which answers of a server pass by themselves, and that each other one has its own consequence."""

from __future__ import annotations

import asyncpg
import pytest
from asyncpg import exceptions

from consumer.cli.error_messages import explain
from consumer.infra.postgres.errors import is_data_error, retry_reason

_ERRORS = sorted(
    {
        kind
        for kind in vars(exceptions).values()
        if isinstance(kind, type) and issubclass(kind, asyncpg.PostgresError) and kind.sqlstate
    },
    key=lambda kind: (str(kind.sqlstate), kind.__name__),
)
# Of statements that this program would have to write otherwise: its defects, which keep their traceback.
_DEFECTS = {
    *(
        "03",
        "09",
        "0B",
        "0A",
        "0F",
        "0L",
        "0P",
        "0Z",
        "10",
        "20",
        "21",
        "24",
        "27",
        "2B",
        "2D",
        "2F",
        "34",
        "38",
        "39",
    ),
    *("3B", "3F", "42", "44", "F0", "HV", "P0"),
}
_NO_ERRORS = {"00", "01", "02"}


def test_every_answer_of_a_server_has_its_consequence() -> None:
    """It is waited out, refused as data, or explained in a line; what is none of these is a known defect."""
    for kind in _ERRORS:
        error = kind("said by the server")
        consequences = [retry_reason(error) is not None, is_data_error(error)]
        assert sum(consequences) <= 1, kind
        if not any(consequences) and explain(error) is None:
            assert str(kind.sqlstate)[:2] in _DEFECTS | _NO_ERRORS, kind


@pytest.mark.parametrize(
    "state",
    [
        "25006",  # read-only after a fail-over
        "25P04",  # transaction_timeout, which an administrator has set
        "26000",  # a pooler gave the connection another session
        "08P01",  # a pooler's disconnect
        "57P05",  # idle_session_timeout
        "58030",  # an error of the disk
        "53100",  # a full disk
        "XX000",  # a row of the system catalog changed under a statement
    ],
)
def test_what_passes_by_itself_is_waited_out(state: str) -> None:
    """The reason is the connection: the work is done again on a new one."""
    error = exceptions.PostgresError.new({"C": state, "M": "said by the server", "S": "ERROR"})
    assert retry_reason(error) == "connection"


def test_statements_prepared_before_a_change_are_prepared_again() -> None:
    """A cached plan that has become invalid is no defect; a feature that the server lacks is one."""
    assert retry_reason(asyncpg.InvalidCachedStatementError("cached plan must not change result type"))
    assert retry_reason(asyncpg.FeatureNotSupportedError("no")) is None
