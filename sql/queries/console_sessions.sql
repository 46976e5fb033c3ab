-- Sessions of the console (docs/decisions/0046).

-- name: begin
-- Begins a session; returns nothing where the token ($5) has begun one before (console_token_begins_one_session).
insert into console_sessions (hash, actor, account, permissions, token_id, expires_at)
values ($1, $2, $3, $4, $5, $6)
on conflict (token_id) do nothing
returning true

-- name: find
-- The session of a cookie, if it began less than $2 ago (console_sessions_pkey).
select actor, account, permissions, created_at + $2::interval as expires_at
from console_sessions where hash = $1 and created_at + $2::interval > now() and expires_at > now()

-- name: end
-- Ends one session (console_sessions_pkey). The row stays for the token that began it.
update console_sessions set hash = uuid_send(gen_random_uuid()) where hash = $1

-- name: end_of_actor
-- Ends all sessions of a person, who has one name under each account or all of them ($1) (console_sessions_by_actor).
update console_sessions set hash = uuid_send(gen_random_uuid()) where account = $1 and actor = $2
