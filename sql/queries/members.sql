-- Who is in a segment: conditions and selections that consumer/scoring/segments/member_sql.py puts together. `:contact` stands for
-- the number of a contact, `:moved` for what a publish brings it, every other `:name` for a parameter. Tables have names
-- of their own here, so that all of it fits into any query.

-- name: one_scored
-- A contact has points in a group (0: overall), and they lie within bounds or (:inside false) do not.
-- `offset 0`, here and below: looked up by key for each contact that is asked about, never for everybody beforehand;
-- `+ 0`: by that of the contact, not among all who have as many points.
exists (
    select from scores of_score
    where of_score.contact_id = :contact and of_score.profile_id + 0 = :profile::int and of_score.group_id = :group::int
        and of_score.version = (select published_version from profiles of_profile where of_profile.id = :profile::int)
        and (of_score.points between :least::bigint and :most::bigint) = :inside::boolean
    offset 0)

-- name: one_counted
-- Some definitions have counted for a contact, and how often lies within bounds or does not.
exists (
    select from tallies of_tally
    where of_tally.contact_id = :contact and of_tally.definition_id = any(:definitions::int[])
    having (sum(of_tally.count) between :least::bigint and :most::bigint) = :inside::boolean
    offset 0)

-- name: one_had_event
-- A contact had an event since some time, of certain definitions or (null) any; a robot's is none of theirs.
exists (
    select from timeline of_entry
    where of_entry.account_id = :account::int and of_entry.contact_id = :contact
        and of_entry.occurred_at >= :since::timestamptz and of_entry.verdict <> 'excluded'
        and (:definitions::int[] is null or of_entry.definition_id = any(:definitions::int[]))
    offset 0)

-- name: one_scored_after
-- A contact's points in a group will lie within bounds once those that a publish brings are added.
coalesce((
    select of_score.points from scores of_score
    where of_score.contact_id = :contact and of_score.profile_id + 0 = :profile::int and of_score.group_id = :group::int
        and of_score.version = (select published_version from profiles of_profile where of_profile.id = :profile::int)
    ), 0) + coalesce((:moved ->> (:group::int)::text)::bigint, 0) between :least::bigint and :most::bigint

-- name: all_scored
-- Of whom one_scored is true.
select of_score.contact_id
from scores of_score
where of_score.profile_id = :profile::int and of_score.group_id = :group::int
    and of_score.version = (select published_version from profiles of_profile where of_profile.id = :profile::int)
    and (of_score.points between :least::bigint and :most::bigint) = :inside::boolean

-- name: all_counted
-- Of whom one_counted is true.
select of_tally.contact_id
from tallies of_tally
where of_tally.definition_id = any(:definitions::int[])
group by of_tally.contact_id
having (sum(of_tally.count) between :least::bigint and :most::bigint) = :inside::boolean

-- name: all_had_event
-- Of whom one_had_event is true.
select of_entry.contact_id
from timeline of_entry
where of_entry.account_id = :account::int
    and of_entry.occurred_at >= :since::timestamptz and of_entry.verdict <> 'excluded'
    and (:definitions::int[] is null or of_entry.definition_id = any(:definitions::int[]))

-- name: among
-- The contacts of an account of whom everything in :holds is true; who was absorbed by another has no score of their own.
select of_account.id as contact_id
from contacts of_account
where of_account.account_id = :account::int and :holds
    and not exists (select from contact_links of_link where of_link.absorbed_id = of_account.id)

-- name: plan_for_many
-- For selections of all members: planned for the values at hand, and each table gone through once. What the planner
-- believes of sums is far too little, and looking up one by one whom it did not expect took twenty times as long.
set local plan_cache_mode = force_custom_plan; set local work_mem = '64MB'; set local enable_nestloop = off

-- name: count
-- How many members there are, as of when.
select count(*) as contacts, now() as at from (:members) member

-- name: crossing
-- Who enters or leaves a segment, of those whom a publish brings points: for the preview's statement.
select :number::bigint as number, member.contact_id, member.enters
from (select in_move.contact_id, :before as stays, :after as enters from moved in_move) member
where member.stays <> member.enters
