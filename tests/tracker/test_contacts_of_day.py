"""Contacts of a day: a token names only so many different ones, and those it has named go on."""

from __future__ import annotations

from consumer.web.tracker.contacts_of_day import ContactsOfDay
from consumer.web.tracker.limits import DAY, Exceeded
from tests.builders.tracker import write_key

MIDNIGHT = 1_772_409_600.0


def test_a_day_has_so_many_contacts() -> None:
    """Beyond the limit no new contact is named until midnight of UTC; those that were named go on."""
    contacts, key = ContactsOfDay(3), write_key()
    noon = MIDNIGHT + DAY / 2
    for name in ("ann", "bob", "eve", "ann"):
        assert contacts.take(key, [name], noon) is None
    assert contacts.take(key, ["new"], noon) == Exceeded(3, DAY, DAY // 2 + 1, daily=True, of="contacts")
    assert contacts.take(key, ["eve"], noon) is None
    assert contacts.take(key, ["new"], MIDNIGHT + DAY) is None


def test_tokens_have_contacts_of_their_own() -> None:
    """A token that has named as many contacts as it may takes nothing from another one."""
    contacts = ContactsOfDay(1)
    assert contacts.take(write_key(id="one"), ["ann"], MIDNIGHT) is None
    assert contacts.take(write_key(id="one"), ["bob"], MIDNIGHT) is not None
    assert contacts.take(write_key(id="other"), ["bob"], MIDNIGHT) is None


def test_a_day_begins_with_none() -> None:
    """What was named the day before counts anew."""
    contacts, key = ContactsOfDay(2), write_key()
    for name in ("ann", "bob"):
        assert contacts.take(key, [name], MIDNIGHT) is None
    for name in ("eve", "ann"):
        assert contacts.take(key, [name], MIDNIGHT + DAY) is None
    assert contacts.take(key, ["bob"], MIDNIGHT + DAY) is not None


def test_many_contacts_are_told_apart() -> None:
    """Of 50,000 new contacts hardly one is taken for a known one, and no known one for new."""
    contacts, key = ContactsOfDay(50_000), write_key()
    for number in range(50_000):
        assert contacts.take(key, [f"contact {number}"], MIDNIGHT) is None
    further = [contacts.take(key, [f"further {number}"], MIDNIGHT) for number in range(1000)]
    assert further.count(None) <= 60
    assert all(contacts.take(key, [f"contact {number}"], MIDNIGHT) is None for number in range(0, 50_000, 50))
