-- Closed sets of values; the words are those of docs/semantics.md §1.

create type verdict as enum ('counted', 'already_counted', 'cooling_down', 'excluded');
create type dedup_policy as enum ('always', 'once', 'cooldown');
create type dedup_per as enum ('contact', 'object');
create type version_state as enum ('building', 'published', 'retired', 'cancelled');
create type publish_state as enum ('building', 'announcing', 'done', 'cancelling', 'cancelled');
create type rejudgement_state as enum ('running', 'done', 'cancelled', 'superseded');
create type purge_state as enum ('running', 'done', 'cancelled');
create type backfill_state as enum ('running', 'done', 'cancelled');
create type message_kind as enum ('score_changed', 'xp_credited', 'dead_letter', 'tombstone', 'band_changed');
