-- The groups in messages.

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
