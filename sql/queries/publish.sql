-- Publishing a profile version over history, some contacts at a time (docs/decisions/0011).

-- name: pin_plans
-- For a publish's transactions. Plans are made once, maybe for small tables; they have to scan contacts in the order of
-- their numbers and look their rows up by key whatever the sizes.
set local enable_seqscan = off; set local enable_bitmapscan = off

-- name: unfinished
-- Publishes that have not ended, oldest first: of all accounts ($1 null) or of some profiles ($2, by key) of one.
select u.id
from publishes u
join profiles p on p.id = u.profile_id
join accounts a on a.id = p.account_id
where u.ended_at is null and ($1::text is null or a.key = $1 and p.key = any($2::text[]))
order by u.id

-- name: read
-- The progress of a publish.
select u.id, a.key as account, p.key as profile, u.version, u.previous_version, u.state::text as state,
    u.requested_by, u.requested_at, u.flipped_at, u.ended_at, u.contacts_done as done, u.contacts_total as total
from publishes u
join profiles p on p.id = u.profile_id
join accounts a on a.id = p.account_id
where u.id = $1

-- name: find_by_version
-- The publish of a version ($3) of a profile ($2, by key) of an account ($1, by key).
select u.id
from publishes u
join profiles p on p.id = u.profile_id
join accounts a on a.id = p.account_id
where a.key = $1 and p.key = $2 and u.version = $3

-- name: unfinished_jobs
-- Publishes that have not ended, as jobs (publishes_one_at_a_time).
select u.id, p.account_id, u.retry_at
from publishes u
join profiles p on p.id = u.profile_id
where u.ended_at is null

-- name: facts
-- What a step needs of a publish.
select p.account_id, a.key as account, u.profile_id, u.version, u.state::text as state
from publishes u
join profiles p on p.id = u.profile_id
join accounts a on a.id = p.account_id
where u.id = $1

-- name: build_scores
-- Stores the sums of these contacts under a version, computed from tallies, weights and adjustments; that of overall from what
-- is shown of groups. Points that batches have added before are in the tallies too: delete_scores comes first.
with one as (
    select unnest($1::bigint[]) as contact_id
),
point as (
    select k.contact_id, w.group_id, k.count::bigint * w.weight as points
    from one
    cross join lateral (
        select contact_id, definition_id, count from dedup_keys k where k.contact_id = one.contact_id offset 0) k
    join version_weights w on w.profile_id = $2 and w.version = $3 and w.definition_id = k.definition_id
    where k.count <> 0
    union all
    select a.contact_id, a.group_id, a.points
    from one
    cross join lateral (
        select contact_id, group_id, points from adjustments a
        where a.contact_id = one.contact_id and a.profile_id = $2
        offset 0) a
    union all -- every contact ever seen has an overall score, unless it was joined to another or erased
    select contact_id, null, 0 from one
    where exists (
        select from contacts c
        where c.id = one.contact_id and c.survivor_id is null and c.external_id is not null
        offset 0)
),
by_group as (
    select contact_id, group_id, sum(points)::bigint as points from point group by contact_id, group_id
),
built as materialized (
    select contact_id,
        coalesce(sum(shown_points(points, f.floor, f.cap)) filter (where f.apart is not true), 0)::bigint as overall,
        coalesce(array_agg(by_group.group_id) filter (where by_group.group_id is not null), '{}') as group_ids,
        coalesce(array_agg(points) filter (where by_group.group_id is not null), '{}') as group_points
    from by_group
    left join version_groups f on f.profile_id = $2 and f.version = $3 and f.group_id = by_group.group_id
    group by contact_id
),
written as (
    insert into contact_scores (contact_id, profile_id, version, overall, group_ids, group_points)
    select contact_id, $2, $3, overall, group_ids, group_points from built
    order by contact_id
)
insert into ranks (profile_id, version, group_id, points, contact_id)
select $2, $3, g.group_id, g.points, b.contact_id
from built b
cross join lateral (
    select 0 as group_id, b.overall as points
    union all
    select * from unnest(b.group_ids, b.group_points)) g

