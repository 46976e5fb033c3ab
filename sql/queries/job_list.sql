-- The background jobs of an account in one list. The kinds have numbers of their own: a page goes on before one number of
-- each kind ($2 publishes, $3 rejudgements, $4 purges, $5 backfills); 0 leaves a kind out. $6: most of each kind.

-- name: page
-- Jobs of an account, of each kind the newest (profiles_key_unique, publishes_by_profile, definitions_key_unique,
-- rejudgements_by_definition, purges_by_account, backfills_by_account).
(select 'publish' as kind, u.id, p.key as subject, u.state::text as state, u.requested_by, u.requested_at, u.ended_at,
        u.contacts_done as done, u.contacts_total as total, u.failures
    from profiles p
    cross join lateral (
        select id, state, requested_by, requested_at, ended_at, contacts_done, contacts_total, failures
        from publishes
        where profile_id = p.id and id < $2 order by id desc limit $6) u
    where p.account_id = $1
    order by u.id desc
    limit $6)
union all
(select 'rejudgement' as kind, r.id, p.key as subject, r.state::text as state, r.requested_by, r.requested_at, r.ended_at,
        r.contacts_done as done, r.contacts_total as total, r.failures
    from definitions p
    cross join lateral (
        select id, state, requested_by, requested_at, ended_at, contacts_done, contacts_total, failures
        from rejudgements
        where definition_id = p.id and id < $3 order by id desc limit $6) r
    where p.account_id = $1
    order by r.id desc
    limit $6)
union all
(select 'purge', id, null, state::text, 'retention', began_at, ended_at, contacts_done, contacts_total, failures
    from purges
    where account_id = $1 and id < $4
    order by id desc
    limit $6)
union all
(select 'backfill', id, null, state::text, requested_by, requested_at, ended_at, events_done,
        case when since is null then events_total end, failures
    from backfills
    where account_id = $1 and id < $5
    order by id desc
    limit $6)

-- name: unfinished
-- The same of those that have not ended (profiles_key_unique, publishes_one_at_a_time, definitions_key_unique,
-- rejudgements_one_at_a_time, purges_one_at_a_time, backfills_unfinished).
(select 'publish' as kind, u.id, p.key as subject, u.state::text as state, u.requested_by, u.requested_at, u.ended_at,
        u.contacts_done as done, u.contacts_total as total, u.failures
    from profiles p
    cross join lateral (
        select id, state, requested_by, requested_at, ended_at, contacts_done, contacts_total, failures
        from publishes
        where profile_id = p.id and id < $2 and ended_at is null order by id desc limit $6) u
    where p.account_id = $1
    order by u.id desc
    limit $6)
union all
(select 'rejudgement' as kind, r.id, p.key as subject, r.state::text as state, r.requested_by, r.requested_at, r.ended_at,
        r.contacts_done as done, r.contacts_total as total, r.failures
    from definitions p
    cross join lateral (
        select id, state, requested_by, requested_at, ended_at, contacts_done, contacts_total, failures
        from rejudgements
        where definition_id = p.id and id < $3 and ended_at is null order by id desc limit $6) r
    where p.account_id = $1
    order by r.id desc
    limit $6)
union all
(select 'purge', id, null, state::text, 'retention', began_at, ended_at, contacts_done, contacts_total, failures
    from purges
    where account_id = $1 and id < $4 and ended_at is null
    order by id desc
    limit $6)
union all
(select 'backfill', id, null, state::text, requested_by, requested_at, ended_at, events_done,
        case when since is null then events_total end, failures
    from backfills
    where account_id = $1 and id < $5 and ended_at is null
    order by id desc
    limit $6)
