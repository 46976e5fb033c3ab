-- From version 10: the audit trail of one subject, such as a definition. It only adds.
-- oldest program: 6
-- programs of this version run before it too

-- step: index
create index concurrently audit_by_subject on audit (account_id, subject, id);
