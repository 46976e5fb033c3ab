-- Webhooks: where accounts have messages sent, and the messages that are sent there (docs/decisions/0035).

create table webhooks (
    id              uuid        primary key default gen_random_uuid(),
    account_id      integer     not null references accounts,
    url             text        not null,
    description     text        not null,
    -- Types of CloudEvents.
    types           text[]      not null,
    -- Off: its account wants nothing sent for now. Nothing is enqueued.
    active          boolean     not null,
    -- Signs what is sent; the one before does so too for a day after a rotation.
    secret          text        not null,
    previous_secret text,
    rotated_at      timestamptz,
    created_at      timestamptz not null default now(),
    -- Attempts that have failed in a row, since when, and when the next is due where it is a matter of the address, not of
    -- one message; the last error.
    failures        integer     not null default 0,
    failing_since   timestamptz,
    retry_at        timestamptz,
    error           text,
    -- Since when nothing is sent, because attempts failed for a day or the address is gone; until it is resumed.
    paused_at       timestamptz,
    -- Messages that were not enqueued, because too many were waiting.
    left_out        bigint      not null default 0,
    -- A process is at work on its deliveries until then; when it was last.
    leased_until    timestamptz,
    served_at       timestamptz not null default now()
);
-- webhooks: those of an account.
create index webhooks_by_account on webhooks (account_id, created_at);

create table webhook_deliveries (
    webhook_id  uuid        not null references webhooks on delete cascade,
    -- In the order of the messages.
    id          bigint      generated always as identity,
    -- The header `webhook-id`: a hash of the message's id.
    message_id  text        not null,
    type        text        not null,
    -- Messages about one contact are sent in order. Null: about none.
    contact     text,
    body        text        not null,
    state       text        not null default 'waiting'
                            constraint webhook_deliveries_state_known check (state in ('waiting', 'delivered', 'failed')),
    created_at  timestamptz not null default now(),
    -- Tried for a day from then on; when it is to be sent again, from that.
    since       timestamptz not null default now(),
    attempts    integer     not null default 0,
    next_at     timestamptz not null default now(),
    -- Of the last attempt: the HTTP status, or what went wrong.
    status      smallint,
    error       text,
    ended_at    timestamptz,
    primary key (webhook_id, id),
    -- A message that is enqueued twice is sent once.
    constraint webhook_deliveries_message_unique unique (webhook_id, message_id)
);
-- webhooks due: what waits before a message of the same contact.
create index webhook_deliveries_in_order on webhook_deliveries (webhook_id, contact, id) where state = 'waiting';
-- webhooks claim, due: what is to be sent now.
create index webhook_deliveries_due on webhook_deliveries (webhook_id, next_at) where state = 'waiting';
-- webhooks deliveries: those that have failed.
create index webhook_deliveries_failed on webhook_deliveries (webhook_id, id) where state = 'failed';
-- webhooks forget: what has ended longest ago.
create index webhook_deliveries_ended on webhook_deliveries (ended_at) where state <> 'waiting';
-- webhooks forget_contact: what names a contact.
create index webhook_deliveries_by_contact on webhook_deliveries (contact) where contact is not null;

-- Up to which message of a shard of the outbox deliveries are enqueued.
create table webhook_positions (
    shard    smallint primary key,
    position bigint   not null
);
