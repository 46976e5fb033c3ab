"""The document of an account, without a database: whatever an account holds, its document says exactly that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.catalog import DEFAULT_LIMITS, parse_document
from consumer.catalog.diff import differences
from consumer.catalog.document.parse import icon_names
from consumer.catalog.export import document_text
from consumer.catalog.merge import merge
from consumer.catalog.model.account import (
    AccountCatalog,
    AccountSettings,
    DedupPolicy,
    Definition,
    Group,
    Profile,
)
from consumer.catalog.model.conditions import Condition, Op, canonical_number
from consumer.domain.frame import PLAIN, Band, Frame
from schemas.vocabulary import Per, Policy

# No surrogates, no control characters; the words of older YAML and its indicators often.
NAMES = st.sampled_from(
    ["yes", "null", "5", "1e3", "- a", "a: b", "#", "'", '"', "~", "2024-01-01", " a "]
) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
POINTS = st.integers(-1_000_000, 1_000_000)
NUMBERS = st.decimals(-10_000_000, 10_000_000, places=8).map(canonical_number)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALARS = NUMBERS | TEXTS | st.booleans()
CONDITIONS = st.builds(Condition, NAMES, st.none(), st.sampled_from([Op.EQ, Op.NE]), SCALARS) | st.builds(
    Condition, NAMES, st.none(), st.just(Op.IN), st.lists(TEXTS, min_size=1, max_size=3).map(tuple)
)
DEDUPS = st.builds(
    DedupPolicy, st.sampled_from([Policy.ALWAYS, Policy.ONCE]), st.none(), st.sampled_from(Per)
) | (st.builds(DedupPolicy, st.just(Policy.COOLDOWN), st.integers(1, 366 * 86_400), st.sampled_from(Per)))
ICONS = st.sampled_from(sorted(icon_names()))


_NOT = st.just(False)


@st.composite
def frames(draw: st.DrawFn, apart: st.SearchStrategy[bool] = _NOT) -> Frame:
    """Draw a frame whose bands can all be reached."""
    floor, cap = draw(st.none() | st.integers(-50, 0)), draw(st.none() | st.integers(40, 100))
    least = -100 if floor is None else floor + 1
    leasts = draw(st.lists(st.integers(least, 40), max_size=9, unique=True))
    band_keys = draw(st.permutations(["cold", "warm", "hot", *"ABCDEF", "x_1"]))
    bands = [Band(key, least) for key, least in zip(band_keys, [None, *sorted(leasts)], strict=False)]
    return Frame(floor, cap, draw(apart), tuple(bands) if leasts else ())


@st.composite
def states(draw: st.DrawFn) -> AccountCatalog:
    groups = draw(
        st.lists(st.builds(Group, KEYS, NAMES, ICONS), min_size=1, max_size=3, unique_by=lambda g: g.key)
    )
    definition = st.builds(
        Definition,
        key=KEYS,
        name=NAMES,
        group=st.sampled_from([group.key for group in groups]),
        icon=ICONS,
        default_points=POINTS,
        events=st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple),
        active=st.booleans(),
        when=st.lists(CONDITIONS, max_size=3).map(tuple),
        dedup=DEDUPS,
        xp=st.integers(0, 1_000_000),
        edition=st.just(1),
        counted=st.just(False),
    )
    profile = st.builds(
        Profile,
        key=KEYS,
        name=NAMES,
        description=st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n")),
        primary=st.just(False),
        inherits=st.booleans(),
        weights=st.dictionaries(KEYS, POINTS, max_size=3),
        overall=frames(),
        groups=st.dictionaries(
            st.sampled_from([group.key for group in groups]),
            frames(st.booleans()).filter(lambda f: f != PLAIN),
        ),
        version=st.none(),
    )
    profiles = draw(st.lists(profile, min_size=1, max_size=3, unique_by=lambda p: p.key))
    primary = Profile("primary_profile", "Primary", primary=True)
    settings = st.builds(
        AccountSettings,
        name=NAMES,
        engagement=st.booleans(),
        sales=st.booleans(),
        time_zone=st.sampled_from(["UTC", "Europe/Paris", "Etc/GMT+5"]),
        count_robots=st.booleans(),
    )
    definitions = draw(st.lists(definition, max_size=3, unique_by=lambda d: d.key))
    return AccountCatalog(
        "acme",
        draw(settings),
        {each.key: each for each in groups},
        {each.key: each for each in definitions},
        {each.key: each for each in [*profiles, primary]},
    )


@given(states())
def test_an_exported_document_says_what_the_account_holds(state: AccountCatalog) -> None:
    """Applied to nothing, the document of an account makes that account; applied to it, it changes nothing."""
    assert state.settings is not None
    text = document_text(state, state.settings)
    document = parse_document(text.encode(), stored=AccountCatalog("acme"))
    made = merge(AccountCatalog("acme"), document)
    assert made.settings == state.settings
    assert list(made.groups.items()) == list(state.groups.items())
    assert list(made.definitions.items()) == list(state.definitions.items())
    assert list(made.profiles) == list(state.profiles)
    for key, profile in state.profiles.items():
        assert made.profiles[key].weights == profile.weights
        assert made.profiles[key].description == profile.description
        assert made.profiles[key].overall == profile.overall
        assert made.profiles[key].groups == profile.groups
    assert made.settings is not None
    exported = document_text(made, made.settings)
    again, unchanged = differences(made, parse_document(exported), DEFAULT_LIMITS)
    assert again == []
    assert unchanged == made
    assert document_text(unchanged, made.settings) == exported
