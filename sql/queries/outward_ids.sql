-- How ids of what the database numbers are shown (docs/decisions/0033).

-- name: seal
-- The salt, and until when jobs had plain numbers: a day after the migration that sealed them, for programs that were
-- replaced later. A new installation never had any.
select i.salt,
    (select coalesce(m.finished_at, m.began_at) + interval '1 day'
     from migrations m
     where m.number = 7 and exists (select from migrations o where o.number < 7)) as plain_until
from installation i;
