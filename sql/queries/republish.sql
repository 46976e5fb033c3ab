-- name: profiles
-- The published profiles of an account, one or all.
select id from profiles
where account_id = $1 and published_version is not null and ($2::text is null or key = $2)
order by id

-- name: contacts
-- The next contacts by external id (contacts_external_id_unique).
select id, external_id from contacts
where account_id = $1 and external_id > $2
order by external_id
limit $3
