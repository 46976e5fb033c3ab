"""An account with as much configuration as the limits allow, made by SQL; and how long the event loop stands still.

Never asserts anything.
"""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from consumer.infra import postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.web.api_client import Api

DEFINITIONS, PROFILES = 900, 10
# Definitions d1 to d900 beside what the document had, which have joined profile lead_score; profiles p1 to p10 that
# are published, each with its own weights.
_FILL = """
insert into definitions (account_id, key, name, group_id, icon, default_points, active, events, policy, per,
    position)
    select a.id, 'd' || n, 'D' || n, g.id, 'bolt', n, true, array['t' || n], 'always', 'contact', n
    from accounts a join groups g on g.account_id = a.id and g.position = (
        select min(position) from groups where account_id = a.id), generate_series(1, {definitions}) n
    where a.key = '{account}';
insert into editions (definition_id, number, policy, per)
    select d.id, 1, 'always', 'contact' from definitions d join accounts a on a.id = d.account_id
    where a.key = '{account}' on conflict do nothing;
insert into profiles (account_id, key, name, published_version, position)
    select id, 'p' || n, 'P' || n, 1, n from accounts, generate_series(1, {profiles}) n where key = '{account}';
insert into profile_weights
    select p.id, d.key, 5 from profiles p join accounts a on a.id = p.account_id
    join definitions d on d.account_id = a.id where a.key = '{account}' and p.key <> 'lead_score';
insert into profile_versions (profile_id, version, state, inherits, own_weights, published_by)
    select p.id, 1, 'published', true, (select jsonb_object_agg(definition_key, weight) from profile_weights
        where profile_id = p.id), 'x'
    from profiles p join accounts a on a.id = p.account_id where a.key = '{account}' and p.key <> 'lead_score';
insert into version_weights (profile_id, version, definition_id, group_id, weight, joined)
    select p.id, 1, d.id, d.group_id, case p.key when 'lead_score' then d.default_points else 5 end,
        p.key = 'lead_score'
    from profiles p join accounts a on a.id = p.account_id join definitions d on d.account_id = a.id
    where a.key = '{account}' on conflict do nothing;
"""


async def fill(api: Api, account: str) -> None:
    """Give an account that has a group many definitions and profiles."""
    connection = await postgres.connect(api.dsn)
    try:
        await connection.execute(_FILL.format(account=account, definitions=DEFINITIONS, profiles=PROFILES))
    finally:
        await connection.close()


@asynccontextmanager
async def loop_watched() -> AsyncIterator[list[float]]:
    """Give a list that has the longest time the event loop worked without a pause, once this has ended.

    In seconds of its thread's processor time, which other programs and threads do not change; without the time to
    look through the objects of all the tests for garbage.
    """
    longest = [0.0]
    gc.collect()
    gc.freeze()

    async def watch() -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0.001)
            longest[0] = max(longest[0], time.thread_time() - began)

    task = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        yield longest
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        gc.unfreeze()
