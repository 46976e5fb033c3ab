-- The whole schema at its newest version: what a fresh database gets.
-- An existing one is brought here by migrations/; a test proves that both ways lead to the same place.
-- Words are those of docs/semantics.md §1. Every index says which query it serves.

create type verdict as enum ('counted', 'already_counted', 'cooling_down', 'excluded');
create type dedup_policy as enum ('always', 'once', 'cooldown');
create type dedup_per as enum ('contact', 'object');
create type version_state as enum ('building', 'published', 'retired', 'cancelled');
create type publish_state as enum ('building', 'announcing', 'done', 'cancelling', 'cancelled');
create type rejudgement_state as enum ('running', 'done', 'cancelled', 'superseded');
create type message_kind as enum ('score_changed', 'xp_credited', 'dead_letter');

-- One row: what is true of this installation as a whole.
create table installation (
    only_row       boolean  primary key default true constraint installation_has_one_row check (only_row),
    schema_version integer  not null,
    -- Part of every message's id; raised when Postgres turns out to have lost commits (semantics §7.4).
    incarnation    integer  not null default 1,
    -- Of the outbox; fixed when the database is created.
    shards         smallint not null default 4 constraint installation_shards_positive check (shards > 0),
    -- Of accounts, catalogs and profiles; a batch compares it with the snapshot it was matched by.
    revision       bigint   not null default 1
);

-- Configuration -------------------------------------------------------------------------------------------

create table accounts (
    id                integer     primary key generated always as identity,
    key               text        not null constraint accounts_key_unique unique,
    name              text        not null,
    engagement        boolean     not null default true,
    sales             boolean     not null default false,
    retention_seconds bigint,
    time_zone         text        not null default 'UTC',
    count_robots      boolean     not null default false,
    -- Events dated before it are expired; only the purge of retention moves it.
    horizon           timestamptz,
    created_at        timestamptz not null default now()
);

-- Who changed what, through the API or by a document; never changed, and never removed.
create table audit (
    account_id integer     not null references accounts,
    id         bigint      generated always as identity,
    at         timestamptz not null default now(),
    actor      text        not null,
    -- In the past tense: created, changed, deleted, …
    action     text        not null,
    subject    text        not null,
    -- Which of its kind; null: the account itself.
    key        text,
    before     jsonb,
    after      jsonb,
    -- Serves the trail of an account, newest first; no index of ids alone may tempt a plan to read everybody's.
    primary key (account_id, id)
);

create table groups (
    id         integer primary key generated always as identity,
    account_id integer not null references accounts,
    key        text    not null,
    name       text    not null,
    icon       text    not null,
    position   integer not null,
    -- No longer in the catalog; kept for the versions, scores and adjustments that name it. Created anew, it is back.
    deleted    boolean not null default false,
    constraint groups_key_unique unique (account_id, key)
);

create table definitions (
    id               integer      primary key generated always as identity,
    account_id       integer      not null references accounts,
    key              text         not null,
    name             text         not null,
    group_id         integer      not null references groups,
    icon             text         not null,
    default_points   integer      not null,
    active           boolean      not null,
    events           text[]       not null,
    -- The list under `when`, as JSON.
    conditions       jsonb        not null default '[]',
    policy           dedup_policy not null,
    interval_seconds bigint,
    per              dedup_per    not null,
    -- The current edition's number; its dedup policy is repeated here, where every batch reads it.
    edition          smallint     not null default 1,
    xp               integer      not null default 0,
    position         integer      not null,
    -- Set by the first batch in which it counts; from then on published versions do not follow the catalog.
    counted          boolean      not null default false,
    created_at       timestamptz  not null default now(),
    constraint definitions_key_unique unique (account_id, key),
    constraint definitions_interval_with_cooldown check ((policy = 'cooldown') = (interval_seconds is not null))
);

create table editions (
    definition_id    integer      not null references definitions,
    number           smallint     not null,
    policy           dedup_policy not null,
    interval_seconds bigint,
    per              dedup_per    not null,
    opened_at        timestamptz  not null default now(),
    primary key (definition_id, number)
);

create table profiles (
    id                integer     primary key generated always as identity,
    account_id        integer     not null references accounts,
    key               text        not null,
    name              text        not null,
    description       text        not null default '',
    is_primary        boolean     not null default false,
    inherits          boolean     not null default true,
    -- What readers see; null: a draft never published.
    published_version integer,
    position          integer     not null,
    created_at        timestamptz not null default now(),
    constraint profiles_key_unique unique (account_id, key)
);
-- One primary profile per account.
create unique index profiles_primary_unique on profiles (account_id) where is_primary;

