"""Settings: all faults at once, no secret shown, and the README's table held against the code."""

from __future__ import annotations

import os
import re
import traceback
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from consumer.infra import setting_types
from consumer.infra.settings import PREFIX, Settings, SettingsError, load_settings, variable
from consumer.infra.settings_table import markdown_table

README = Path(__file__).parents[2] / "README.md"
CONTRACTS = Path(__file__).parents[2] / "docs" / "contracts.md"
PASSWORD = "hunter2-secret"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def _set(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(variable(name), value)


def _set_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(
        monkeypatch,
        database_url=f"postgresql://app:{PASSWORD}@db:5432/app",
        kafka_bootstrap="k1:9092, k2:9092",
    )


def test_defaults_need_nothing_but_the_two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the database's and the brokers' addresses set, everything else has its default."""
    _set_needed(monkeypatch)
    settings = load_settings()
    assert settings.kafka_bootstrap == "k1:9092,k2:9092"
    assert settings.kafka_group == "engagement"
    assert settings.start == "earliest"
    assert len(settings.topics) == 9
    assert settings.topic_prefix == ""
    assert settings.claim_window == timedelta(days=90)
    assert (settings.dead_letter_days, settings.sample_days) == (90, 30)
    assert settings.topic("deals") == "deals"


def test_all_faults_are_reported_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing, wrong or contradictory is named in one error, each by its variable."""
    _set(
        monkeypatch,
        kafka_bootstrap="no-port",
        http_port="eighty",
        log_level="loud",
        topics="deals,deals",
        claim_window="90 days",
        kafka_security_protocol="SASL_SSL",
        kafka_ssl_cert_file=str(README.parent / "pyproject.toml"),
        databse_url="postgresql://db/app",
    )
    with pytest.raises(SettingsError) as raised:
        load_settings()
    faults = raised.value.faults
    assert [fault.split()[0].removeprefix(PREFIX) for fault in faults] == [
        "DATABASE_URL",
        "KAFKA_BOOTSTRAP",
        "TOPICS",
        "CLAIM_WINDOW",
        "HTTP_PORT",
        "LOG_LEVEL",
        "KAFKA_SASL_MECHANISM",
        "KAFKA_SASL_USERNAME",
        "KAFKA_SASL_PASSWORD",
        "KAFKA_SSL_CERT_FILE",
        "DATABSE_URL",
    ]
    assert faults[0] == "ENGAGEMENT_DATABASE_URL is missing"
    assert faults[4].endswith("not 'eighty'")


def test_a_contradiction_alone_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password for a protocol without a login is an error, not ignored."""
    _set_needed(monkeypatch)
    _set(monkeypatch, kafka_sasl_password=PASSWORD)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert raised.value.faults == [
        "ENGAGEMENT_KAFKA_SASL_PASSWORD is set, but ENGAGEMENT_KAFKA_SECURITY_PROTOCOL is PLAINTEXT"
    ]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("ENGAGEMENT_KAFKA_BOOTSTRAP_SERVERS", "did you mean ENGAGEMENT_KAFKA_BOOTSTRAP?"),
        ("ENGAGEMENT_LOGLEVEL", "did you mean ENGAGEMENT_LOG_LEVEL?"),
        ("engagement_pipeline", "did you mean ENGAGEMENT_PIPELINES?"),
        ("ENGAGEMENT_COLOUR", "the README lists all settings"),
    ],
)
def test_a_misspelt_variable_is_a_fault(monkeypatch: pytest.MonkeyPatch, name: str, advice: str) -> None:
    """A variable with the prefix that is no setting is reported with the most similar setting, never its value."""
    _set_needed(monkeypatch)
    monkeypatch.setenv(name, PASSWORD)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert raised.value.faults == [f"{name.upper()} is not a setting: {advice}"]
    monkeypatch.setenv(name, "")
    load_settings()


def test_variables_set_by_others_are_no_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes' variables for Services, those of the tests and of Compose do not stop the program."""
    _set_needed(monkeypatch)
    for name, value in {
        "SERVICE_HOST": "10.0.0.7",
        "SERVICE_PORT": "8080",
        "SERVICE_PORT_HTTP": "8080",
        "PORT": "tcp://10.0.0.7:8080",
        "PORT_8080_TCP": "tcp://10.0.0.7:8080",
        "PORT_8080_TCP_PROTO": "tcp",
        "PORT_8080_TCP_PORT": "8080",
        "PORT_8080_TCP_ADDR": "10.0.0.7",
        "WEB_SERVICE_HOST": "10.0.0.8",
        "WEB_PORT": "tcp://10.0.0.8:80",
        "WEB_PORT_80_TCP": "tcp://10.0.0.8:80",
        "TEST_LONG": "1",
        "COMPOSE_WEB_PORT": "8081",
    }.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    load_settings()
    monkeypatch.setenv("ENGAGEMENT_PORT", "8081")
    with pytest.raises(
        SettingsError, match=r"ENGAGEMENT_PORT is not a setting: did you mean ENGAGEMENT_HTTP_PORT"
    ):
        load_settings()


@pytest.mark.parametrize(("text", "expected"), [("1", 1), ("64", 64), ("auto", 3), ("AUTO", 3)])
def test_processes_are_a_number_or_one_per_core(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: int
) -> None:
    """`auto` is the number of usable cores."""
    monkeypatch.setattr(setting_types, "usable_cores", lambda: 3)
    _set_needed(monkeypatch)
    _set(monkeypatch, processes=text)
    assert load_settings().processes == expected


@pytest.mark.parametrize("text", ["0", "65", "-1", "two", "1.5", "automatic"])
def test_another_number_of_processes_is_a_fault(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What is neither `auto` nor a number in bounds is one fault that says both."""
    _set_needed(monkeypatch)
    _set(monkeypatch, processes=text)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert raised.value.faults == [
        f"ENGAGEMENT_PROCESSES must be 'auto' or a whole number from 1 to 64, not {text!r}"
    ]


def test_logging_is_set_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """`INFO` is as good as `info`."""
    _set_needed(monkeypatch)
    _set(monkeypatch, log_level="WARNING", log_format="Console")
    settings = load_settings()
    assert (settings.log_level, settings.log_format) == ("warning", "console")


def test_an_empty_variable_is_as_one_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a compose file passes on empty takes its default."""
    _set_needed(monkeypatch)
    _set(monkeypatch, http_port="", kafka_sasl_username="")
    assert load_settings().http_port == 8080


def test_what_a_command_does_not_need_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`migrate` runs without brokers set, but what is set must still be right."""
    _set(monkeypatch, database_url="postgresql://db/app")
    assert load_settings(kafka=False).dsn() == "postgresql://db/app"
    _set(monkeypatch, kafka_bootstrap="wrong")
    with pytest.raises(SettingsError, match="KAFKA_BOOTSTRAP must be host:port"):
        load_settings(kafka=False)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://app:{PASSWORD}@db:5432/app",
        f"postgresql://app:{PASSWORD}@one:5432,two:5433/app",
        f"postgresql://db/app?user=app&password={PASSWORD}&sslpassword={PASSWORD}",
        f"postgresql://app:{PASSWORD}@[::1]:5432/app",
    ],
)
def test_no_rendering_shows_a_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """No text form of the settings contains a password, wherever the URL has it."""
    _set_needed(monkeypatch)
    _set(
        monkeypatch,
        database_url=url,
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_mechanism="PLAIN",
        kafka_sasl_username="app",
        kafka_sasl_password=PASSWORD,
    )
    settings = load_settings()
    assert settings.dsn() == url
    for shown in (str(settings), repr(settings), settings.model_dump_json()):
        assert PASSWORD not in shown


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://app:{PASSWORD}#x@db/app",
        f"postgresql://app:12#{PASSWORD}@db/app",
        f"postgresql://app:{PASSWORD}/x@db/app",
        f"postgresql://app:{PASSWORD}?x@db/app",
        f"postgresql://app:{PASSWORD}[x@db/app",
        f"mysql://app:{PASSWORD}@db/app",
        f"postgresql://app@db:{PASSWORD}/app",
    ],
)
def test_a_fault_in_the_url_does_not_show_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A URL that cannot be taken apart is refused without quoting it, in the traceback too."""
    _set_needed(monkeypatch)
    _set(monkeypatch, database_url=url)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert raised.value.faults[0].startswith("ENGAGEMENT_DATABASE_URL ")
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))
    with pytest.raises(ValidationError) as direct:
        Settings(database_url=url, kafka_bootstrap="k:1")
    assert PASSWORD not in str(direct.value)


