-- Events and their sums: claims, timeline, dedup keys, scores, adjustments.

-- Event keys applied before, stored for a window of time.
create table claims (
    account_id integer     not null,
    event_key  bytea       not null constraint claims_event_key_length check (length(event_key) = 16),
    -- Of the contents applied first: shows when a key arrives again with other contents.
    digest     bigint      not null,
    applied_at timestamptz not null default now(),
    primary key (account_id, event_key)
);

-- One (event, definition) on a contact's timeline, partitioned by month of occurred_at. No foreign keys, so that entries
-- outlive the objects they name.
create table timeline (
    account_id    integer     not null,
    contact_id    bigint      not null,
    occurred_at   timestamptz not null,
    event_key     bytea       not null,
    definition_id integer     not null,
    edition       smallint    not null,
    verdict       verdict     not null,
    -- Dated more than 7 days before its own record: judged once, changes no other verdict. Or left by a purge.
    settled       boolean     not null,
    -- XP for the actor if it counts; fixed when the event is first processed.
    xp_worth      integer     not null,
    -- Number of XP messages for it so far. Odd: its XP is credited; even: not.
    credit_number integer     not null,
    type          text        not null,
    source        text        not null,
    event_id      text        not null,
    object_id     text,
    actor_id      text,
    actor_type    text,
    -- Byte for byte as received: jsonb accepts values that it cannot print.
    data          text        not null,
    recorded_at   timestamptz not null default now(),
    -- The contact by whose id it came, if that has been joined to this one; null: this one.
    came_by       bigint,
    -- When a purge took its payload (type, source, event_id and data are empty): judging needs the rest. Null: it is whole.
    purged_at     timestamptz,
    -- Timelines, judging again, and duplicates that are older than the claims.
    primary key (account_id, contact_id, occurred_at, event_key, definition_id)
) partition by range (occurred_at);
-- contacts recent: contacts in the order of their last events. The number is written as a bigint so that no other statement can
-- take this index in place of the primary key, which leads to one contact.
create index timeline_by_time on timeline ((account_id::bigint), occurred_at, contact_id);

-- Months that hardly hold anything would cost every batch: what is older than two years has one partition. From then on
-- timeline_partitions.py makes a table for each month that an event falls into.
do $$
declare
    first_month timestamptz := date_trunc('month', now() - interval '2 years', 'UTC');
begin
    execute format('create table %I partition of timeline for values from (minvalue) to (%L)',
        to_char(first_month at time zone 'UTC', '"timeline_before_"YYYY_MM'), first_month);
end $$;

-- The state of a dedup key: how often it has counted, the last counted ordinary event, and the last fixed point. Edition 0 has
-- carried counts instead: of entries that a purge has removed. Its object_key is the number of the contact by whose id these
-- came, '' for the contact's own, and last_fixed_at is when the last of them occurred.
create table dedup_keys (
    contact_id       bigint   not null,
    definition_id    integer  not null,
    edition          smallint not null,
    -- The object where the edition is per object ('' for events without one), else ''.
    object_key       text     not null,
    -- A contact's tally of a definition is the sum over its keys.
    count            integer  not null,
    -- These three are null where the edition counts always.
    last_counted_at  timestamptz,
    last_counted_key bytea,
    last_fixed_at    timestamptz,
    primary key (contact_id, definition_id, edition, object_key)
);

-- The points of a contact under a profile version. Readers take them by group from the view `scores`.
create table contact_scores (
    contact_id   bigint    not null,
    profile_id   integer   not null,
    version      integer   not null,
    overall      bigint    not null,
    -- Groups in which something has counted, or an adjustment was made; group_points has their points, in this order.
    group_ids    integer[] not null,
    group_points bigint[]  not null,
    -- Version of the last score-changed message for this contact and profile. Null until this profile version is announced
    -- to the contact; until then the number is on the row of the version before. Scores and messages change in one
    -- transaction, so the score of the row with the number is the one announced last.
    message_version bigint,
    primary key (contact_id, profile_id, version)
);

-- The same points, group by group (0: overall), for what goes by points: lists sorted by overall or by a group, in both
-- directions, and ranges. A page begins at (points, contact_id) by one row comparison, however many contacts have equal
-- points. Written with contact_scores, where points change.
create table ranks (
    profile_id integer not null,
    version    integer not null,
    group_id   integer not null,
    points     bigint  not null,
    contact_id bigint  not null,
    primary key (profile_id, version, group_id, points, contact_id)
);

-- Points given or taken by hand, within one profile and group.
create table adjustments (
    id         bigint      primary key generated always as identity,
    contact_id bigint      not null references contacts,
    profile_id integer     not null references profiles,
    group_id   integer     not null references groups,
    points     integer     not null,
    reason     text        not null,
    author     text        not null,
    client_key text        not null,
    created_at timestamptz not null default now(),
    -- As on the timeline.
    came_by    bigint,
    -- The adjustment of which it gives the opposite points.
    undoes     bigint
);
-- adjustments add: a client key is used once for each id.
create unique index adjustments_client_key_by_id on adjustments (contact_id, client_key, coalesce(came_by, contact_id));
-- adjustments add_undo: one is undone once.
create unique index adjustments_undone_once on adjustments (undoes) where undoes is not null;

-- How often a definition has counted for contacts that were deleted.
create table personless_tallies (
    account_id    integer not null,
    definition_id integer not null,
    count         bigint  not null,
    primary key (account_id, definition_id)
);
