-- Walking over the contacts of one account in the order of their numbers (contacts_by_account). Rows are compared as a
-- whole, so that a plan made once (docs/decisions/0002) has no use for the primary key, which leads through the contacts of
-- all accounts.

-- name: next_contacts
-- The contacts of an account ($1) with numbers above $2 up to $3, $4 of them at most.
select id
from contacts
where account_id = $1 and (account_id, id) > ($1, $2) and (account_id, id) <= ($1, $3)
order by id
limit $4

-- name: count_contacts
-- How many contacts of an account ($1) have numbers above $2 up to $3, if at most $4, else $4 and the number of the last.
select count(*) as contacts, max(id) as last_id
from (
    select id
    from contacts
    where account_id = $1 and (account_id, id) > ($1, $2) and (account_id, id) <= ($1, $3)
    order by id
    limit $4
) c
