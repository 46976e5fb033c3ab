"""What a catalog document means: YAML 1.2, exact numbers, defaults, order, editions, versions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import catalogs
from consumer.catalog import parse_document
from consumer.catalog.document.parse import icon_names
from consumer.catalog.merge import display_order, merge
from consumer.catalog.model.account import AccountCatalog, DedupPolicy, DefinitionWeight
from consumer.catalog.model.conditions import condition_mapping, conditions_from_json
from schemas.exact_json import exact_json
from schemas.vocabulary import INPUT_TOPICS, Per, Policy
from tests.builders.catalog_documents import MINIMAL_YAML


def applied(state: AccountCatalog, text: str) -> AccountCatalog:
    head = "" if text.startswith("engagement_catalog") else "engagement_catalog: 1\naccount: acme\n"
    return merge(state, parse_document(head + text, stored=state))


def minimal() -> AccountCatalog:
    return applied(AccountCatalog("acme"), MINIMAL_YAML)


def definition(fields: str) -> str:
    return f"definitions:\n  - {{key: won, {fields}}}\n"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ('"5"', "5"),
        ("!!str 5", "5"),
        ("5", 5),
        ("007", 7),
        ("0o17", 15),
        ("0x1f", 31),
        ("1e2", 100),
        ("-0.0", 0),
        ("0.10", Decimal("0.1")),
        ("100.00000000000000000001", Decimal("100.00000000000000000001")),
        ("9007199254740993", 9007199254740993),
        ("true", True),
    ],
)
def test_scalars_are_those_of_yaml_1_2(written: str, value: object) -> None:
    """Plain scalars are read by the core schema of YAML 1.2: numbers exact, dates and `on` as text."""
    text = definition(f"when: [{{path: a, op: eq, value: {written}}}]")
    (condition,) = applied(minimal(), text).definitions["won"].when
    assert condition.value == value
    assert type(condition.value) is type(value)
    assert conditions_from_json(exact_json([condition_mapping(condition)])) == (condition,)


def test_what_a_document_leaves_out_of_a_new_entry_takes_its_default() -> None:
    """A new definition is active, takes always, per contact, without conditions and XP; a new account has UTC."""
    state = applied(
        AccountCatalog("acme"),
        "groups: [{key: deals, name: Deals, icon: cart}]\n"
        + definition("name: Won, group: deals, icon: flag, default_points: 1, events: [deal.won]"),
    )
    won = state.definitions["won"]
    assert (won.active, won.when, won.dedup, won.xp, won.edition) == (True, (), DedupPolicy(), 0, 1)
    assert state.settings is not None
    assert (state.settings.name, state.settings.time_zone, state.settings.retention_seconds) == (
        "acme",
        "UTC",
        None,
    )
    profile = state.profiles["lead_score"]
    assert profile.primary
    assert profile.version is not None
    assert profile.version.weights == {"won": DefinitionWeight(1, "deals")}


def test_what_a_document_leaves_out_of_an_entry_keeps_its_value() -> None:
    """A definition that is listed changes only in the fields given, and one left out not at all."""
    before = minimal()
    after = applied(before, definition("default_points: 11"))
    assert after.definitions == {
        **before.definitions,
        "won": replace(before.definitions["won"], default_points=11),
    }
    assert applied(after, "sales: true\n").definitions == after.definitions


def test_a_dedup_that_is_given_is_given_whole() -> None:
    """Within `dedup` what is left out takes its default: `{policy: once}` is per contact, whatever was stored."""
    won = applied(minimal(), definition("dedup: {policy: once}")).definitions["won"]
    assert (won.dedup, won.edition) == (DedupPolicy(Policy.ONCE, None, Per.CONTACT), 2)


@pytest.mark.parametrize(
    ("dedup", "edition"),
    [
        ("{policy: cooldown, interval: 1d}", 1),
        ("{policy: cooldown, interval: 24h, per: contact}", 1),
        ("{policy: cooldown, interval: 86400s}", 1),
        ("{policy: cooldown, interval: 25h}", 2),
        ("{policy: cooldown, interval: 1d, per: object}", 2),
        ("{policy: once}", 2),
    ],
)
def test_a_change_of_policy_interval_or_scope_opens_an_edition(dedup: str, edition: int) -> None:
    """The next edition opens when policy, interval or scope change; `24h` and `1d` are the same interval."""
    state = applied(minimal(), f"definitions: [{{key: opened, dedup: {dedup}}}]\n")
    assert state.definitions["opened"].edition == edition
    back = applied(state, "definitions: [{key: opened, dedup: {policy: cooldown, interval: 1d}}]\n")
    assert back.definitions["opened"].edition == (3 if edition == 2 else 1)


@pytest.mark.parametrize(
    ("listed", "order"),
    [
        ("abc", "abc"),
        ("cba", "cba"),
        ("x", "abcx"),
        ("ca", "cba"),
        ("cxa", "cbxa"),
        ("xabc", "xabc"),
        ("", "abc"),
    ],
)
def test_order_is_display_order(listed: str, order: str) -> None:
    """What a document lists is in its order, what it leaves out keeps its place, newcomers go to the end."""
    assert "".join(display_order(list("abc"), list(listed))) == order
    assert "".join(display_order(list(order), list(listed))) == order


def counted(state: AccountCatalog, *keys: str) -> AccountCatalog:
    """Return the account after events have counted under these definitions."""
    definitions = {
        key: replace(each, counted=each.counted or key in keys) for key, each in state.definitions.items()
    }
    return replace(state, definitions=definitions, has_history=True)


NEWCOMER = "name: Order, group: deals, icon: bag, events: [order.placed]"


def weights(state: AccountCatalog, profile: str = "lead_score") -> dict[str, DefinitionWeight]:
    version = state.profiles[profile].version
    assert version is not None
    return version.weights


def test_a_definition_joins_the_published_version_and_follows_the_catalog_until_it_counts() -> None:
    """A newcomer has the catalog's points and group in the published version until it first counts."""
    state = applied(
        counted(minimal(), "won"), f"definitions: [{{key: order, default_points: 4, {NEWCOMER}}}]\n"
    )
    assert weights(state)["order"] == DefinitionWeight(4, "deals", joined=True)
    state = applied(state, "definitions: [{key: order, default_points: 6, group: mail}]\n")
    assert weights(state)["order"] == DefinitionWeight(6, "mail", joined=True)
    state = applied(counted(state, "order"), "definitions: [{key: order, default_points: 7, group: deals}]\n")
    assert weights(state)["order"] == DefinitionWeight(6, "mail", joined=True)


