-- What has happened and what it adds up to: claims, timeline, gates, tallies, adjustments, scores.

-- Event keys applied before, remembered for a window.
create table claims (
    account_id integer     not null,
    event_key  bytea       not null constraint claims_event_key_length check (length(event_key) = 16),
    -- Of the contents taken first: tells when a key comes back with others.
    digest     bigint      not null,
    applied_at timestamptz not null,
    primary key (account_id, event_key)
);

-- One (event, definition) on a contact's timeline, by month of occurred_at.
-- It names what it is about but hangs on nothing, so it outlives its sources.
create table timeline (
    account_id    integer     not null,
    contact_id    bigint      not null,
    occurred_at   timestamptz not null,
    event_key     bytea       not null,
    definition_id integer     not null,
    edition       smallint    not null,
    verdict       verdict     not null,
    -- Dated more than 7 days before its own record: judged once, moves no other verdict.
    settled       boolean     not null,
    -- What it is worth to its actor if counted, fixed when first processed.
    xp_worth      integer     not null,
    -- XP messages told about it so far: odd, it stands credited; even, it does not.
    credit_number integer     not null,
    type          text        not null,
    source        text        not null,
    event_id      text        not null,
    object_id     text,
    actor_id      text,
    actor_type    text,
    -- Byte for byte as it came: jsonb would take what it cannot print.
    data          text        not null,
    recorded_at   timestamptz not null,
    -- Serves reading a timeline, judging again, and finding what is older than the claims.
    primary key (account_id, contact_id, occurred_at, event_key, definition_id)
) partition by range (occurred_at);

-- What the dedup policy remembers of a key: the last counted ordinary event, and the last fixed point.
create table gates (
    contact_id       bigint   not null,
    definition_id    integer  not null,
    edition          smallint not null,
    -- The object where the edition is per object ('' for events without one), else ''.
    object_key       text     not null,
    last_counted_at  timestamptz,
    last_counted_key bytea,
    last_fixed_at    timestamptz,
    primary key (contact_id, definition_id, edition, object_key)
);

create table tallies (
    contact_id    bigint   not null,
    definition_id integer  not null,
    edition       smallint not null,
    count         integer  not null,
    primary key (contact_id, definition_id, edition)
);

-- Points by contact, profile version and group; group 0 is overall.
create table scores (
    contact_id bigint  not null,
    profile_id integer not null,
    version    integer not null,
    group_id   integer not null,
    points     bigint  not null,
    -- Of an overall score: how many messages told of this contact in this profile, when its version was told of last.
    -- Whoever changes scores tells of them in the same transaction, so that what was told last is what stands here; of
    -- a version that was just published, what stands under the one before.
    message_version bigint,
    primary key (contact_id, profile_id, version, group_id)
);
-- Lists of contacts sorted by overall or by a group, in both directions, and ranges of points. Both columns in one
-- order, so that a page begins at (points, contact_id) by one comparison of rows, however many have equal points.
create index scores_by_points on scores (profile_id, version, group_id, points, contact_id);

-- Points given or taken by people, within one profile and group.
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
    constraint adjustments_client_key_unique unique (contact_id, client_key)
);
