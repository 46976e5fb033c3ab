-- How often definitions have counted lately, over an account: from all its events, or from a part of each hour.

-- name: entries
-- How many entries of an account lie in a span of time, at most $4 (timeline_by_time).
select count(*)
from (select from timeline where account_id::bigint = $1::bigint and occurred_at >= $2 and occurred_at < $3 limit $4) entry;

-- name: counted
-- How often each definition has counted in a span of time (timeline_by_time, definitions_pkey).
select (select d.key from definitions d where d.id = e.definition_id) as definition, e.counted
from (
    select definition_id, count(*) as counted
    from timeline
    where account_id::bigint = $1::bigint and occurred_at >= $2 and occurred_at < $3 and verdict = 'counted'
    group by definition_id
    offset 0
) e;

-- name: sampled
-- The same of a part of each hour: $4 of its seconds, beginning at a second that depends on the hour alone: what
-- happens at fixed minutes is not missed (timeline_by_time, definitions_pkey).
with hour as materialized (
    select h.at + (hashint8extended(extract(epoch from h.at)::bigint, 0) & 65535) / 65536.0 * (3600 - $4) * interval '1 second' as begins
    from generate_series($2::timestamptz, $3::timestamptz - interval '1 hour', interval '1 hour') h(at)
)
select (select d.key from definitions d where d.id = e.definition_id) as definition, e.counted
from (
    select e.definition_id, count(*) as counted
    from hour
    cross join lateral (
        select definition_id from timeline t
        where t.account_id::bigint = $1::bigint and t.occurred_at >= hour.begins
            and t.occurred_at < hour.begins + $4::float8 * interval '1 second' and t.verdict = 'counted'
        offset 0) e
    group by e.definition_id
    offset 0
) e;
