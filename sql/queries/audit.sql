-- The audit trail of an account.

-- name: record_changes
-- Writes audit entries of an account by its key (accounts_key_unique), in the transaction of the changes and in their
-- order.
insert into audit (account_id, actor, action, subject, key, before, after)
select account.id, $2, change.action, change.subject, change.key, change.before::jsonb,
    change.after::jsonb
from accounts account,
     unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
     with ordinality as change(action, subject, key, before, after, place)
where account.key = $1
order by change.place;

-- name: audit_page
-- Entries of the audit trail of an account, newest first, before an entry (audit_pkey).
select id, at, actor, action, subject, key, before::text as before, after::text as after
from audit
where account_id = $1 and id < $2
order by id desc
limit $3;

-- name: audit_page_passed
-- The same of an actor ($4), a kind of subject ($5) and its key ($6), since $7 and before $8, if given, at most $9: of at most $3
-- entries (audit_pkey). One row at least: how many were gone through, and the last of these.
with passed as (
    select id, at, actor, action, subject, key, before, after
    from audit
    where account_id = $1 and id < $2
    order by account_id desc, id desc -- as the index has them
    limit $3
)
select n.passed, n.last, e.id, e.at, e.actor, e.action, e.subject, e.key, e.before::text as before, e.after::text as after
from (select count(*) as passed, min(id) as last from passed) n
left join lateral (
    select id, at, actor, action, subject, key, before, after
    from passed
    where ($4::text is null or actor = $4) and ($5::text is null or subject = $5) and ($6::text is null or key = $6)
        and ($7::timestamptz is null or at >= $7) and ($8::timestamptz is null or at < $8)
    order by id desc
    limit $9) e on true
order by e.id desc;

-- name: audit_page_of_subject
-- The same of one kind of subject ($4), and of one of them ($5, by key; null: of all) (audit_by_subject).
select id, at, actor, action, subject, key, before::text as before, after::text as after
from audit
where account_id = $1 and id < $2 and subject = $4 and ($5::text is null or key = $5)
order by id desc
limit $3;
