-- Scores by group, and the groups in messages.

-- Points by contact, profile version and group (0: overall). For what is looked up by contact; `ranks` is for what goes by
-- points. message_version: on the overall row only, as in contact_scores.
create view scores as
select s.contact_id, s.profile_id, s.version, g.group_id, g.points, g.message_version
from contact_scores s
cross join lateral (
    select 0 as group_id, s.overall as points, s.message_version
    union all
    select group_id, points, null from unnest(s.group_ids, s.group_points) as by_group(group_id, points)) g;

-- Groups that belong in messages: those of the catalog, and deleted ones while a published version has weights in them or
-- a publish is being announced. Looked up by key, since batches read this too.
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

-- An account's groups as the outbox stores them, in the order of messages (consumer/relay/message_json.py):
-- [[number, key, whether it belongs in messages even without points], …].
create view groups_told as
select a.id as account_id, (
    select json_agg(json_build_array(g.id, g.key, exists (
        select from counters c where c.account_id = a.id and c.group_id = g.id offset 0)) order by g.position, g.id)
    from ( -- in the order of the index that is to be used
        select id, key, position from groups where account_id = a.id order by account_id, key offset 0) g) as groups
from accounts a;