def test_a_definition_joins_with_the_weight_that_was_published_for_it() -> None:
    """A newcomer joins with the profile's own weight as published, not as drafted since."""
    state = applied(minimal(), "profiles: [{key: lead_score, published: true, weights: {order: 40}}]\n")
    state = applied(counted(state), "profiles: [{key: lead_score, weights: {order: 50}}]\n")
    state = applied(state, f"definitions: [{{key: order, default_points: 4, {NEWCOMER}}}]\n")
    assert weights(state)["order"] == DefinitionWeight(40, "deals", joined=True)


def test_a_definition_does_not_join_a_profile_that_inherits_nothing() -> None:
    """A newcomer joins only the published versions of profiles that inherit."""
    state = applied(minimal(), "profiles: [{key: own, name: Own, inherits: false, published: true}]\n")
    state = applied(counted(state), f"definitions: [{{key: order, default_points: 4, {NEWCOMER}}}]\n")
    assert "order" not in weights(state, "own")
    assert weights(state, "own")["won"] == DefinitionWeight(0, "deals")


def test_published_weights_stand_until_a_document_with_profiles_publishes() -> None:
    """Changed points wait in the catalog; without history a document that lists the profile publishes them."""
    state = applied(minimal(), definition("default_points: 99"))
    assert weights(state)["won"] == DefinitionWeight(10, "deals")
    withheld = applied(state, "profiles: [{key: lead_score, published: false}]\n")
    assert weights(withheld)["won"] == DefinitionWeight(10, "deals")
    waiting = applied(counted(state), "profiles: [{key: lead_score, published: true}]\n")
    assert weights(waiting)["won"] == DefinitionWeight(10, "deals")
    published = applied(state, "profiles: [{key: lead_score, published: true}]\n")
    assert weights(published)["won"] == DefinitionWeight(99, "deals")
    version = published.profiles["lead_score"].version
    assert version is not None
    assert version.number == 2


def test_a_primary_profile_is_published_on_creation() -> None:
    """`published: false` withholds later changes, but never the first version of a primary profile."""
    state = applied(AccountCatalog("acme"), MINIMAL_YAML.replace("published: true", "published: false"))
    assert weights(state)["won"] == DefinitionWeight(10, "deals")
    draft = applied(state, "profiles: [{key: other, name: Other}]\n").profiles["other"]
    assert draft.version is None


def test_the_starting_catalog_covers_every_product_topic() -> None:
    """The starting catalog has no faults, three groups, every policy, and takes events of all nine topics."""
    document = parse_document(catalogs.starting("globex", "Globex Corp."), stored=AccountCatalog("globex"))
    state = merge(AccountCatalog("globex"), document)
    prefixes = {event.split(".")[0] for each in state.definitions.values() for event in each.events}
    topic_of = {"order": "sales", "track": "tracked"}
    assert {topic_of.get(each, each + "s") for each in prefixes} == set(INPUT_TOPICS)
    assert list(state.groups) == ["support", "purchase", "marketing"]
    assert {each.dedup.policy for each in state.definitions.values()} == set(Policy)
    assert {each.dedup.per for each in state.definitions.values()} == set(Per)
    assert any(each.default_points < 0 for each in state.definitions.values())
    assert any(each.xp for each in state.definitions.values())
    overall = state.profiles["lead_score"].overall
    assert (overall.floor, overall.cap, [band.key for band in overall.bands]) == (
        0,
        100,
        ["cold", "warm", "hot"],
    )


def test_the_list_of_icons_is_closed() -> None:
    """There are some forty icons, and each is named once."""
    assert len(icon_names()) >= 40
    assert catalogs.icons().count("\n  - ") == len(icon_names())


@given(st.text() | st.binary())
def test_no_text_is_an_error_of_another_kind(text: Any) -> None:
    """Whatever is given for a document is a document or has faults."""
    try:
        parse_document(text)
    except Exception as error:  # noqa: BLE001 - that it is no other is what is proved
        assert type(error).__name__ == "DocumentFaultsError"  # noqa: PT017 - it may also be a document
