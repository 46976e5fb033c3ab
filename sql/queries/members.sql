-- Fragments of the conditions and selections that consumer/scoring/segments/member_sql.py compiles. `:contact` is the
-- number of a contact, `:moved` the points that a publish adds to it, every other `:name` a parameter. Table aliases are
-- unique to this file, so that a fragment fits into any query.

-- name: within
-- Points are in a range. :within, below, is one of these, or some joined by `or`.
of_score.points between :least::bigint and :most::bigint

-- name: one_scored
-- The contact has points in a group (0: overall), and they are :within a range, or (:inside false) in none.
-- `offset 0`, here and below: evaluated by key for each contact asked about, never for all contacts beforehand.
exists (
    select from scores of_score
    where of_score.contact_id = :contact and of_score.profile_id = :profile::int and of_score.group_id = :group::int
        and of_score.version = (select published_version from profiles of_profile where of_profile.id = :profile::int)
        and (:within) = :inside::boolean
    offset 0)

-- name: one_counted
-- Some of the definitions have counted for the contact, and their number is within bounds or is not.
exists (
    select from dedup_keys of_tally
    where of_tally.contact_id = :contact and of_tally.definition_id = any(:definitions::int[])
    having (sum(of_tally.count) between :least::bigint and :most::bigint) = :inside::boolean
    offset 0)

-- name: one_had_event
-- The contact had an event since some time, of these definitions or (null) any; excluded entries do not count.
exists (
    select from timeline of_entry
    where of_entry.account_id = :account::int and of_entry.contact_id = :contact
        and of_entry.occurred_at >= :since::timestamptz and of_entry.verdict <> 'excluded' and of_entry.purged_at is null
        and (:definitions::int[] is null or of_entry.definition_id = any(:definitions::int[]))
    offset 0)

-- name: one_counted_since
-- The same of what is dated since some time, by the whole entries of the timeline.
exists (
    select from timeline of_count
    where of_count.account_id = :account::int and of_count.contact_id = :contact
        and of_count.occurred_at >= :since::timestamptz and of_count.verdict = 'counted' and of_count.purged_at is null
        and of_count.definition_id = any(:definitions::int[])
    having (count(*) between :least::bigint and :most::bigint) = :inside::boolean
    offset 0)

-- name: one_owned
-- The contact has an owner: one of these, or (null) any. An empty one is none.
exists (
    select from contact_fields of_owner
    where of_owner.contact_id = :contact and of_owner.field = 'owner' and of_owner.value <> ''
        and (:owners::text[] is null or of_owner.value = any(:owners::text[]))
    offset 0)

-- name: one_tagged
-- The contact has any, or (:every) all, of these tags.
exists (
    select from contact_fields of_tags
    where of_tags.contact_id = :contact and of_tags.field = 'tags'
        and case when of_tags.field <> 'tags' then false
            when :every::boolean then of_tags.value::jsonb ?& :tags::text[] else of_tags.value::jsonb ?| :tags::text[] end
    offset 0)

-- name: one_seen
-- The contact was first seen since some time.
exists (
    select from contacts of_first where of_first.id = :contact and of_first.created_at >= :since::timestamptz
    offset 0)

-- name: one_found
-- The contact's name or e-mail has the words of a search, or its id, or one that was joined to it, begins with the text.
(exists (
    select from contact_fields of_name
    where of_name.contact_id = :contact and of_name.field in ('name', 'email')
        and search_words(of_name.account_id, of_name.value) @@ (select search_query(:account::int, :text::text))
    offset 0)
or exists (
    select from contacts of_id where of_id.id = :contact and starts_with(lower(of_id.external_id), lower(:text::text))
    offset 0)
or exists (
    select from contacts of_id
    where of_id.survivor_id = :contact and starts_with(lower(of_id.external_id), lower(:text::text))
    offset 0))

-- name: one_in_range
-- The contact has points in a group (0: overall) under a version, within bounds.
exists (
    select from scores of_range
    where of_range.contact_id = :contact and of_range.profile_id = :profile::int and of_range.version = :version::int
        and of_range.group_id = :group::int and of_range.points between :least::bigint and :most::bigint
    offset 0)

-- name: one_scored_after
-- The contact's points in a group are :within a range after a publish adds its points.
exists (
    select from (
        select coalesce((
            select of_points.points from scores of_points
            where of_points.contact_id = :contact and of_points.profile_id = :profile::int
                and of_points.group_id = :group::int and of_points.version = (
                    select published_version from profiles of_profile where of_profile.id = :profile::int)
            ), 0) + coalesce((:moved ->> (:group::int)::text)::bigint, 0) as points
        offset 0) of_score
    where :within)

