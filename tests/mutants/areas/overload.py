"""Mutants of what holds against clients that stall, and against accounts that ask for too much."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        "half-sent-not-displaced",
        breaks="half-sent requests take all places of the HTTP server",
        test="tests/unit/test_http_server.py::test_half_sent_requests_displace_nobody_who_sends",
        edits=(
            Edit(
                "consumer/infra/http_connections.py",
                old="displaced = next(iter(self._waiting), None)",
                new="displaced = None",
            ),
        ),
    ),
    Mutant(
        "headers-begin-anew",
        breaks="a byte now and then keeps a half-sent request open for ever",
        test="tests/unit/test_http_server.py::test_headers_have_ten_seconds",
        edits=(
            Edit(
                "consumer/infra/http_connections.py",
                old="        self._received += len(data)\n",
                new='        self._received += len(data)\n        self._awaited = ""\n',
            ),
        ),
    ),
    Mutant(
        "share-unbounded",
        breaks="one account takes all slots",
        test="tests/unit/test_fair_slots.py::test_an_account_has_no_more_than_its_share",
        edits=(
            Edit(
                "consumer/web/http/fair_slots.py",
                old="return self._free > 0 and self._held[account] < self._share",
                new="return self._free > 0",
            ),
        ),
    ),
    Mutant(
        "known-keys-wait",
        breaks="a JWKS that hangs delays tokens whose keys are known",
        test="tests/web/test_tokens.py::test_a_jwks_that_hangs_delays_no_known_key",
        edits=(
            Edit(
                "consumer/web/http/jwt_keys.py",
                old="        if key_id not in self._keys:\n",
                new="        if True:\n",
            ),
        ),
    ),
)