-- The draft: a profile's own weights, by key, since they may name definitions still to come.
create table profile_weights (
    profile_id     integer not null references profiles,
    definition_key text    not null,
    weight         integer not null,
    primary key (profile_id, definition_key)
);

create table profile_versions (
    profile_id   integer       not null references profiles,
    version      integer       not null,
    state        version_state not null,
    inherits     boolean       not null,
    -- The profile's own weights as published, by definition key, those of definitions still to come included.
    own_weights  jsonb         not null default '{}',
    -- Who published it, and since when readers see it; of one that is not published yet, since when it is built.
    published_by text          not null,
    published_at timestamptz   not null default now(),
    primary key (profile_id, version)
);

-- What a definition counts for under a version: frozen, but for definitions that joined it and never counted.
create table version_weights (
    profile_id    integer not null,
    version       integer not null,
    definition_id integer not null references definitions,
    group_id      integer not null references groups,
    weight        integer not null,
    -- Created after the version was published: follows the catalog until the definition first counts.
    joined        boolean not null default false,
    primary key (profile_id, version, definition_id),
    foreign key (profile_id, version) references profile_versions
);
-- apply: the weights of the definitions that counted in a batch.
create index version_weights_by_definition on version_weights (definition_id);

-- How far publishing a version over history has come, which a crash leaves where it was (docs/decisions/0011).
-- building: contacts get their scores under it, beside the old ones. announcing: readers see it, contacts are told of
-- it and lose their old scores. cancelling: what was built goes.
create table publishes (
    id               bigint        primary key generated always as identity,
    profile_id       integer       not null,
    version          integer       not null,
    -- What readers see until the flip; null: nothing.
    previous_version integer,
    state            publish_state not null default 'building',
    requested_by     text          not null,
    requested_at     timestamptz   not null default now(),
    flipped_at       timestamptz,
    ended_at         timestamptz,
    -- Of the step it is in: contacts are gone through by number, up to this one and no further than that one. Who
    -- came later needs no visit.
    last_contact_id  bigint        not null default 0,
    until_contact_id bigint        not null,
    -- For people: how many were gone through, of how many when the step began; null: not counted yet.
    contacts_done    bigint        not null default 0,
    contacts_total   bigint,
    -- How many there were when it was built, for estimates.
    contacts_built   bigint,
    foreign key (profile_id, version) references profile_versions
);
-- Only one publish of a profile at a time; and those to be gone on with.
create unique index publishes_one_at_a_time on publishes (profile_id) where ended_at is null;
-- Those of a profile, newest first.
create index publishes_by_profile on publishes (profile_id, id desc);

-- How far judging a definition's history again has come, which a crash leaves where it was (docs/decisions/0012).
-- superseded: another edition was opened meanwhile.
create table rejudgements (
    id               bigint            primary key generated always as identity,
    definition_id    integer           not null references definitions,
    -- Under which it is judged: the newest when it began.
    edition          smallint          not null,
    -- Whether reps gain and lose XP by it; otherwise what they were told stands.
    with_xp          boolean           not null,
    state            rejudgement_state not null default 'running',
    requested_by     text              not null,
    requested_at     timestamptz       not null default now(),
    ended_at         timestamptz,
    -- Contacts are gone through by number, up to this one and no further than that one.
    last_contact_id  bigint            not null default 0,
    until_contact_id bigint            not null,
    -- For people; null: not counted yet.
    contacts_done    bigint            not null default 0,
    contacts_total   bigint,
    entries_changed  bigint            not null default 0
);
-- Only one of a definition at a time; and those to be gone on with.
create unique index rejudgements_one_at_a_time on rejudgements (definition_id) where ended_at is null;
-- The list of a definition's; verify: whether XP may differ from what counts.
create index rejudgements_by_definition on rejudgements (definition_id, id);

-- Saved conditions on contacts; nothing is kept of who fulfils them.
create table segments (
    id          integer     primary key generated always as identity,
    account_id  integer     not null references accounts,
    key         text        not null,
    name        text        not null,
    description text        not null default '',
    -- Whose scores are meant; null: the primary one's, whichever that is.
    profile_key text,
    -- As sent (consumer/scoring/segments/definition.py); names definitions and groups by key.
    conditions  jsonb       not null,
    position    integer     not null,
    created_at  timestamptz not null default now(),
    -- How many there were when they were counted last, and who counts them: since when; both null after a change.
    contacts    bigint,
    counted_at  timestamptz,
    claimed_at  timestamptz,
    constraint segments_key_unique unique (account_id, key)
);