-- name: all_scored
-- Contacts for which one_scored is true.
select of_score.contact_id
from ranks of_score
where of_score.profile_id = :profile::int and of_score.group_id = :group::int
    and of_score.version = (select published_version from profiles of_profile where of_profile.id = :profile::int)
    and (:within) = :inside::boolean

-- name: all_counted
-- Contacts for which one_counted is true.
select of_tally.contact_id
from dedup_keys of_tally
where of_tally.definition_id = any(:definitions::int[])
group by of_tally.contact_id
having (sum(of_tally.count) between :least::bigint and :most::bigint) = :inside::boolean

-- name: all_had_event
-- Contacts for which one_had_event is true.
select of_entry.contact_id
from timeline of_entry
where of_entry.account_id = :account::int
    and of_entry.occurred_at >= :since::timestamptz and of_entry.verdict <> 'excluded' and of_entry.purged_at is null
    and (:definitions::int[] is null or of_entry.definition_id = any(:definitions::int[]))

-- name: all_counted_since
-- Contacts for which one_counted_since is true.
select of_count.contact_id
from timeline of_count
where of_count.account_id = :account::int
    and of_count.occurred_at >= :since::timestamptz and of_count.verdict = 'counted' and of_count.purged_at is null
    and of_count.definition_id = any(:definitions::int[])
group by of_count.contact_id
having (count(*) between :least::bigint and :most::bigint) = :inside::boolean

-- name: all_owned
-- Contacts for which one_owned is true.
select of_owner.contact_id
from contact_fields of_owner
where of_owner.account_id = :account::int and of_owner.field = 'owner' and of_owner.value <> ''
    and (:owners::text[] is null
        or left(of_owner.value, 256) = any(:beginnings::text[]) and of_owner.value = any(:owners::text[]))

-- name: all_tagged
-- Contacts for which one_tagged is true. Only tags are read as JSON.
select of_tags.contact_id
from contact_fields of_tags
where of_tags.account_id = :account::int and of_tags.field = 'tags'
    and case when of_tags.field <> 'tags' then false
        when :every::boolean then of_tags.value::jsonb ?& :tags::text[] else of_tags.value::jsonb ?| :tags::text[] end

-- name: all_seen
-- Contacts for which one_seen is true.
select of_first.id as contact_id
from contacts of_first
where of_first.account_id = :account::int and of_first.created_at >= :since::timestamptz

-- name: all_found
-- Contacts for which one_found is true.
select of_name.contact_id
from contact_fields of_name
where of_name.field in ('name', 'email')
    and search_words(of_name.account_id, of_name.value) @@ search_query(:account::int, :text::text)
union
select coalesce(of_id.survivor_id, of_id.id)
from contacts of_id
where of_id.account_id = :account::int and lower(left(of_id.external_id, 64)) ~>=~ lower(left(:text::text, 64))
    and lower(left(of_id.external_id, 64)) ~<=~ (lower(left(:text::text, 64)) || U&'\+10FFFF')
    and starts_with(lower(of_id.external_id), lower(:text::text))

-- name: all_in_range
-- Contacts for which one_in_range is true.
select of_range.contact_id
from ranks of_range
where of_range.profile_id = :profile::int and of_range.version = :version::int and of_range.group_id = :group::int
    and of_range.points between :least::bigint and :most::bigint

-- name: among
-- The contacts of an account for which :holds is true; those that were joined to another, or erased, have no scores.
select of_account.id as contact_id
from contacts of_account
where of_account.account_id = :account::int and :holds
    and of_account.survivor_id is null and of_account.external_id is not null

-- name: plan_for_many
-- For selections of all members: planned for the actual values, with each table read once. The planner underestimates
-- sums by far; looking up the unexpected contacts one by one took twenty times as long.
set local plan_cache_mode = force_custom_plan; set local work_mem = '64MB'; set local enable_nestloop = off

-- name: count
-- The number of members, and as of when.
select count(*) as contacts, now() as at from (:members) member

-- name: crossing
-- Contacts that enter or leave a segment, of those to which a publish adds points: a part of publish_preview.sql's compare.
select :number::bigint as number, member.contact_id, member.enters
from (select in_move.contact_id, :before as is_member, :after as enters from moved in_move) member
where member.is_member <> member.enters
