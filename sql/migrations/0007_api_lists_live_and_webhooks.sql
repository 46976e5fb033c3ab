-- From version 6: what the API lists and finds contacts by, and answers about contacts and adjustments; live events and
-- webhooks. It only adds.
-- oldest program: 6

-- step: brief
-- A text without case and accents: compatibility forms (ﬁ, Ａ) as the usual letters, marks left out. Of a long one the beginning,
-- since an index takes no more.
create function search_text(value text)
returns text language sql immutable strict parallel safe
return left(lower(regexp_replace(normalize(left(value, 256), NFKD), '[\u0300-\u036f]+', '', 'g')), 256);

-- Its words, each with the account before it, so that a search reads words of one account only. What parts words is all that is
-- not a letter or digit in ASCII, whatever the database's locale.
create function search_lexemes(account integer, value text)
returns text[] language sql immutable strict parallel safe
return string_to_array(
    account::text || ':' || replace(
        btrim(regexp_replace(search_text(value), '[\u0001-/:-@\[-`{-\u00a0]+', ' ', 'g')),
        ' ', ' ' || account::text || ':'),
    ' ');

create function search_words(account integer, value text)
returns tsvector language sql immutable strict parallel safe
return array_to_tsvector(search_lexemes(account, value));

-- Finds what has, for each word that is asked for, one that begins with it. Null: no word is asked for.
create function search_query(account integer, words text)
returns tsquery language sql immutable strict parallel safe
return ('''' || nullif(array_to_string(
    array_remove(search_lexemes(account, words), account::text || ':'), ''':* & '''), '') || ''':*')::tsquery;

-- step: index
create index concurrently contact_fields_by_word on contact_fields using gin (search_words(account_id, value))
    with (fastupdate = off) where field in ('name', 'email');

-- step: index
create index concurrently contacts_by_prefix on contacts (account_id, lower(left(external_id, 64)) text_pattern_ops);

-- step: index
create index concurrently timeline_by_time on timeline ((account_id::bigint), occurred_at, contact_id);

-- step: brief
alter table adjustments add column undoes bigint;

-- step: index
create unique index concurrently adjustments_undone_once on adjustments (undoes) where undoes is not null;

-- step: brief
alter table profiles add column archived boolean not null default false;

-- step: brief
create unlogged table ignored_events (
    account_id     integer     not null,
    id_hash        bytea       not null,
    id             bigint      generated always as identity,
    outcome        text        not null,
    type           text,
    source         text,
    event_id       text,
    dated_at       timestamptz not null,
    received_at    timestamptz not null,
    reason         text,
    detail         text,
    dead_letter_id bigint,
    primary key (account_id, id_hash, id)
);

-- step: index
create index concurrently publishes_by_end on publishes (ended_at) where ended_at is not null;

-- step: index
create index concurrently rejudgements_by_end on rejudgements (ended_at) where ended_at is not null;

-- step: index
create index concurrently purges_by_end on purges (ended_at) where ended_at is not null;

-- step: index
create index concurrently backfills_by_end on backfills (ended_at) where ended_at is not null;

-- step: brief
create table webhooks (
    id              uuid        primary key default gen_random_uuid(),
    account_id      integer     not null references accounts,
    url             text        not null,
    description     text        not null,
    types           text[]      not null,
    active          boolean     not null,
    secret          text        not null,
    previous_secret text,
    rotated_at      timestamptz,
    created_at      timestamptz not null default now(),
    failures        integer     not null default 0,
    failing_since   timestamptz,
    retry_at        timestamptz,
    error           text,
    paused_at       timestamptz,
    left_out        bigint      not null default 0,
    leased_until    timestamptz,
    served_at       timestamptz not null default now()
);
create index webhooks_by_account on webhooks (account_id, created_at);
create table webhook_deliveries (
    webhook_id  uuid        not null references webhooks on delete cascade,
    id          bigint      generated always as identity,
    message_id  text        not null,
    type        text        not null,
    contact     text,
    body        text        not null,
    state       text        not null default 'waiting'
                            constraint webhook_deliveries_state_known check (state in ('waiting', 'delivered', 'failed')),
    created_at  timestamptz not null default now(),
    since       timestamptz not null default now(),
    attempts    integer     not null default 0,
    next_at     timestamptz not null default now(),
    status      smallint,
    error       text,
    ended_at    timestamptz,
    primary key (webhook_id, id),
    constraint webhook_deliveries_message_unique unique (webhook_id, message_id)
);
create index webhook_deliveries_in_order on webhook_deliveries (webhook_id, contact, id) where state = 'waiting';
create index webhook_deliveries_due on webhook_deliveries (webhook_id, next_at) where state = 'waiting';
create index webhook_deliveries_failed on webhook_deliveries (webhook_id, id) where state = 'failed';
create index webhook_deliveries_ended on webhook_deliveries (ended_at) where state <> 'waiting';
create index webhook_deliveries_by_contact on webhook_deliveries (contact) where contact is not null;
create table webhook_positions (
    shard    smallint primary key,
    position bigint   not null
);
