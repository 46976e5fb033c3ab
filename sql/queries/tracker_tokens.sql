-- Tokens of the public tracker: what its processes know of them, and what the API asks (docs/decisions/0041).

-- name: position
-- The revision of all tokens, and the incarnation: another one means that commits were lost.
select r.revision, i.incarnation from tracker_revision r cross join installation i

-- name: changed
-- Tokens that have changed after a revision ($1), in the order of their changes, with all their keys (tracker_tokens_by_revision,
-- tracker_keys_by_token). Of one that has expired the expiry is long ago: the clock of a process may be slow.
select t.id::text as id, a.key as account, t.name, t.origins, t.event_names, t.anonymous_only, t.may_set_traits, t.keeps_addresses,
    t.query_parameters, t.per_second, t.per_second_by_address, t.per_day, t.revision, k.hashes, k.secrets, k.expiries
from tracker_tokens t
join accounts a on a.id = t.account_id
cross join lateral (
    select array_agg(one.hash) as hashes, array_agg(one.signing_secret) as secrets,
        array_agg(case when one.expires_at <= now() then 'epoch' else one.expires_at end) as expiries
    from tracker_keys one where one.token_id = t.id) k
where t.revision > $1
order by t.revision
limit $2

-- name: count
-- Adds what tokens ($1) have accepted ($2) and refused ($3) since the last time, and when they were used last ($4). Returns those
-- that are done: it waits for no other that is being changed.
with used as (
    select one.* from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[]) as one (id, accepted, refused, used_at)
),
locked as (
    select id from tracker_tokens where id = any($1::uuid[]) for no key update skip locked
)
update tracker_tokens t
set accepted = t.accepted + used.accepted, refused = t.refused + used.refused,
    last_used_at = greatest(t.last_used_at, used.used_at)
from used join locked using (id)
where t.id = used.id
returning t.id::text as id

-- name: raise_revision
-- Raises the revision, and locks out other changes of tokens until the transaction ends.
update tracker_revision set revision = revision + 1 returning revision

-- name: page
-- Tokens of an account after one of them ($2, $3), oldest first; the revoked ones too if $4 (tracker_tokens_by_account,
-- tracker_keys_by_token).
select t.id, t.name, t.origins, t.event_names, t.anonymous_only, t.may_set_traits, t.keeps_addresses, t.query_parameters,
    t.per_second, t.per_second_by_address, t.per_day, t.created_at, t.revoked_at, t.accepted, t.refused, t.last_used_at,
    k.endings, k.created, k.expiries
from tracker_tokens t
cross join lateral (
    select array_agg(one.ending order by one.created_at) as endings, array_agg(one.created_at order by one.created_at) as created,
        array_agg(one.expires_at order by one.created_at) as expiries
    from tracker_keys one
    where one.token_id = t.id and (one.expires_at is null or one.expires_at > now())) k
where t.account_id = $1 and (t.created_at, t.id) > ($2::timestamptz, $3::uuid) and ($4 or t.revoked_at is null)
order by t.created_at, t.id
limit $5

-- name: token
-- A token of an account (tracker_tokens_pkey, tracker_keys_by_token).
select t.id, t.name, t.origins, t.event_names, t.anonymous_only, t.may_set_traits, t.keeps_addresses, t.query_parameters,
    t.per_second, t.per_second_by_address, t.per_day, t.created_at, t.revoked_at, t.accepted, t.refused, t.last_used_at,
    k.endings, k.created, k.expiries
from tracker_tokens t
cross join lateral (
    select array_agg(one.ending order by one.created_at) as endings, array_agg(one.created_at order by one.created_at) as created,
        array_agg(one.expires_at order by one.created_at) as expiries
    from tracker_keys one
    where one.token_id = t.id and (one.expires_at is null or one.expires_at > now())) k
where t.account_id = $1 and t.id = $2

-- name: valid
-- How many tokens of an account are not revoked (tracker_tokens_by_account).
select count(*) from tracker_tokens where account_id = $1 and revoked_at is null

-- name: create
-- Creates a token.
insert into tracker_tokens (account_id, revision, name, origins, event_names, anonymous_only, may_set_traits, keeps_addresses,
    query_parameters, per_second, per_second_by_address, per_day)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
returning id

-- name: change
-- Changes a token ($1).
update tracker_tokens
set revision = $2, name = $3, origins = $4, event_names = $5, anonymous_only = $6, may_set_traits = $7, keeps_addresses = $8,
    query_parameters = $9, per_second = $10, per_second_by_address = $11, per_day = $12
where id = $1

-- name: add_key
-- Gives a token ($1) a key, by its hash.
insert into tracker_keys (token_id, hash, ending, signing_secret) values ($1, $2, $3, $4)

-- name: replace_keys
-- Lets the keys of a token ($1) expire in $2 seconds, if they do not earlier, and gives it a new revision ($3). Of those that have
-- expired the newest four stay, for an explanation to their callers.
with expired as (
    delete from tracker_keys where hash in (
        select hash from tracker_keys where token_id = $1 and expires_at < now() order by created_at desc offset 4)
),
replaced as (
    update tracker_keys set expires_at = least(expires_at, now() + make_interval(secs => $2))
    where token_id = $1 and (expires_at is null or expires_at > now())
)
update tracker_tokens set revision = $3 where id = $1

-- name: revoke
-- Revokes a token ($1): its keys expire at once.
with ended as (update tracker_keys set expires_at = least(expires_at, now()) where token_id = $1)
update tracker_tokens set revision = $2, revoked_at = now() where id = $1

-- name: signing_secret
-- The secret that belongs to a key ($2, its hash) of a token ($1) and has not expired (tracker_keys_pkey).
select signing_secret from tracker_keys where token_id = $1 and hash = $2 and (expires_at is null or expires_at > now())

-- name: exists
-- A token of an account, revoked ones included (tracker_tokens_pkey).
select id from tracker_tokens where account_id = $1 and id = $2
