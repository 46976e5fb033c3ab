-- What every request of the API begins with, and the trail of changes.

-- name: account
-- The account in the path, by its key (accounts_key_unique).
select id, engagement from accounts where key = $1;

-- name: record_change
-- One entry of the audit trail, in the transaction of the change.
insert into audit (account_id, actor, action, subject, key, before, after)
select id, $2, $3, $4, $5, $6::text::jsonb, $7::text::jsonb from accounts where key = $1;

-- name: audit_page
-- Entries of the audit trail of an account, newest first, from before an entry on (audit_by_account).
select id, at, actor, action, subject, key, before::text as before, after::text as after
from audit
where account_id = $1 and id < $2
order by id desc
limit $3;
