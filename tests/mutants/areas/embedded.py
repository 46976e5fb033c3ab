"""Mutants of contacts in pages of the host product."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        "token-for-any-path",
        breaks="the token of one contact's address opens every other one",
        test="tests/console/test_embed.py::test_an_address_is_good_for_what_it_names_alone",
        edits=(
            Edit(
                "consumer/web/http/embed_addresses.py",
                old="return embed if embed.path == path else None",
                new="return embed",
            ),
        ),
    ),
    Mutant(
        "address-for-ever",
        breaks="an address does not expire",
        test="tests/console/test_embed.py::test_an_address_expires",
        edits=(
            Edit(
                "consumer/web/http/embed_addresses.py",
                old="return datetime.now(UTC).timestamp() >= self.expires_at",
                new="return False",
            ),
        ),
    ),
    Mutant(
        "framed-by-all",
        breaks="pages of any origin frame a panel",
        test="tests/console/test_embed.py::test_only_allowed_origins_frame_a_panel",
        edits=(
            Edit(
                "consumer/web/console/embed/headers.py",
                old="""ancestors=" ".join(origins) or "'none'\"""",
                new="""ancestors="*\"""",
            ),
        ),
    ),
)
