-- From version 1: gates and tallies become dedup_keys; scores become contact_scores and ranks, with a view of the old name.
-- Each new table is filled by one statement, contact by contact, and then gets its key.
-- oldest program: 2

-- step: stopped

-- A worker of version 1 that still runs ends the batch it has begun; the next one waits, and fails without its tables. In
-- the order in which a batch comes to them.
lock table claims, timeline, gates, tallies, scores in access exclusive mode;

-- For sorting whole tables.
set local work_mem = '256MB';
set local maintenance_work_mem = '256MB';

create table dedup_keys (
    contact_id       bigint   not null,
    definition_id    integer  not null,
    edition          smallint not null,
    object_key       text     not null,
    count            integer  not null,
    last_counted_at  timestamptz,
    last_counted_key bytea,
    last_fixed_at    timestamptz
);

insert into dedup_keys
with by_object as materialized (
    select t.contact_id, t.definition_id, t.edition, coalesce(t.object_id, '') as object_key, count(*)::integer as count
    from timeline t
    join editions e on e.definition_id = t.definition_id and e.number = t.edition and e.per = 'object'
    where t.verdict = 'counted'
    group by 1, 2, 3, 4
),
-- A tally is the sum over its keys: what no retained entry explains, and all of a key per contact, has the object ''.
counted as (
    select contact_id, definition_id, edition, object_key, sum(count) as count
    from (
        select contact_id, definition_id, edition, '' as object_key, count from tallies
        union all
        select contact_id, definition_id, edition, '', -count from by_object
        union all
        select * from by_object
    ) step
    group by contact_id, definition_id, edition, object_key
    having sum(count) <> 0
)
select contact_id, definition_id, edition, object_key, coalesce(c.count, 0), g.last_counted_at, g.last_counted_key,
    g.last_fixed_at
from counted c
full join gates g using (contact_id, definition_id, edition, object_key)
order by contact_id, definition_id;

alter table dedup_keys add primary key (contact_id, definition_id, edition, object_key);
drop table gates, tallies;

create table contact_scores (
    contact_id      bigint    not null,
    profile_id      integer   not null,
    version         integer   not null,
    overall         bigint    not null,
    group_ids       integer[] not null,
    group_points    bigint[]  not null,
    message_version bigint
);

insert into contact_scores
select contact_id, profile_id, version, max(points) filter (where group_id = 0),
    coalesce(array_agg(group_id order by group_id) filter (where group_id <> 0), '{}'),
    coalesce(array_agg(points order by group_id) filter (where group_id <> 0), '{}'),
    max(message_version) filter (where group_id = 0)
from scores
group by contact_id, profile_id, version
order by contact_id, profile_id, version;

alter table contact_scores add primary key (contact_id, profile_id, version);

create table ranks (
    profile_id integer not null,
    version    integer not null,
    group_id   integer not null,
    points     bigint  not null,
    contact_id bigint  not null
);

insert into ranks
select profile_id, version, group_id, points, contact_id from scores
order by profile_id, version, group_id, points, contact_id;

alter table ranks add primary key (profile_id, version, group_id, points, contact_id);
drop table scores;

create view scores as
select s.contact_id, s.profile_id, s.version, g.group_id, g.points, g.message_version
from contact_scores s
cross join lateral (
    select 0 as group_id, s.overall as points, s.message_version
    union all
    select group_id, points, null from unnest(s.group_ids, s.group_points) as by_group(group_id, points)) g;

alter table claims alter column applied_at set default now();
alter table timeline alter column recorded_at set default now();

drop aggregate last_counted(timestamptz, interval, boolean, timestamptz);
drop function cooldown_step;

analyze dedup_keys, contact_scores, ranks;
