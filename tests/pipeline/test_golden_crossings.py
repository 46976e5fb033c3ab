"""The golden examples of engagement.band-changed are what the real path makes of the history that they tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.scoring import adjustments
from consumer.scoring.adjustments import Adjustment
from schemas.published import BandChanged
from tests.builders.catalog_documents import definition, document, groups
from tests.builders.events import numbered_event
from tests.golden_examples import load_published
from tests.pipeline import service

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_FIT = {"apart": True, "bands": [{"key": "C"}, {"key": "A", "min": 10}]}
_PURCHASE = {"bands": [{"key": "low"}, {"key": "high", "min": 60}]}


def _version(warm: int, **frames: Any) -> dict[str, Any]:
    """Build the catalog with warm from so many points on, and the frames of more groups."""
    bands = [{"key": "cold"}, {"key": "warm", "min": warm}, {"key": "hot", "min": 50}]
    made = document(
        groups=groups("purchase", "fit"),
        definitions=[
            definition("deal_won", "deal.won", default_points=55),
            definition("form_submitted", "track.form_submitted", group="fit"),
        ],
    )
    made["profiles"][0] |= {
        "overall": {"floor": 0, "cap": 100, "bands": bands},
        "groups": {"fit": _FIT, **frames},
    }
    return made


async def test_the_golden_crossings_are_made(database: str, connection: Connection) -> None:
    """Events, an adjustment and two publishes lead to the examples, in their order, and to no other crossing."""
    name = '{"name": "Zoë \\"the lead\\" \\\\ ☃", "owner": "rep-7"}'
    async with service.running(database) as worker:
        await worker.apply(_version(20))
        await worker.batch(
            [
                numbered_event(0, type="contact.upserted", data=name),
                numbered_event(1, id="deal-1-won"),
            ]
        )
        await worker.batch([numbered_event(2, id="form-1", type="track.form_submitted")])
        given = Adjustment(
            account="acme", contact="ann", profile=None, group="purchase", points=-40, reason="r",
            author="mia", client_key="1",
        )  # fmt: skip
        await adjustments.add(connection, given)
        await worker.apply(_version(10))
        await worker.apply(_version(10, purchase=_PURCHASE))
        await worker.batch(
            [numbered_event(number, id=f"deal-{number - 1}-won", subject="bob") for number in (3, 4)]
        )
    made = await service.band_changes(connection)
    for message in made:
        service.validate(message, BandChanged)
    timeless = [
        {key: value for key, value in message.items() if key not in {"time", "kafka_key"}} for message in made
    ]
    examples = load_published()
    assert timeless == [
        {key: value for key, value in example.message.items() if key != "time"} for example in examples
    ]
    assert [message["kafka_key"] for message in made] == [example.key for example in examples]
