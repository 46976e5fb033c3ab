-- Accounts, catalogs and profiles: the snapshot that batches match by, and the writes of a change of configuration.
-- Rows come in as a JSON list ($2), by key: those that are new or differ. Their numbers are looked up here, and new ones come
-- last in display order.

-- name: load_snapshot
-- The accounts that have changed since a revision ($1; 0: every account), or of them those with these keys ($2), each with
-- all its active definitions, and the revision of the installation: at least one row.
select installation.revision,
       account.id as account_id, account.key as account_key,
       account.engagement, account.sales, account.count_robots,
       definition.id as definition_id, definition.key as definition_key,
       definition.edition, definition.policy::text as policy, definition.interval_seconds, definition.per::text as per,
       definition.xp, definition.events, definition.conditions::text as conditions
from installation
left join accounts account on account.revision > $1 and ($2::text[] is null or account.key = any($2))
left join definitions definition on definition.account_id = account.id and definition.active
order by account.id, definition.position, definition.id;

-- name: newest_revision
-- The revision of the installation.
select revision from installation;

-- name: changed_since
-- Whether an account's configuration has changed after a revision.
select exists (select from accounts where key = $1 and revision > $2);

-- name: lock_segments
-- Locks the segments of an account ($1, by key), future ones included, by its own row, as changes of segments do.
select from accounts where key = $1 for no key update;

-- name: lock_uncounted
-- Locks the definitions of an account ($1, by key), all or some ($2, by key), that have not counted yet, in the order in
-- which batches mark them.
select from definitions definition
join accounts account on account.id = definition.account_id
where account.key = $1 and not definition.counted and ($2::text[] is null or definition.key = any($2))
order by definition.id
for no key update of definition;

-- name: list_accounts
-- The keys of all accounts.
select key from accounts order by key;

-- name: account_number
-- The number of an account.
select id from accounts where key = $1;

-- name: write_account
-- Creates the account or changes what differs; returns its number.
insert into accounts as stored (key, name, engagement, sales, retention_seconds, time_zone, count_robots)
select $1, name, engagement, sales, retention_seconds, time_zone, count_robots
from jsonb_to_recordset($2::text::jsonb) as given (name text, engagement boolean, sales boolean,
     retention_seconds bigint, time_zone text, count_robots boolean)
on conflict on constraint accounts_key_unique do update
set name = excluded.name, engagement = excluded.engagement, sales = excluded.sales,
    retention_seconds = excluded.retention_seconds, time_zone = excluded.time_zone,
    count_robots = excluded.count_robots
returning id;

-- name: write_groups
-- Creates and changes groups; a deleted one is created again.
insert into groups as stored (account_id, key, name, icon, position)
select $1, key, name, icon, last.position + given.position
from jsonb_to_recordset($2::text::jsonb) as given (key text, name text, icon text, position integer)
cross join (select coalesce(max(position) + 1, 0) as position from groups where account_id = $1) last
on conflict on constraint groups_key_unique do update
set name = excluded.name, icon = excluded.icon, deleted = false,
    position = case when stored.deleted then excluded.position else stored.position end;

-- name: order_groups
-- Puts groups into the order of these keys ($2).
update groups set position = given.place
from unnest($2::text[]) with ordinality as given(key, place)
where groups.account_id = $1 and groups.key = given.key and groups.position <> given.place;

-- name: write_definitions
-- Creates and changes definitions; leaves `counted` alone.
insert into definitions (account_id, key, name, group_id, icon, default_points, active, events,
       conditions, policy, interval_seconds, per, edition, xp, position)
select $1, given.key, given.name, "group".id, given.icon, given.default_points, given.active, given.events,
       given.conditions, given.policy, given.interval_seconds, given.per, given.edition, given.xp,
       last.position + given.position
from jsonb_to_recordset($2::text::jsonb) as given (key text, name text, "group" text, icon text,
     default_points integer, active boolean, events text[], conditions jsonb, policy dedup_policy,
     interval_seconds bigint, per dedup_per, edition smallint, xp integer, position integer)
