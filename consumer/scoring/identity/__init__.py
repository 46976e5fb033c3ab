"""Carries out joins and deletions of contacts: what is stored becomes what the facts say (docs/semantics.md §8).

`carry_out.py` is one transaction over the contacts that joins connect: `cluster.py` reads and locks them and says
what each should be, `entries.py` moves, removes and judges entries, `scores.py` makes scores and messages anew.
"""

from consumer.scoring.identity.carry_out import (
    CarriedOut,
    carry_out,
    due_contacts,
    may_carry_out,
    postpone,
)

__all__ = ["CarriedOut", "carry_out", "due_contacts", "may_carry_out", "postpone"]