-- Contacts ------------------------------------------------------------------------------------------------

create table contacts (
    id          bigint      primary key generated always as identity,
    -- No foreign key: accounts never go, and each check would lock the account's row.
    account_id  integer     not null,
    external_id text        not null,
    -- The outbox shard of all its messages: fixed by the slice it was first seen in.
    shard       smallint    not null,
    created_at  timestamptz not null default now(),
    constraint contacts_external_id_unique unique (account_id, external_id)
);

-- What contact.upserted said, per field the latest by (occurred_at, event_key).
create table contact_fields (
    account_id  integer     not null,
    contact_id  bigint      not null references contacts,
    field       text        not null,
    value       text        not null,
    occurred_at timestamptz not null,
    event_key   bytea       not null,
    primary key (contact_id, field)
);
-- Lists of an owner's contacts ("my leads"). Of the beginning: an owner's name may be longer than an index takes.
create index contact_fields_by_owner on contact_fields (account_id, left(value, 256), contact_id)
    where field = 'owner';

-- contact.merged, as received.
create table contact_merges (
    account_id       integer     not null references accounts,
    external_id      text        not null,
    event_key        bytea       not null,
    occurred_at      timestamptz not null,
    into_external_id text,
    primary key (account_id, external_id, event_key)
);

-- contact.deleted, as received.
create table contact_deletions (
    account_id  integer     not null references accounts,
    external_id text        not null,
    event_key   bytea       not null,
    occurred_at timestamptz not null,
    primary key (account_id, external_id, event_key)
);

-- Links between contacts as they hold now: absorbed leads to survivor.
create table contact_links (
    absorbed_id bigint      primary key references contacts,
    survivor_id bigint      not null references contacts,
    origin      text        not null constraint contact_links_origin_known
                            check (origin in ('identify', 'merged', 'api')),
    occurred_at timestamptz not null,
    event_key   bytea       not null,
    constraint contact_links_to_another check (absorbed_id <> survivor_id)
);

-- What has happened ---------------------------------------------------------------------------------------

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

-- Unknown events by type: the account's inbox (approximate after a crash).
create table inbox (
    account_id    integer     not null references accounts,
    -- '' gathers what came after the first 1,000 types.
    type          text        not null,
    count         bigint      not null,
    first_seen_at timestamptz not null,
    last_seen_at  timestamptz not null,
    sample        text        not null,
    primary key (account_id, type)
);

-- In and out ----------------------------------------------------------------------------------------------

-- Where each lane stands. A batch moves it by compare-and-set on (epoch, next_offset).
create table lanes (
    topic          text    not null,
    partition      integer not null,
    -- Raised by whoever takes the lane over: fences those who held it before.
    epoch          bigint  not null default 0,
    next_offset    bigint  not null,
    -- Of the last record processed: tells a topic that was recreated.
    last_timestamp bigint,
    last_checksum  bigint,
    stopped        text    constraint lanes_stopped_known
                           check (stopped in ('dead_letters', 'log_truncated', 'topic_recreated', 'paused')),
    -- Records processed since the count of dead ones began, and the dead among the last 200 of them as
    -- [[number, account or null], …].
    seen           bigint  not null default 0,
    recent_dead    jsonb   not null default '[]',
    primary key (topic, partition)
);

-- Who works: one row for each process that reads lanes, kept alive by its heartbeat.
create table workers (
    id         bigint      primary key generated always as identity,
    -- For people: where it runs.
    name       text        not null,
    -- The numbers of its pipelines that can read; those that cannot get no slices.
    pipelines  smallint[]  not null,
    -- Server process of its heartbeat: gone with the worker, long before the lease runs out.
    backend    integer     not null,
    expires_at timestamptz not null
);

-- Who holds which slice (all lanes of one partition number). Free: nobody, or somebody who is dead.
create table slices (
    number        integer     primary key,
    -- Raised with each claim: whoever claims or takes lanes by it says which one they saw.
    epoch         bigint      not null default 0,
    worker_id     bigint,
    pipeline      smallint,
    -- A worker that gave it up because it could not read it, and until when others go first.
    given_up_by   bigint,
    shunned_until timestamptz
);