join groups "group" on "group".account_id = $1 and "group".key = given."group"
cross join (select coalesce(max(position) + 1, 0) as position from definitions where account_id = $1) last
on conflict on constraint definitions_key_unique do update
set name = excluded.name, group_id = excluded.group_id, icon = excluded.icon,
    default_points = excluded.default_points, active = excluded.active, events = excluded.events,
    conditions = excluded.conditions, policy = excluded.policy, interval_seconds = excluded.interval_seconds,
    per = excluded.per, edition = excluded.edition, xp = excluded.xp;

-- name: order_definitions
-- Puts definitions into the order of these keys ($2).
update definitions set position = given.place
from unnest($2::text[]) with ordinality as given(key, place)
where definitions.account_id = $1 and definitions.key = given.key and definitions.position <> given.place;

-- name: write_editions
-- Opens the current edition of those of these definitions ($2, by key) that do not have it.
insert into editions (definition_id, number, policy, interval_seconds, per)
select id, edition, policy, interval_seconds, per from definitions where account_id = $1 and key = any($2::text[])
on conflict do nothing;

-- name: demote_profiles
-- Makes every other profile non-primary, before the new primary one is written.
update profiles set is_primary = false where account_id = $1 and key <> $2 and is_primary;

-- name: write_profiles
-- Creates and changes profiles.
insert into profiles (account_id, key, name, description, is_primary, inherits, published_version, position, archived,
       frames)
select $1, key, name, description, is_primary, inherits, published_version, last.position + given.position, archived,
       frames
from jsonb_to_recordset($2::text::jsonb) as given (key text, name text, description text, is_primary boolean,
     inherits boolean, published_version integer, position integer, archived boolean, frames jsonb)
cross join (select coalesce(max(position) + 1, 0) as position from profiles where account_id = $1) last
on conflict on constraint profiles_key_unique do update
set name = excluded.name, description = excluded.description, is_primary = excluded.is_primary,
    inherits = excluded.inherits, published_version = excluded.published_version, archived = excluded.archived,
    frames = excluded.frames;

-- name: order_profiles
-- Puts profiles into the order of these keys ($2).
update profiles set position = given.place
from unnest($2::text[]) with ordinality as given(key, place)
where profiles.account_id = $1 and profiles.key = given.key and profiles.position <> given.place;

-- name: write_own_weights
-- The drafts' own weights that are new or have changed.
insert into profile_weights (profile_id, definition_key, weight)
select profile.id, given.definition, given.weight
from jsonb_to_recordset($2::text::jsonb) as given (profile text, definition text, weight integer)
join profiles profile on profile.account_id = $1 and profile.key = given.profile
on conflict (profile_id, definition_key) do update set weight = excluded.weight;

-- name: drop_own_weights
-- The drafts' own weights that are no longer there.
delete from profile_weights stored
using profiles profile, jsonb_to_recordset($2::text::jsonb) as given (profile text, definition text)
where profile.account_id = $1 and profile.key = given.profile
  and stored.profile_id = profile.id and stored.definition_key = given.definition;

-- name: retire_versions
-- The published versions of profiles ($2, by key) that get a new one, or none.
update profile_versions version set state = 'retired'
from profiles profile
where profile.account_id = $1 and profile.key = any($2::text[])
  and version.profile_id = profile.id and version.state = 'published';

-- name: write_versions
-- The versions that are published now, or begin to be built.
insert into profile_versions (profile_id, version, state, inherits, own_weights, published_by)
select profile.id, given.number, given.state, given.inherits, given.own_weights, $3
from jsonb_to_recordset($2::text::jsonb) as given (profile text, number integer, state version_state,
     inherits boolean, own_weights jsonb)
join profiles profile on profile.account_id = $1 and profile.key = given.profile;

-- name: write_version_groups
-- The frames of new versions; without a group: of overall.
insert into version_groups (profile_id, version, group_id, floor, cap, apart, band_keys, band_least)
select profile.id, given.number, coalesce("group".id, 0), given.floor, given.cap, given.apart, given.band_keys,
       given.band_least
from jsonb_to_recordset($2::text::jsonb) as given (profile text, number integer, "group" text, floor bigint,
     cap bigint, apart boolean, band_keys text[], band_least bigint[])
join profiles profile on profile.account_id = $1 and profile.key = given.profile
left join groups "group" on "group".account_id = $1 and "group".key = given."group";