def test_a_url_may_ask_for_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a URL says of TLS is passed on as it is, and a file that is not there is named by its parameter."""
    _set_needed(monkeypatch)
    url = f"postgresql://app@db/app?sslmode=verify-full&sslrootcert={README}&sslcert={README}&sslkey={README}"
    _set(monkeypatch, database_url=url)
    assert load_settings().dsn() == url
    _set(monkeypatch, database_url=f"{url}.none")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert raised.value.faults == ["ENGAGEMENT_DATABASE_URL must name an existing file in sslkey"]


def test_settings_never_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Assigning to a setting raises."""
    _set_needed(monkeypatch)
    settings = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.http_port = 1  # type: ignore[misc] # the point


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8d", timedelta(days=8)), ("2400h", timedelta(hours=2400)), ("7d", None), ("90", None)],
)
def test_durations(monkeypatch: pytest.MonkeyPatch, text: str, expected: timedelta | None) -> None:
    """A duration has a unit, and a claim window covers the seven days in which events may be late."""
    _set_needed(monkeypatch)
    _set(monkeypatch, claim_window=text)
    if expected is None:
        with pytest.raises(SettingsError, match="CLAIM_WINDOW"):
            load_settings()
    else:
        assert load_settings().claim_window == expected


@pytest.mark.parametrize("name", ["dead_letter_days", "sample_days"])
def test_days(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Days are whole and not negative; 0, for ever, is allowed."""
    _set_needed(monkeypatch)
    for text in ("0", "3660"):
        _set(monkeypatch, **{name: text})
        assert getattr(load_settings(), name) == int(text)
    for text in ("-1", "30d", "1.5", "3661"):
        _set(monkeypatch, **{name: text})
        with pytest.raises(SettingsError, match=variable(name)):
            load_settings()


def test_topics_of_our_own_are_not_consumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consuming an output topic would feed the service its own messages, so it is refused."""
    _set_needed(monkeypatch)
    _set(monkeypatch, topics="deals,engagement.score-changed")
    with pytest.raises(SettingsError, match=r"TOPICS must not contain engagement\.score-changed"):
        load_settings()


def test_the_readme_has_exactly_this_table() -> None:
    """Between its two markers the README has the table that `python -m consumer.infra.settings_table` prints."""
    found = re.search(r"<!-- settings -->\n(.*?)\n<!-- /settings -->", README.read_text("utf-8"), re.DOTALL)
    assert found is not None
    assert found[1].strip() == markdown_table()


def test_the_contract_s_settings_exist() -> None:
    """Every variable that contracts.md names is a setting."""
    section = CONTRACTS.read_text("utf-8").split("## Settings")[1].split("Others as needed")[0]
    names = re.findall(r"`([A-Z_]+\*?)`", section)
    assert "DATABASE_URL" in names
    known = [variable(name).removeprefix(PREFIX) for name in Settings.model_fields]
    for name in names:
        if name == PREFIX:
            continue
        assert any(one.startswith(name[:-1]) if name.endswith("*") else one == name for one in known), name


def test_networks_of_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trusted proxies are networks or single addresses; a network with bits of a host is none."""
    _set_needed(monkeypatch)
    _set(monkeypatch, trusted_proxies="10.0.0.0/8, 192.0.2.1, 2001:db8::/32")
    assert [str(network) for network in load_settings().trusted_proxies] == [
        *("10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32")
    ]
    for wrong in ("10.0.0.1/8", "proxy.example", "10.0.0.0/8;", "*"):
        _set(monkeypatch, trusted_proxies=wrong)
        with pytest.raises(SettingsError, match="TRUSTED_PROXIES must be networks like"):
            load_settings()


def test_the_server_of_shared_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits are shared through Redis or Valkey; another address is refused, and none is printed."""
    _set_needed(monkeypatch)
    for right in (
        f"redis://u:{PASSWORD}@cache:6379/0",
        "rediss://cache",
        "valkey://cache",
        "valkeys://cache",
    ):
        _set(monkeypatch, limits_url=right)
        assert load_settings().limits_url is not None
    _set(monkeypatch, limits_url=f"http://u:{PASSWORD}@cache")
    with pytest.raises(SettingsError, match="LIMITS_URL must begin with redis://") as raised:
        load_settings()
    assert PASSWORD not in str(raised.value)


def test_whether_brokers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that can do without Kafka knows whether it has been given any."""
    _set(monkeypatch, database_url="postgresql://db/app")
    assert not load_settings(kafka=False).has_kafka
    _set(monkeypatch, kafka_bootstrap="k1:9092")
    assert load_settings(kafka=False).has_kafka