create table dead_letters (
    id               bigint      primary key generated always as identity,
    topic            text        not null,
    partition        integer     not null,
    "offset"         bigint      not null,
    record_timestamp bigint,
    key              bytea,
    value            bytea,
    -- JSON, [[name, value in base64 or null], …]: as bytes, since a name may hold what text and jsonb refuse.
    headers          bytea       not null,
    reason           text        not null,
    detail           text        not null,
    -- The well-formed accountid that could be read.
    account_key      text,
    recorded_at      timestamptz not null default now()
);
-- dead-letters list of one account.
create index dead_letters_by_account on dead_letters (account_key, id);

-- The last position given out, by shard. Updated last in a batch and held to its commit: position order is
-- commit order, without gaps.
create table outbox_heads (
    shard smallint primary key,
    head  bigint   not null default 0
);

-- One row for each batch and shard: the messages at positions first_position, first_position + 1, …
create table outbox (
    shard          smallint       not null,
    first_position bigint         not null,
    kinds          message_kind[] not null,
    -- What each message says, as consumer/relay/message_json.py takes it apart; of a dead letter the id in dead_letters.
    facts          text[]         not null,
    -- By account key what the view groups_told says.
    groups         text           not null,
    committed_at   timestamptz    not null,
    primary key (shard, first_position)
);
-- Stored as they are: they live for less than a second, and compressing them took a tenth of a batch's time.
alter table outbox alter column facts set storage external;

-- Up to where each shard is known to be published.
create table relay_floors (
    shard smallint primary key,
    floor bigint   not null default 0
);

-- Processes that publish, kept alive by their heartbeat; and which of them publishes which shard. Apart from the
-- floors, which move with every transaction.
create table relays (
    owner      text        primary key,
    -- Server process of its heartbeat: gone with the relay, long before the lease runs out.
    backend    integer     not null,
    expires_at timestamptz not null
);

create table shard_leases (
    shard smallint primary key,
    -- Free: nobody, or a relay that is dead.
    owner text
);

-- The groups that messages tell of: those of the catalog, and of the deleted ones those in which a published version
-- counts, or whom a publish goes on to tell that they are gone. Everything by key: batches ask, too.
create view counters as
select g.account_id, g.id as group_id, g.key, g.position
from groups g
where not g.deleted or exists (
    select from profiles p
    where p.account_id = g.account_id
        and (exists (select from version_weights w
                     where w.profile_id = p.id and w.version = p.published_version and w.group_id = g.id
                     offset 0)
             or exists (select from publishes u
                        where u.profile_id = p.id and u.ended_at is null and u.state = 'announcing'
                        offset 0))
    offset 0);

-- An account's groups as the outbox keeps them, in the order in which messages have them (consumer/relay/message_json.py):
-- [[number, key, whether messages tell of it even where nothing was told before], …].
create view groups_told as
select a.id as account_id, (
    select json_agg(json_build_array(g.id, g.key, exists (
        select from counters c where c.account_id = a.id and c.group_id = g.id offset 0)) order by g.position, g.id)
    from ( -- in the order of the index that they are to be found by
        select id, key, position from groups where account_id = a.id order by account_id, key offset 0) g) as groups
from accounts a;

-- The state of a walk over a dedup key in event order: the time of the last counted event.
-- An event counts if it is not blocked and no counted event lies less than `span` before it (semantics §4).
create function cooldown_step(last_counted timestamptz, occurred_at timestamptz, span interval, blocked boolean,
                              start timestamptz)
returns timestamptz language plpgsql immutable as $$
begin
    if blocked or occurred_at < coalesce(last_counted, start) + span then
        return coalesce(last_counted, start);
    end if;
    return occurred_at;
end $$;

create aggregate last_counted(occurred_at timestamptz, span interval, blocked boolean, start timestamptz) (
    sfunc = cooldown_step,
    stype = timestamptz
);

-- Gives out `messages` positions of a shard and returns the first. A function, so that it reads the head
-- after waiting for it, not as of the beginning of the calling statement.
create function take_positions(of_shard smallint, messages bigint)
returns bigint language sql volatile as $$
    update outbox_heads set head = head + messages where shard = of_shard returning head - messages + 1
$$;

insert into installation (schema_version) values (1);
insert into outbox_heads (shard) select generate_series(0, shards - 1) from installation;
insert into relay_floors (shard) select generate_series(0, shards - 1) from installation;
insert into shard_leases (shard) select generate_series(0, shards - 1) from installation;
