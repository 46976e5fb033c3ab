"""Robots among the tracker's callers: every rule of catalogs/robots.yaml, the file's faults, scans of mails."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest

import catalogs
from consumer.catalog import DocumentFaultsError
from consumer.web.tracker.robots.document import Example, load_robots, parse_robots
from consumer.web.tracker.robots.mail_scans import Mail, MailScans
from consumer.web.tracker.robots.rules import CRAWLER
from tests.builders.tracker import CHROME

if TYPE_CHECKING:
    from pathlib import Path

OURS = load_robots()
HEAD = "engagement_robots: 1\nmail_scans: {links: 2, within: 2s}\n"
MAIL = Mail("shop", "ann", "mail-1")


def found(text: str) -> str | None:
    """Return the rule that our file has for a user agent or an address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return OURS.robots.rule_of(text, None)
    return OURS.robots.rule_of(CHROME, text)


@pytest.mark.parametrize("example", OURS.examples, ids=lambda one: f"{one.rule.name}:{one.text[:30]}")
def test_each_rule_is_right_about_its_examples(example: Example) -> None:
    """What a rule catches is a robot's by its name, a person's by an exception; what it passes is neither."""
    is_exception = example.rule in OURS.robots.people
    if example.is_caught:
        assert found(example.text) == (None if is_exception else example.rule.name)
    else:
        assert found(example.text) != example.rule.name


def test_every_rule_has_both_examples() -> None:
    """Each rule of our file has something that it must match, and something that it must not."""
    rules = {*OURS.robots.people, *OURS.robots.robots}
    for is_caught in (True, False):
        assert {one.rule for one in OURS.examples if one.is_caught is is_caught} == rules


@pytest.mark.parametrize(
    ("user_agent", "rule"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", CRAWLER),
        ("curl/8.14.1", CRAWLER),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0.0.0 Safari/537.36",
            CRAWLER,
        ),
        (CHROME, None),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", None),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.13801; Pro)", None),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0", None),
        (None, None),
    ],
)
def test_crawlers_are_known_by_a_list(user_agent: str | None, rule: str | None) -> None:
    """The package's list recognises crawlers and tools; browsers, mail programs and the unknown are people."""
    assert OURS.robots.rule_of(user_agent, None) == rule


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("::ffff:40.94.20.14", "outlook_safelinks"),
        ("unknown", None),
        ("", None),
        ("fe80::1%eth0", None),
        (None, None),
    ],
)
def test_addresses_of_any_form(address: str | None, rule: str | None) -> None:
    """An IPv4 address may come in the form of IPv6; what is no address is in no network."""
    assert OURS.robots.rule_of(CHROME, address) == rule


def test_a_file_takes_the_place_of_ours(tmp_path: Path) -> None:
    """Rules of an operator's file hold alone; without `crawlers: true` the package's list does not."""
    file = tmp_path / "robots.yaml"
    file.write_text(HEAD + "robots:\n- {name: own, user_agents: [OWN], catches: [my own], passes: [other]}\n")
    robots = load_robots(file).robots
    assert [robots.rule_of(text, None) for text in ("x Own/1", "curl/8", "Mozilla/5.0")] == [
        "own",
        None,
        None,
    ]


FAULTY = """\
engagement_robots: 2
mail_scans: {links: 1, within: soon}
crawler: true
people:
- {name: a, networks: [10.0.0.0/8], catches: [10.0.0.1], passes: [x]}
robots:
- {name: a, user_agents: [bot], catches: [robot, human], passes: [bothy]}
- {name: a, exactly: [5], catches: [], passes: [x]}
- name: b
  networks: [10.0.0.1/8, nowhere]
  catches: [10.0.0.1]
  passes: []
- {user_agents: [""]}
"""


def test_faults_are_reported_at_once() -> None:
    """All faults of the file are reported together, each with its line: an example that does not hold is one."""
    with pytest.raises(DocumentFaultsError) as error:
        parse_robots(FAULTY)
    assert [str(fault) for fault in error.value.faults] == [
        "line 1: engagement_robots must be 1, not 2",
        "line 2: mail_scans: links must be a whole number from 2 to 100, not 1",
        'line 2: mail_scans: within must be a duration like 30m, 24h or 7d, not "soon"',
        'line 3: unknown key "crawler", did you mean crawlers?',
        "line 5: people: a: people are known by their user agent only",
        'line 5: people: a: does not catch "10.0.0.1"',
        'line 7: robots: a: does not catch "human"',
        'line 7: robots: a: does not pass "bothy"',
        "line 8: robots: a: the name is taken",
        "line 8: robots: a: exactly must be texts, not 5",
        "line 8: robots: a: catches is empty",
        'line 10: robots: b: networks must be like 192.0.2.0/24 or 2001:db8::/32, not "10.0.0.1/8"',
        'line 10: robots: b: networks must be like 192.0.2.0/24 or 2001:db8::/32, not "nowhere"',
        'line 11: robots: b: does not catch "10.0.0.1"',
        "line 12: robots: b: passes is empty",
        "line 13: robots: user_agents must be texts of 1 to 512 characters",
        "line 13: robots: name is missing",
        "line 13: robots: catches is missing",
        "line 13: robots: passes is missing",
    ]


def test_the_package_has_the_file() -> None:
    """Our file is read from the installed package, and has every section."""
    assert parse_robots(catalogs.robots()).examples == OURS.examples
    assert OURS.robots.knows_crawlers


# --- scans of mails ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requests", "at", "is_scan"),
    [
        ([(0, "a")], 0, False),
        ([(0, "a"), (1, "a")], 1, False),
        ([(0, "a"), (1, "b")], 1, True),
        # The first of a scan is known for one once the next has come.
        ([(0, "a"), (2, "b")], 0, True),
        ([(0, "a"), (2.1, "b")], 0, False),
        ([(0, "a"), (1, "b")], 60, False),
    ],
)
def test_a_scan_is_several_links_at_once(requests: list[tuple[float, str]], at: float, is_scan: bool) -> None:
    """Different links of one mail within two seconds are a scan; one link twice, or a later one, is none."""
    scans = MailScans(OURS.scan_links, OURS.scan_seconds)
    for when, url in requests:
        scans.note(MAIL, url, when)
    assert scans.is_scan(MAIL, at) is is_scan
    assert not scans.is_scan(MAIL._replace(contact="bob"), at)


def test_scans_are_remembered_within_bounds() -> None:
    """Mails and requests are bounded: the mail that was asked about longest ago is forgotten."""
    scans = MailScans(2, 2, most_mails=2)
    others = [MAIL._replace(object_id=str(number)) for number in range(2)]
    for url in ("a", "b"):
        for mail in (MAIL, others[0]):
            scans.note(mail, url, 0)
    scans.note(others[1], "a", 0)
    assert [scans.is_scan(mail, 0) for mail in (MAIL, *others)] == [False, True, False]
    for number in range(1000):
        scans.note(others[1], str(number), number)
    assert scans.is_scan(others[1], 999)
    assert not scans.is_scan(others[1], 10)
