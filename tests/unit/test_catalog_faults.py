"""Faults of catalog documents: all of them, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.catalog import DocumentFaultsError, Fault, parse_document
from consumer.catalog.merge import merge
from consumer.catalog.model.account import AccountCatalog

CATALOGS = Path(__file__).parent.parent / "catalogs"


def faults_of(text: str | bytes, **arguments: object) -> list[Fault]:
    with pytest.raises(DocumentFaultsError) as caught:
        parse_document(text, **arguments)  # type: ignore[arg-type] # each test passes what it is about
    return caught.value.faults


def test_a_document_with_many_faults_is_reported_whole() -> None:
    """Every fault of a document is reported at once, in the order of its lines, with exactly these words."""
    report = (CATALOGS / "faulty.report").read_text("utf-8")
    faults = faults_of((CATALOGS / "faulty.yaml").read_bytes(), stored=AccountCatalog("acme"))
    assert len(faults) >= 12
    assert [str(fault) for fault in faults] == report.splitlines()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("engagement_catalog: 1\naccount: [acme\n", 3, "not YAML"),
        ("engagement_catalog: 1\nname: *nobody\n", 2, "not YAML"),
        ("engagement_catalog: 1\n---\naccount: acme\n", 2, "not YAML"),
        ("engagement_catalog: 1\naccount: acme\nname: a\x01b\n", 3, "a character that YAML does not allow"),
        (b"engagement_catalog: 1\naccount: \xff\n", 2, "not UTF-8"),
        ("%YAML 9.9\n--- {}\n", 1, "not YAML"),
        ("", 1, "the document is empty"),
        ("# nothing\n", 1, "the document is empty"),
        ("- acme\n", 1, "must be a mapping, not a list"),
        ("[\n" * 2_000, 1, "nested too deeply"),
        ("engagement_catalog: 1\naccount: acme\n? [a]\n: 1\n", 3, "a field's name must be text, not a list"),
        ("engagement_catalog: 1\naccount: acme\nname: !!binary aGk=\n", 3, "not a value tagged binary"),
        ('engagement_catalog: 1\naccount: acme\nname: "\\0"\n', 3, "not text with a NUL character"),
        ('engagement_catalog: 1\naccount: acme\nname: "\\uD800"\n', 3, "not text with half of a"),
        ("account: acme\n", 1, "engagement_catalog, the format version, is missing"),
        ("engagement_catalog: 1\n", 1, "account is missing"),
        ("engagement_catalog: 1\naccount: acme\ngroups: &g [*g]\n", 3, "must be a mapping, not a list"),
        ("engagement_catalog: 1\naccount: acme\nretention: 23h\n", 3, "from 1d to 36500d"),
        ("engagement_catalog: 1\naccount: acme\nretention: [1]\n", 3, "a duration like 30m, 24h or 7d"),
    ],
)  # fmt: skip
def test_what_is_not_a_document_says_where(text: str | bytes, line: int, words: str) -> None:
    """What is not YAML, not UTF-8 or not a document is a fault with its line, never another error."""
    fault = faults_of(text)[0]
    assert fault.line == line
    assert words in fault.message


def test_the_account_asked_for_must_be_the_documents() -> None:
    """A document of another account than the one asked for is refused; one that names none takes that one."""
    assert faults_of("engagement_catalog: 1\naccount: acme\n", account="globex") == [
        Fault(2, "the document is for account acme, not globex")
    ]
    assert parse_document("engagement_catalog: 1\n", account="globex").account == "globex"


def test_an_existing_definition_needs_only_what_changes() -> None:
    """Fields that only a new entry needs are missing from a document only while the entry is new."""
    text = "engagement_catalog: 1\naccount: acme\ndefinitions:\n  - {key: won, default_points: 5}\n"
    minimal = parse_document((CATALOGS / "minimal.yaml").read_bytes())
    assert parse_document(text, stored=merge(AccountCatalog("acme"), minimal)).definitions[0].values == {
        "default_points": 5
    }
    assert faults_of(text, stored=AccountCatalog("acme")) == [
        Fault(4, "definition won is new: name, group, icon, events are missing")
    ]


@pytest.mark.parametrize(
    ("profiles", "line", "found"),
    [
        ("  - {key: a, name: A}\n", 4, "none"),
        ("  - {key: a, name: A, primary: true}\n  - {key: b, name: B, primary: true}\n", 5, "a and b"),
    ],
)
def test_exactly_one_profile_is_primary(profiles: str, line: int, found: str) -> None:
    """An account whose profiles would have no primary, or two, is refused."""
    text = "engagement_catalog: 1\naccount: acme\nprofiles:\n" + profiles
    assert faults_of(text, stored=AccountCatalog("acme")) == [
        Fault(line, f"profiles: exactly one must be primary, not {found}")
    ]