-- name: flip
-- Publishes the version. Checks once more that it is built for all contacts; otherwise no row.
with flipped as (
    update publishes
    set state = 'announcing', flipped_at = now(), last_contact_id = 0, contacts_done = 0, contacts_total = null,
        contacts_built = contacts_done, until_contact_id = (select coalesce(max(id), 0) from contacts), counted_contact_id = -1
    where id = $1 and state = 'building' and last_contact_id >= until_contact_id and counted_contact_id >= 0
    returning profile_id, version
),
retired as (
    update profile_versions v set state = 'retired'
    from flipped f where v.profile_id = f.profile_id and v.state = 'published'
),
published as (
    update profile_versions v set state = 'published', published_at = now()
    from flipped f where v.profile_id = f.profile_id and v.version = f.version
)
update profiles p set published_version = f.version from flipped f where p.id = f.profile_id
returning 'announcing'

-- name: cancel
-- From here on batches add nothing to the version; scores built for it are to be deleted, later contacts' too.
with cancelling as (
    update publishes
    set state = 'cancelling', last_contact_id = 0, contacts_done = 0, contacts_total = null,
        until_contact_id = (select coalesce(max(id), 0) from contacts), counted_contact_id = -1
    where id = $1 and state = 'building'
    returning profile_id, version
)
update profile_versions v set state = 'cancelled'
from cancelling c where v.profile_id = c.profile_id and v.version = c.version

-- name: delete_scores
-- Deletes the scores of these contacts: under version $3 or, if $4, under the versions before it.
with deleted as (
    delete from contact_scores
    where contact_id = any($1::bigint[]) and profile_id = $2
        and case when $4 then version < $3 else version = $3 end
    returning contact_id, profile_id, version, overall, group_ids, group_points
)
delete from ranks r
using (
    select r.place
    from deleted d
    cross join lateral (
        select 0 as group_id, d.overall as points
        union all
        select * from unnest(d.group_ids, d.group_points)) g
    cross join lateral (
        select ctid as place from ranks r
        where r.profile_id = d.profile_id and r.version = d.version and r.group_id = g.group_id
            and r.points = g.points and r.contact_id = d.contact_id
        offset 0) r
) unranked
where r.ctid = unranked.place

-- name: finish
-- Ends a publish of which all contacts are processed.
update publishes
set state = case state when 'announcing' then 'done'::publish_state else 'cancelled' end, ended_at = now()
where id = $1 and state in ('announcing', 'cancelling') and last_contact_id >= until_contact_id
    and counted_contact_id >= 0
returning state::text

-- name: versions
-- The published and retired versions of a profile ($2, by key), all or those with these numbers ($3), newest first, each
-- with the weights of its definitions, and its frames (version_groups_pkey).
select v.version as number, v.state::text as state, v.inherits, v.own_weights::text as own_weights, v.published_by,
    v.published_at,
    (select coalesce(jsonb_agg(jsonb_build_array(d.key, w.weight, g.key, w.joined) order by d.position, d.id), '[]')::text
     from version_weights w
     join definitions d on d.id = w.definition_id
     join groups g on g.id = w.group_id
     where w.profile_id = v.profile_id and w.version = v.version) as weights,
    (select coalesce(jsonb_agg(jsonb_build_array(g.key, f.floor, f.cap, f.apart, f.band_keys, f.band_least)), '[]')::text
     from version_groups f
     left join groups g on g.id = f.group_id
     where f.profile_id = v.profile_id and f.version = v.version) as frames
from accounts a
join profiles p on p.account_id = a.id and p.key = $2
join profile_versions v on v.profile_id = p.id
where a.key = $1 and v.state in ('published', 'retired') and ($3::int[] = '{}' or v.version = any($3))
order by v.version desc

-- name: revision
-- The revision of the configuration.
select revision from installation

-- name: build_rate
-- How many contacts a second the last large publish has built.
select contacts_built / greatest(extract(epoch from flipped_at - requested_at), 0.001)::float8
from publishes
where contacts_built >= 1000
order by id desc
limit 1
