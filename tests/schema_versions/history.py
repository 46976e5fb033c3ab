"""What happens in a database before its schema is upgraded, the same under the program of either version.

Account acme has the rich batch; account birch has definitions per object, events that arrive late or settled,
changed editions, two profiles, adjustments, and work that is left unfinished: a publish in state `building`, one in
state `announcing`, and a rejudgement. Never says what should become of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from consumer import catalog
from consumer.infra import postgres
from consumer.scoring import adjustments, profile_publish, rejudgement
from consumer.scoring.adjustments import Adjustment
from consumer.scoring.profile_publish import steps as publish_steps
from consumer.scoring.rejudgement import steps as rejudgement_steps
from tests.builders.catalog_documents import ALWAYS, HOURLY, ONCE, definition, document, groups
from tests.builders.events import clock_event
from tests.pipeline import rich_batch, service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.postgres.connection import Connection
    from tests.oracle import OracleRecord

ACCOUNT = "birch"
# Contacts in a step of unfinished work: some of the six are processed, some are not.
_STEP = 2
_LANE = ("emails", 3)
_CONTACTS = ("ada", "ben", "cleo", "dora", "ed", "finn")


def _dedup(policy: dict[str, str]) -> dict[str, str]:
    return {**policy, "per": "object"}


def _document(*definitions: dict[str, Any], won: int = 10, liked: int = 4) -> dict[str, Any]:
    profile = {"inherits": True, "published": True}
    return document(
        ACCOUNT,
        groups=groups("purchase", "support"),
        definitions=list(definitions),
        profiles=[
            {**profile, "key": "lead_score", "name": "Lead score", "primary": True, "weights": {"won": won}},
            {
                **profile,
                "key": "fit",
                "name": "Fit",
                "inherits": False,
                "weights": {"liked": liked, "won": -1},
            },
        ],
    )


_WON = definition("won", "deal.won", dedup=HOURLY)
_CLICKED = definition("clicked", "email.clicked", dedup=_dedup(ALWAYS), group="support", default_points=1)
_OPENED = definition("opened", "email.opened", dedup=_dedup(ONCE), group="support", default_points=2)
_REPLIED = definition("replied", "email.replied", dedup=_dedup(HOURLY), group="support", default_points=3)
_LIKED = definition("liked", "track.liked", dedup=ONCE, group="support", default_points=5)
_BEFORE = (_WON, _CLICKED, _OPENED, _REPLIED, _LIKED)
# Each opens an edition: another interval, another scope in both directions.
_AFTER = (
    {**_WON, "dedup": {"policy": "cooldown", "interval": "2h"}},
    {**_OPENED, "dedup": ONCE},
    {**_LIKED, "dedup": _dedup(HOURLY)},
)


def _events(contact: str, number: int) -> list[OracleRecord]:
    """Return a contact's day, in the order of arrival; `number` makes the days differ."""

    def happens(kind: str, clock: str, object_id: str | None = None, **more: Any) -> OracleRecord:
        identity = f"{contact}-{kind}-{clock}-{object_id}"
        values = {"accountid": ACCOUNT, "actorid": f"rep-{number % 2}", "actortype": "rep", **more}
        return clock_event(clock, id=identity, type=kind, subject=contact, objectid=object_id, **values)

    day = [
        happens("deal.won", "10:00"),
        happens("deal.won", "10:40"),
        happens("deal.won", "12:00", settled=True),
        *(
            happens("email.clicked", clock, mail)
            for clock, mail in (("9:00", "m1"), ("9:01", "m1"), ("9:02", "m2"))
        ),
        happens("email.clicked", "9:03"),
        happens("email.opened", "9:30", "m1"),
        happens("email.opened", "9:40", "m1"),
        happens("email.opened", "9:50", "m2"),
        happens("email.opened", "9:55"),
        happens("email.replied", "11:00", "m1"),
        happens("email.replied", "11:30", "m1"),
        happens("email.replied", "11:30", "m2"),
        happens("email.replied", "14:00", "m2", settled=True),
        happens("track.liked", "13:00", "p1"),
        happens("track.liked", "16:00", "p1"),
        happens("email.replied", "15:00", robot=True),
    ]
    # Arrive late: each takes the place of one that has counted.
    late = [
        happens("deal.won", "9:30"),
        happens("email.opened", "8:00", "m1"),
        happens("email.replied", "10:30", "m1"),
        happens("track.liked", "12:30", "p2"),
    ]
    return [*day[: len(day) - number], *late[: 4 - number % 3]]


