-- Events of a type that an account's timelines have, as samples for conditions.

-- name: recent
-- Of an account's last 2,000 timeline entries (timeline_by_time) those of a type ($2), the latest first.
select type, source, object_id, actor_type, event_key, case when length(data) <= 16384 then data end as data
from (select type, source, object_id, actor_type, event_key, data, occurred_at
      from timeline
      where account_id::bigint = $1::bigint
      order by occurred_at desc
      limit 2000) recent
where type = $2
order by occurred_at desc
limit 100;