-- name: write_publishes
-- A publish for each version that begins to be built. Which contacts are to be processed is not known yet (jobs.sql);
-- those created later get scores under it at once.
insert into publishes (profile_id, version, previous_version, requested_by, until_contact_id, counted_contact_id)
select profile.id, given.number, profile.published_version, $3, (select coalesce(max(id), 0) from contacts), -1
from jsonb_to_recordset($2::text::jsonb) as given (profile text, number integer, state version_state)
join profiles profile on profile.account_id = $1 and profile.key = given.profile
where given.state = 'building';

-- name: write_version_weights
-- The weights of published and building versions that are new or have changed: of new versions, of definitions that join,
-- and of joined ones that have not counted.
insert into version_weights as stored (profile_id, version, definition_id, group_id, weight, joined)
select profile.id, given.number, definition.id, "group".id, given.points, given.joined
from jsonb_to_recordset($2::text::jsonb) as given (profile text, number integer, definition text, "group" text,
     points integer, joined boolean)
join profiles profile on profile.account_id = $1 and profile.key = given.profile
join definitions definition on definition.account_id = $1 and definition.key = given.definition
join groups "group" on "group".account_id = $1 and "group".key = given."group"
on conflict (profile_id, version, definition_id) do update
set group_id = excluded.group_id, weight = excluded.weight
where stored.joined and (stored.group_id, stored.weight) is distinct from (excluded.group_id, excluded.weight);

-- name: drop_profiles
-- Profiles ($2, by key) of an account ($1, by key) that were never published, with their cancelled publishes.
with deleted as (
    select profiles.id
    from profiles join accounts account on account.id = profiles.account_id
    where account.key = $1 and profiles.key = any($2::text[])
), of_draft as (
    delete from profile_weights using deleted where profile_id = deleted.id
), of_versions as (
    delete from version_weights using deleted where profile_id = deleted.id
), of_frames as (
    delete from version_groups using deleted where profile_id = deleted.id
), cancelled as (
    delete from publishes using deleted where profile_id = deleted.id
), versions as (
    delete from profile_versions using deleted where profile_id = deleted.id
)
delete from profiles using deleted where profiles.id = deleted.id;

-- name: drop_definitions
-- Definitions ($2, by key) of an account ($1, by key) that never counted, with their configuration.
with deleted as (
    select definitions.id
    from definitions join accounts account on account.id = definitions.account_id
    where account.key = $1 and definitions.key = any($2::text[])
), of_versions as (
    delete from version_weights using deleted where definition_id = deleted.id
), of_editions as (
    delete from editions using deleted where definition_id = deleted.id
)
delete from definitions using deleted where definitions.id = deleted.id;

-- name: drop_groups
-- Groups ($2, by key) of an account ($1, by key) without definitions: marked, since versions may name them.
update groups set deleted = true
from accounts account
where account.key = $1 and groups.account_id = account.id and groups.key = any($2::text[]);

-- name: write_overall_scores
-- An overall score of 0 for every contact under the versions just published: nothing has counted yet. The message version
-- is carried over from the version before.
with added as (
    insert into contact_scores (contact_id, profile_id, version, overall, group_ids, group_points, message_version)
    select contact.id, profile.id, profile.published_version, 0, '{}', '{}', before.message_version
    from profiles profile
    join contacts contact on contact.account_id = $1
    cross join lateral (
        select max(message_version) as message_version from contact_scores
        where contact_id = contact.id and profile_id = profile.id
        offset 0) before
    where profile.account_id = $1 and profile.key = any($2::text[])
      and contact.survivor_id is null and contact.external_id is not null
    on conflict do nothing
    returning profile_id, version, contact_id
)
insert into ranks (profile_id, version, group_id, points, contact_id)
select profile_id, version, 0, 0, contact_id from added;

-- name: drop_retired_scores
-- Scores under older versions than those just published; all of them are 0, and unused from now on.
with retired as (
    delete from contact_scores score
    using profiles profile
    where profile.account_id = $1 and profile.key = any($2::text[])
      and score.profile_id = profile.id and score.version < profile.published_version
)
delete from ranks rank
using profiles profile
where profile.account_id = $1 and profile.key = any($2::text[])
  and rank.profile_id = profile.id and rank.version < profile.published_version;