def _later_events(number: int) -> list[OracleRecord]:
    """Return events of all contacts, and of a new one, for the editions opened since; the second ones are late.

    The third ones, of `play_on`, are later still: they come before the others and take their places.
    """
    won, opened, liked = (
        ("18:10", "17:20", "17:40"),
        ("17:10", "9:20", "17:20"),
        ("16:30", "1:20", "17:00"),
    )[number]
    by: dict[str, Any] = {"actorid": "rep-0", "actortype": "rep"}
    return [
        clock_event(
            clock, id=f"{contact}-{kind}-{number}", type=kind, subject=contact, accountid=ACCOUNT, **more
        )
        for contact in (*_CONTACTS, f"new-{number}")
        for kind, clock, more in (
            ("deal.won", won, by),
            ("email.opened", opened, {"objectid": "m3"}),
            ("email.clicked", f"17:3{number}", {"objectid": "m2"}),
            ("track.liked", liked, {"objectid": "p1"}),
        )
    ]


async def play(dsn: str) -> None:
    """Let all of it happen in an empty database, up to the unfinished work."""
    await _play_rich_batch(dsn)
    connection = await postgres.connect(dsn)
    try:
        async with service.running(dsn, feed=service.Feed(*_LANE)) as worker:
            await worker.apply(_document(*_BEFORE))
            for number, contact in enumerate(_CONTACTS):
                await worker.batch(_events(contact, number))
            for number, (profile, group) in enumerate((("lead_score", "support"), ("fit", "purchase"))):
                await _adjust(connection, _CONTACTS[number], profile, group, 7 - 20 * number)
            await worker.apply(_document(*_AFTER))
            await worker.batch(_later_events(0))
            await _begin_unfinished_work(dsn, connection)
            await worker.batch(_later_events(1))
            await _adjust(connection, "dora", "lead_score", "support", 3)
    finally:
        await connection.close()


async def play_on(dsn: str) -> list[str]:
    """Let a worker process late events, new ones and repeated ones; return their outcomes."""
    repeated = _events(_CONTACTS[0], 0)[:3]
    async with service.running(dsn, feed=service.Feed(*_LANE)) as worker:
        return await worker.batch([*_later_events(2), *repeated])


async def finish(dsn: str) -> None:
    """Bring the unfinished work to its end."""
    connection = await postgres.connect(dsn)
    try:
        await service.publish_all(dsn, await profile_publish.unfinished_publishes(connection))
        unfinished = await connection.fetch("select id from rejudgements where ended_at is null")
    finally:
        await connection.close()
    async with service.kept_connection(dsn) as keeper:
        for row in unfinished:
            async for _ in rejudgement.run_rejudgement(keeper, row["id"]):
                pass


async def _play_rich_batch(dsn: str) -> None:
    async with service.running(dsn) as worker:
        await worker.apply(rich_batch.DOCUMENT)
        await worker.take_lanes(rich_batch.STARTS)
        await worker.process(rich_batch.history())
        await worker.process(rich_batch.warm_up())
        await worker.apply(rich_batch.CHANGE)
        await worker.process(rich_batch.batch())
    async with service.kept_connection(dsn) as keeper:
        number = await rejudgement.begin(await keeper.get(), "acme", "paid", with_xp=True, by="ada")
        async for _ in rejudgement.run_rejudgement(keeper, number):
            pass


async def _adjust(connection: Connection, contact: str, profile: str, group: str, points: int) -> None:
    adjustment = Adjustment(
        account=ACCOUNT,
        contact=contact,
        profile=profile,
        group=group,
        points=points,
        reason="met at the fair",
        author="mia",
        client_key=f"{profile}-{points}",
    )
    await adjustments.add(connection, adjustment)


async def _begin_unfinished_work(dsn: str, connection: Connection) -> None:
    """Leave a rejudgement, a publish that is announcing and one that is building after the first contacts."""
    async with service.kept_connection(dsn) as keeper:
        with patch.object(rejudgement_steps.Rejudgements, "contacts_per_step", _STEP):
            number = await rejudgement.begin(connection, ACCOUNT, "opened", with_xp=True, by="ada")
            await _until_some_are_done(rejudgement.run_rejudgement(keeper, number), "running")
        await catalog.apply_document(connection, service.parsed(_document(won=12, liked=6)))
        [announcing, building] = await profile_publish.unfinished_publishes(connection)
        with patch.object(publish_steps.Publishes, "contacts_per_step", _STEP):
            await _until_some_are_done(profile_publish.run_publish(keeper, announcing), "announcing")
            await _until_some_are_done(profile_publish.run_publish(keeper, building), "building")


async def _until_some_are_done(progress: AsyncIterator[Any], state: str) -> None:
    async for status in progress:
        if status.state == state and status.done:
            assert status.done < status.total
            return
    raise AssertionError(f"never {state} in part")
