"""Puts a tracker together, and runs what it does in the background: keys, Kafka, pixels, shared limits, health."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from consumer.catalog import DocumentFaultsError
from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.settings import SettingsError, variable
from consumer.infra.telemetry import dependency_probes
from consumer.web.tracker.client_address import ClientAddresses
from consumer.web.tracker.contacts_of_day import ContactsOfDay
from consumer.web.tracker.kafka_writer import KafkaWriter
from consumer.web.tracker.known_keys import KnownKeys
from consumer.web.tracker.limits import Limits
from consumer.web.tracker.pixel_queue import PixelQueue
from consumer.web.tracker.recent_requests import RecentRequests
from consumer.web.tracker.robots.document import load_robots
from consumer.web.tracker.robots.mail_scans import MailScans
from consumer.web.tracker.scanned_links import ScannedLinks
from consumer.web.tracker.shared_limits import SharedLimits
from consumer.web.tracker.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from consumer.infra.settings import Settings
    from consumer.infra.telemetry.health import Health
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.web.tracker.robots.document import RobotsDocument

# Seconds between two reports of health, and for events of pixels at the end.
_EVERY = 1.0
_LAST_PIXELS = 3.0


@asynccontextmanager
async def running_tracker(
    settings: Settings, metrics: Metrics, health: Health, *, required: bool
) -> AsyncIterator[Tracker]:
    """Give a tracker whose background runs; at the end it writes what waits, for some seconds.

    required: whether the process is not ready without it. Raises SettingsError if the rules about robots cannot be
    used.
    """
    clock = SystemClock()
    document = _robots(settings)
    writer = KafkaWriter(settings, metrics, clock)
    keys = KnownKeys(lambda: postgres.connect(settings.dsn(), application_name="engagement-tracker"), clock)
    metrics.tracker_keys_age_seconds.set_function(lambda: keys.age)
    pixels = PixelQueue(writer, metrics)
    scans = MailScans(document.scan_links, document.scan_seconds)
    tracker = Tracker(
        keys=keys,
        limits=Limits(),
        contacts=ContactsOfDay(settings.tracker_contacts),
        writer=writer,
        pixels=pixels,
        scanned=ScannedLinks(pixels, scans, clock),
        recent=RecentRequests(),
        robots=document.robots,
        addresses=ClientAddresses(settings.trusted_proxies),
        metrics=metrics,
        clock=clock,
    )
    work = [
        writer.run(),
        pixels.run(),
        tracker.scanned.run(),
        keys.keep_fresh(),
        dependency_probes.watch_kafka(settings, health, required=required),
        _report(tracker, health, required=required),
    ]
    if settings.limits_url is not None:
        shared = SharedLimits(tracker.limits, settings.limits_url.get_secret_value(), settings.topic_prefix)
        work.append(shared.run())
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        yield tracker
        tracker.scanned.pass_all_on()
        await pixels.written(within=_LAST_PIXELS)
        for task in tasks:
            task.cancel()


def _robots(settings: Settings) -> RobotsDocument:
    try:
        return load_robots(settings.robots_file)
    except DocumentFaultsError as error:
        name = variable("robots_file")
        raise SettingsError([f"{name} {settings.robots_file}, {each}" for each in error.faults]) from None
    except OSError as error:
        raise SettingsError([f"{variable('robots_file')} cannot be read: {error.strerror}"]) from None


async def _report(tracker: Tracker, health: Health, *, required: bool) -> None:
    """Report 'tracker' about once a second: whether it can accept events."""
    health.expect("tracker", within=5 * _EVERY, required=required)
    while True:
        if not tracker.keys.is_loaded:
            health.report("tracker", ok=False, why="its keys are not loaded yet")
        else:
            health.report("tracker", ok=tracker.writer.connected, why="is not connected to Kafka")
        await asyncio.sleep(_EVERY)
