SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE TYPE public.dedup_per AS ENUM (
    'contact',
    'object'
);
CREATE TYPE public.dedup_policy AS ENUM (
    'always',
    'once',
    'cooldown'
);
CREATE TYPE public.message_kind AS ENUM (
    'score_changed',
    'xp_credited',
    'dead_letter'
);
CREATE TYPE public.publish_state AS ENUM (
    'building',
    'announcing',
    'done',
    'cancelling',
    'cancelled'
);
CREATE TYPE public.rejudgement_state AS ENUM (
    'running',
    'done',
    'cancelled',
    'superseded'
);
CREATE TYPE public.verdict AS ENUM (
    'counted',
    'already_counted',
    'cooling_down',
    'excluded'
);
CREATE TYPE public.version_state AS ENUM (
    'building',
    'published',
    'retired',
    'cancelled'
);
CREATE FUNCTION public.cooldown_step(last_counted timestamp with time zone, occurred_at timestamp with time zone, span interval, blocked boolean, start timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    if blocked or occurred_at < coalesce(last_counted, start) + span then
        return coalesce(last_counted, start);
    end if;
    return occurred_at;
end $$;
CREATE FUNCTION public.take_positions(of_shard smallint, messages bigint) RETURNS bigint
    LANGUAGE sql
    AS $$
    update outbox_heads set head = head + messages where shard = of_shard returning head - messages + 1
$$;
CREATE AGGREGATE public.last_counted(occurred_at timestamp with time zone, span interval, blocked boolean, start timestamp with time zone) (
    SFUNC = public.cooldown_step,
    STYPE = timestamp with time zone
);
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.accounts (
    id integer NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    engagement boolean DEFAULT true NOT NULL,
    sales boolean DEFAULT false NOT NULL,
    retention_seconds bigint,
    time_zone text DEFAULT 'UTC'::text NOT NULL,
    count_robots boolean DEFAULT false NOT NULL,
    horizon timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.accounts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.accounts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.adjustments (
    id bigint NOT NULL,
    contact_id bigint NOT NULL,
    profile_id integer NOT NULL,
    group_id integer NOT NULL,
    points integer NOT NULL,
    reason text NOT NULL,
    author text NOT NULL,
    client_key text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.adjustments ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.adjustments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.audit (
    account_id integer NOT NULL,
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    key text,
    before jsonb,
    after jsonb
);
ALTER TABLE public.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.claims (
    account_id integer NOT NULL,
    event_key bytea NOT NULL,
    digest bigint NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    CONSTRAINT claims_event_key_length CHECK ((length(event_key) = 16))
);
CREATE TABLE public.contact_deletions (
    account_id integer NOT NULL,
    external_id text NOT NULL,
    event_key bytea NOT NULL,
    occurred_at timestamp with time zone NOT NULL
);
CREATE TABLE public.contact_fields (
    account_id integer NOT NULL,
    contact_id bigint NOT NULL,
    field text NOT NULL,
    value text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    event_key bytea NOT NULL
);
CREATE TABLE public.contact_links (
    absorbed_id bigint NOT NULL,
    survivor_id bigint NOT NULL,
    origin text NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    event_key bytea NOT NULL,
    CONSTRAINT contact_links_origin_known CHECK ((origin = ANY (ARRAY['identify'::text, 'merged'::text, 'api'::text]))),
    CONSTRAINT contact_links_to_another CHECK ((absorbed_id <> survivor_id))
);
CREATE TABLE public.contact_merges (
    account_id integer NOT NULL,
    external_id text NOT NULL,
    event_key bytea NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    into_external_id text
);
CREATE TABLE public.contacts (
    id bigint NOT NULL,
    account_id integer NOT NULL,
    external_id text NOT NULL,
    shard smallint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.contacts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.contacts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.groups (
    id integer NOT NULL,
    account_id integer NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    icon text NOT NULL,
    "position" integer NOT NULL,
    deleted boolean DEFAULT false NOT NULL
);
CREATE TABLE public.profiles (
    id integer NOT NULL,
    account_id integer NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    is_primary boolean DEFAULT false NOT NULL,
    inherits boolean DEFAULT true NOT NULL,
    published_version integer,
    "position" integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.publishes (
    id bigint NOT NULL,
    profile_id integer NOT NULL,
    version integer NOT NULL,
    previous_version integer,
    state public.publish_state DEFAULT 'building'::public.publish_state NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    flipped_at timestamp with time zone,
    ended_at timestamp with time zone,
    last_contact_id bigint DEFAULT 0 NOT NULL,
    until_contact_id bigint NOT NULL,
    contacts_done bigint DEFAULT 0 NOT NULL,
    contacts_total bigint,
    contacts_built bigint
);
CREATE TABLE public.version_weights (
    profile_id integer NOT NULL,
    version integer NOT NULL,
    definition_id integer NOT NULL,
    group_id integer NOT NULL,
    weight integer NOT NULL,
    joined boolean DEFAULT false NOT NULL
);
CREATE VIEW public.counters AS
 SELECT account_id,
    id AS group_id,
    key,
    "position"
   FROM public.groups g
  WHERE ((NOT deleted) OR (EXISTS ( SELECT
           FROM public.profiles p
          WHERE ((p.account_id = g.account_id) AND ((EXISTS ( SELECT
                   FROM public.version_weights w
                  WHERE ((w.profile_id = p.id) AND (w.version = p.published_version) AND (w.group_id = g.id))
                 OFFSET 0)) OR (EXISTS ( SELECT
                   FROM public.publishes u
                  WHERE ((u.profile_id = p.id) AND (u.ended_at IS NULL) AND (u.state = 'announcing'::public.publish_state))
                 OFFSET 0))))
         OFFSET 0)));
CREATE TABLE public.dead_letters (
    id bigint NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    record_timestamp bigint,
    key bytea,
    value bytea,
    headers bytea NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    account_key text,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.dead_letters ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.dead_letters_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.definitions (
    id integer NOT NULL,
    account_id integer NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    group_id integer NOT NULL,
    icon text NOT NULL,
    default_points integer NOT NULL,
    active boolean NOT NULL,
    events text[] NOT NULL,
    conditions jsonb DEFAULT '[]'::jsonb NOT NULL,
    policy public.dedup_policy NOT NULL,
    interval_seconds bigint,
    per public.dedup_per NOT NULL,
    edition smallint DEFAULT 1 NOT NULL,
    xp integer DEFAULT 0 NOT NULL,
    "position" integer NOT NULL,
    counted boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT definitions_interval_with_cooldown CHECK (((policy = 'cooldown'::public.dedup_policy) = (interval_seconds IS NOT NULL)))
);
ALTER TABLE public.definitions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.definitions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.editions (
    definition_id integer NOT NULL,
    number smallint NOT NULL,
    policy public.dedup_policy NOT NULL,
    interval_seconds bigint,
    per public.dedup_per NOT NULL,
    opened_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.gates (
    contact_id bigint NOT NULL,
    definition_id integer NOT NULL,
    edition smallint NOT NULL,
    object_key text NOT NULL,
    last_counted_at timestamp with time zone,
    last_counted_key bytea,
    last_fixed_at timestamp with time zone
);
ALTER TABLE public.groups ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.groups_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE VIEW public.groups_told AS
 SELECT id AS account_id,
    ( SELECT json_agg(json_build_array(g.id, g.key, (EXISTS ( SELECT
                   FROM public.counters c
                  WHERE ((c.account_id = a.id) AND (c.group_id = g.id))
                 OFFSET 0))) ORDER BY g."position", g.id) AS json_agg
           FROM ( SELECT groups.id,
                    groups.key,
                    groups."position"
                   FROM public.groups
                  WHERE (groups.account_id = a.id)
                  ORDER BY groups.account_id, groups.key
                 OFFSET 0) g) AS groups
   FROM public.accounts a;
CREATE TABLE public.inbox (
    account_id integer NOT NULL,
    type text NOT NULL,
    count bigint NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    sample text NOT NULL
);
CREATE TABLE public.installation (
    only_row boolean DEFAULT true NOT NULL,
    schema_version integer NOT NULL,
    incarnation integer DEFAULT 1 NOT NULL,
    shards smallint DEFAULT 1 NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    CONSTRAINT installation_has_one_row CHECK (only_row),
    CONSTRAINT installation_shards_positive CHECK ((shards > 0))
);
CREATE TABLE public.lanes (
    topic text NOT NULL,
    partition integer NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    next_offset bigint NOT NULL,
    last_timestamp bigint,
    last_checksum bigint,
    stopped text,
    seen bigint DEFAULT 0 NOT NULL,
    recent_dead jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT lanes_stopped_known CHECK ((stopped = ANY (ARRAY['dead_letters'::text, 'log_truncated'::text, 'topic_recreated'::text, 'paused'::text])))
);
CREATE TABLE public.outbox (
    shard smallint NOT NULL,
    first_position bigint NOT NULL,
    kinds public.message_kind[] NOT NULL,
    facts text[] NOT NULL,
    groups text NOT NULL,
    committed_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.outbox ALTER COLUMN facts SET STORAGE EXTERNAL;
CREATE TABLE public.outbox_heads (
    shard smallint NOT NULL,
    head bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.profile_versions (
    profile_id integer NOT NULL,
    version integer NOT NULL,
    state public.version_state NOT NULL,
    inherits boolean NOT NULL,
    own_weights jsonb DEFAULT '{}'::jsonb NOT NULL,
    published_by text NOT NULL,
    published_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.profile_weights (
    profile_id integer NOT NULL,
    definition_key text NOT NULL,
    weight integer NOT NULL
);
ALTER TABLE public.profiles ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.profiles_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE public.publishes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.publishes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.rejudgements (
    id bigint NOT NULL,
    definition_id integer NOT NULL,
    edition smallint NOT NULL,
    with_xp boolean NOT NULL,
    state public.rejudgement_state DEFAULT 'running'::public.rejudgement_state NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    last_contact_id bigint DEFAULT 0 NOT NULL,
    until_contact_id bigint NOT NULL,
    contacts_done bigint DEFAULT 0 NOT NULL,
    contacts_total bigint,
    entries_changed bigint DEFAULT 0 NOT NULL
);
ALTER TABLE public.rejudgements ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.rejudgements_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.relay_floors (
    shard smallint NOT NULL,
    floor bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.relays (
    owner text NOT NULL,
    backend integer NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.scores (
    contact_id bigint NOT NULL,
    profile_id integer NOT NULL,
    version integer NOT NULL,
    group_id integer NOT NULL,
    points bigint NOT NULL,
    message_version bigint
);
CREATE TABLE public.segments (
    id integer NOT NULL,
    account_id integer NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    profile_key text,
    conditions jsonb NOT NULL,
    "position" integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    contacts bigint,
    counted_at timestamp with time zone,
    claimed_at timestamp with time zone
);
ALTER TABLE public.segments ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.segments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.shard_leases (
    shard smallint NOT NULL,
    owner text
);
CREATE TABLE public.slices (
    number integer NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    worker_id bigint,
    pipeline smallint,
    given_up_by bigint,
    shunned_until timestamp with time zone
);
CREATE TABLE public.tallies (
    contact_id bigint NOT NULL,
    definition_id integer NOT NULL,
    edition smallint NOT NULL,
    count integer NOT NULL
);
CREATE TABLE public.timeline (
    account_id integer NOT NULL,
    contact_id bigint NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    event_key bytea NOT NULL,
    definition_id integer NOT NULL,
    edition smallint NOT NULL,
    verdict public.verdict NOT NULL,
    settled boolean NOT NULL,
    xp_worth integer NOT NULL,
    credit_number integer NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    object_id text,
    actor_id text,
    actor_type text,
    data text NOT NULL,
    recorded_at timestamp with time zone NOT NULL
)
PARTITION BY RANGE (occurred_at);
CREATE TABLE public.timeline_2026_03 (
    account_id integer CONSTRAINT timeline_account_id_not_null NOT NULL,
    contact_id bigint CONSTRAINT timeline_contact_id_not_null NOT NULL,
    occurred_at timestamp with time zone CONSTRAINT timeline_occurred_at_not_null NOT NULL,
    event_key bytea CONSTRAINT timeline_event_key_not_null NOT NULL,
    definition_id integer CONSTRAINT timeline_definition_id_not_null NOT NULL,
    edition smallint CONSTRAINT timeline_edition_not_null NOT NULL,
    verdict public.verdict CONSTRAINT timeline_verdict_not_null NOT NULL,
    settled boolean CONSTRAINT timeline_settled_not_null NOT NULL,
    xp_worth integer CONSTRAINT timeline_xp_worth_not_null NOT NULL,
    credit_number integer CONSTRAINT timeline_credit_number_not_null NOT NULL,
    type text CONSTRAINT timeline_type_not_null NOT NULL,
    source text CONSTRAINT timeline_source_not_null NOT NULL,
    event_id text CONSTRAINT timeline_event_id_not_null NOT NULL,
    object_id text,
    actor_id text,
    actor_type text,
    data text CONSTRAINT timeline_data_not_null NOT NULL,
    recorded_at timestamp with time zone CONSTRAINT timeline_recorded_at_not_null NOT NULL
);
CREATE TABLE public.timeline_2026_04 (
    account_id integer CONSTRAINT timeline_account_id_not_null NOT NULL,
    contact_id bigint CONSTRAINT timeline_contact_id_not_null NOT NULL,
    occurred_at timestamp with time zone CONSTRAINT timeline_occurred_at_not_null NOT NULL,
    event_key bytea CONSTRAINT timeline_event_key_not_null NOT NULL,
    definition_id integer CONSTRAINT timeline_definition_id_not_null NOT NULL,
    edition smallint CONSTRAINT timeline_edition_not_null NOT NULL,
    verdict public.verdict CONSTRAINT timeline_verdict_not_null NOT NULL,
    settled boolean CONSTRAINT timeline_settled_not_null NOT NULL,
    xp_worth integer CONSTRAINT timeline_xp_worth_not_null NOT NULL,
    credit_number integer CONSTRAINT timeline_credit_number_not_null NOT NULL,
    type text CONSTRAINT timeline_type_not_null NOT NULL,
    source text CONSTRAINT timeline_source_not_null NOT NULL,
    event_id text CONSTRAINT timeline_event_id_not_null NOT NULL,
    object_id text,
    actor_id text,
    actor_type text,
    data text CONSTRAINT timeline_data_not_null NOT NULL,
    recorded_at timestamp with time zone CONSTRAINT timeline_recorded_at_not_null NOT NULL
);
CREATE TABLE public.workers (
    id bigint NOT NULL,
    name text NOT NULL,
    pipelines smallint[] NOT NULL,
    backend integer NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
ALTER TABLE public.workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY public.timeline ATTACH PARTITION public.timeline_2026_03 FOR VALUES FROM ('2026-03-01 00:00:00+00') TO ('2026-04-01 00:00:00+00');
ALTER TABLE ONLY public.timeline ATTACH PARTITION public.timeline_2026_04 FOR VALUES FROM ('2026-04-01 00:00:00+00') TO ('2026-05-01 00:00:00+00');
INSERT INTO public.accounts OVERRIDING SYSTEM VALUE VALUES
	(1, 'acme', 'Acme', true, true, NULL, 'UTC', false, NULL, '2026-04-02 00:00:00+00'),
	(3, 'birch', 'Birch', true, true, NULL, 'UTC', false, NULL, '2026-04-02 00:00:00+00');
INSERT INTO public.adjustments OVERRIDING SYSTEM VALUE VALUES
	(1, 8, 3, 6, 7, 'met at the fair', 'mia', 'lead_score-7', '2026-04-02 00:00:00+00'),
	(2, 9, 4, 5, -13, 'met at the fair', 'mia', 'fit--13', '2026-04-02 00:00:00+00'),
	(3, 11, 3, 6, 3, 'met at the fair', 'mia', 'lead_score-3', '2026-04-02 00:00:00+00');
INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES
	(1, 1, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'account', NULL, NULL, '{"name": "Acme", "sales": true, "retention": null, "time_zone": "UTC", "engagement": true, "count_robots": false}'),
	(1, 2, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'group', 'purchase', NULL, '{"key": "purchase", "icon": "cart", "name": "Purchase"}'),
	(1, 3, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'group', 'support', NULL, '{"key": "support", "icon": "cart", "name": "Support"}'),
	(1, 4, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'definition', 'won', NULL, '{"xp": 5, "key": "won", "icon": "cart", "name": "won", "when": [], "dedup": {"per": "contact", "policy": "always"}, "group": "purchase", "active": true, "events": ["deal.won"], "default_points": 10}'),
	(1, 5, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'definition', 'booked', NULL, '{"xp": 20, "key": "booked", "icon": "cart", "name": "booked", "when": [], "dedup": {"per": "contact", "policy": "cooldown", "interval": "1d"}, "group": "purchase", "active": true, "events": ["booking.created"], "default_points": 7}'),
	(1, 6, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'definition', 'opened', NULL, '{"xp": 0, "key": "opened", "icon": "cart", "name": "opened", "when": [], "dedup": {"per": "contact", "policy": "once"}, "group": "support", "active": true, "events": ["email.opened"], "default_points": 3}'),
	(1, 7, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'definition', 'paid', NULL, '{"xp": 0, "key": "paid", "icon": "cart", "name": "paid", "when": [], "dedup": {"per": "contact", "policy": "cooldown", "interval": "1h"}, "group": "purchase", "active": true, "events": ["payment.succeeded"], "default_points": 2}'),
	(1, 8, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'profile', 'lead_score', NULL, '{"key": "lead_score", "name": "Lead score", "primary": true, "version": 1, "weights": {}, "inherits": true, "description": ""}'),
	(1, 9, '2026-04-02 00:00:00+00', 'catalog apply', 'changed', 'definition', 'won', '{"xp": 5}', '{"xp": 9}'),
	(1, 10, '2026-04-02 00:00:00+00', 'catalog apply', 'changed', 'definition', 'paid', '{"dedup": {"per": "contact", "policy": "cooldown", "interval": "1h"}}', '{"dedup": {"per": "contact", "policy": "cooldown", "interval": "3h"}}'),
	(1, 11, '2026-04-02 00:00:00+00', 'ada', 'judged_again', 'definition', 'paid', NULL, '{"xp": true, "number": 1, "edition": 2}'),
	(3, 12, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'account', NULL, NULL, '{"name": "Birch", "sales": true, "retention": null, "time_zone": "UTC", "engagement": true, "count_robots": false}'),
	(3, 13, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'group', 'purchase', NULL, '{"key": "purchase", "icon": "cart", "name": "Purchase"}'),
	(3, 14, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'group', 'support', NULL, '{"key": "support", "icon": "cart", "name": "Support"}'),
	(3, 15, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'definition', 'won', NULL, '{"xp": 5, "key": "won", "icon": "trophy", "name": "Won", "when": [], "dedup": {"per": "contact", "policy": "cooldown", "interval": "1h"}, "group": "purchase", "active": true, "events": ["deal.won"], "default_points": 10}'),
	(3, 16, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'definition', 'clicked', NULL, '{"xp": 5, "key": "clicked", "icon": "trophy", "name": "Clicked", "when": [], "dedup": {"per": "object", "policy": "always"}, "group": "support", "active": true, "events": ["email.clicked"], "default_points": 1}'),
	(3, 17, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'definition', 'opened', NULL, '{"xp": 5, "key": "opened", "icon": "trophy", "name": "Opened", "when": [], "dedup": {"per": "object", "policy": "once"}, "group": "support", "active": true, "events": ["email.opened"], "default_points": 2}'),
	(3, 18, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'definition', 'replied', NULL, '{"xp": 5, "key": "replied", "icon": "trophy", "name": "Replied", "when": [], "dedup": {"per": "object", "policy": "cooldown", "interval": "1h"}, "group": "support", "active": true, "events": ["email.replied"], "default_points": 3}'),
	(3, 19, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'definition', 'liked', NULL, '{"xp": 5, "key": "liked", "icon": "trophy", "name": "Liked", "when": [], "dedup": {"per": "contact", "policy": "once"}, "group": "support", "active": true, "events": ["track.liked"], "default_points": 5}'),
	(3, 20, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'profile', 'lead_score', NULL, '{"key": "lead_score", "name": "Lead score", "primary": true, "version": 1, "weights": {"won": 10}, "inherits": true, "description": ""}'),
	(3, 21, '2026-04-02 00:00:00+00', 'catalog apply', 'created', 'profile', 'fit', NULL, '{"key": "fit", "name": "Fit", "primary": false, "version": 1, "weights": {"won": -1, "liked": 4}, "inherits": false, "description": ""}'),
	(3, 22, '2026-04-02 00:00:00+00', 'mia', 'adjusted', 'contact', 'ada', NULL, '{"group": "support", "points": 7, "reason": "met at the fair", "profile": "lead_score", "client_key": "lead_score-7"}'),
	(3, 23, '2026-04-02 00:00:00+00', 'mia', 'adjusted', 'contact', 'ben', NULL, '{"group": "purchase", "points": -13, "reason": "met at the fair", "profile": "fit", "client_key": "fit--13"}'),
	(3, 24, '2026-04-02 00:00:00+00', 'catalog apply', 'changed', 'definition', 'won', '{"dedup": {"per": "contact", "policy": "cooldown", "interval": "1h"}}', '{"dedup": {"per": "contact", "policy": "cooldown", "interval": "2h"}}'),
	(3, 25, '2026-04-02 00:00:00+00', 'catalog apply', 'changed', 'definition', 'opened', '{"dedup": {"per": "object", "policy": "once"}}', '{"dedup": {"per": "contact", "policy": "once"}}'),
	(3, 26, '2026-04-02 00:00:00+00', 'catalog apply', 'changed', 'definition', 'liked', '{"dedup": {"per": "contact", "policy": "once"}}', '{"dedup": {"per": "object", "policy": "cooldown", "interval": "1h"}}'),
	(3, 27, '2026-04-02 00:00:00+00', 'ada', 'judged_again', 'definition', 'opened', NULL, '{"xp": true, "number": 2, "edition": 2}'),
	(3, 28, '2026-04-02 00:00:00+00', 'catalog apply', 'changed', 'profile', 'lead_score', '{"weights": {"won": 10}}', '{"weights": {"won": 12}}'),
	(3, 29, '2026-04-02 00:00:00+00', 'catalog apply', 'changed', 'profile', 'fit', '{"weights": {"won": -1, "liked": 4}}', '{"weights": {"won": -1, "liked": 6}}'),
	(3, 30, '2026-04-02 00:00:00+00', 'catalog apply', 'publish_begun', 'profile', 'lead_score', NULL, '{"version": 2}'),
	(3, 31, '2026-04-02 00:00:00+00', 'catalog apply', 'publish_begun', 'profile', 'fit', NULL, '{"version": 2}'),
	(3, 32, '2026-04-02 00:00:00+00', 'mia', 'adjusted', 'contact', 'dora', NULL, '{"group": "support", "points": 3, "reason": "met at the fair", "profile": "lead_score", "client_key": "lead_score-3"}');
INSERT INTO public.claims VALUES
	(1, '\x08311d72bb5626aeadf0584979c67125', 303760993758109062, '2026-04-02 00:00:00+00'),
	(1, '\x499e4f1b572fa09f662b49cc0f1706f3', 5428996646875596314, '2026-04-02 00:00:00+00'),
	(1, '\x4c7b5ebfe4abf50e4dc9df74c89d9455', 7174983453981464401, '2026-04-02 00:00:00+00'),
	(1, '\x8583d54fa389143bce5e76c7621de6cd', 928629554113778981, '2026-04-02 00:00:00+00'),
	(1, '\x8b111139b86c5253aaf539417b807016', 29072923078569848, '2026-04-02 00:00:00+00'),
	(1, '\xa45bd7db211052e5e91b5554af1b64ca', -6437006908020846861, '2026-04-02 00:00:00+00'),
	(1, '\xb62abd2577480b5ec37330c8587abe91', 328844178772181122, '2026-04-02 00:00:00+00'),
	(1, '\xb8d8a51ff6442f077cf773ea947fa470', -816495652469590866, '2026-04-02 00:00:00+00'),
	(1, '\xb9cb14e344e0e2067dfa3197c0109bdd', -5038378817220215484, '2026-04-02 00:00:00+00'),
	(1, '\xdfa4103929ef5b6f67e7bb263e9e2541', 3698223632682071576, '2026-04-02 00:00:00+00'),
	(1, '\xe224ca2044f8450b456cfafd3aa810b0', -6047728942725502940, '2026-04-02 00:00:00+00'),
	(1, '\xf2f70345c67c6893ac0b0aeb8d6ad0dc', -5455226708205037870, '2026-04-02 00:00:00+00'),
	(3, '\x014997222992db6f3389b90917cef876', 5435696687988727207, '2026-04-02 00:00:00+00'),
	(3, '\x03906ca796f28964ee1e8dc16d2b4bfc', 22423506792483286, '2026-04-02 00:00:00+00'),
	(3, '\x06985b37799ed0d4c62e3b05f0f95968', -6961875749565578318, '2026-04-02 00:00:00+00'),
	(3, '\x06f960bfe03bb0c2455babf37a42c001', -6316425011325095545, '2026-04-02 00:00:00+00'),
	(3, '\x0abaa49196c5fbbbfcd84ccc691920bd', -2241544761931493594, '2026-04-02 00:00:00+00'),
	(3, '\x0dc72876e0ea2c84e9bb59da134f58d3', -5914234638262713590, '2026-04-02 00:00:00+00'),
	(3, '\x134750720cf8f3e93937fc3f2af1a9e1', -3591801065053430360, '2026-04-02 00:00:00+00'),
	(3, '\x14444cb0359fc21bce00720918dfa6eb', -2483770141911618678, '2026-04-02 00:00:00+00'),
	(3, '\x1545ee923711f865a783383633654515', -7511256459935742783, '2026-04-02 00:00:00+00'),
	(3, '\x16f70f167259ce91722490661f0e31e9', -3641364351024642262, '2026-04-02 00:00:00+00'),
	(3, '\x1786f5b41f6748edfd6fbe18dc34c3f3', -3270002436791626118, '2026-04-02 00:00:00+00'),
	(3, '\x17b9f00cdbbcdd56c6f69434a07f53a2', -6973158281816722457, '2026-04-02 00:00:00+00'),
	(3, '\x196917ef640853b724baf8f4fada0334', -9019414206262010036, '2026-04-02 00:00:00+00'),
	(3, '\x1d1a6aba655f92915895a04354e13226', 5147871687181552970, '2026-04-02 00:00:00+00'),
	(3, '\x1ec37c4fced223c0b01fd0fde975d9f8', -8894033266267132735, '2026-04-02 00:00:00+00'),
	(3, '\x1fe6a1429566733c10b7f402afce424d', -4975629106148544851, '2026-04-02 00:00:00+00'),
	(3, '\x2012b460c0e466b3eac0ecaccec7c589', -1474359671432120071, '2026-04-02 00:00:00+00'),
	(3, '\x20a0b6a07e1fa577f2330ef4c1eeaddc', 4671960913324283810, '2026-04-02 00:00:00+00'),
	(3, '\x20d1cc0fac5f736fa493a0c012686434', -3297645003195396576, '2026-04-02 00:00:00+00'),
	(3, '\x2154bb90cdf7176afc030c1a9f3a970f', 4279735439623561231, '2026-04-02 00:00:00+00'),
	(3, '\x27e38dc21a149b865b564072fc49130b', 5941088700447795902, '2026-04-02 00:00:00+00'),
	(3, '\x29744a53449d57b4b82ce9716e215ae9', 3152745594309387575, '2026-04-02 00:00:00+00'),
	(3, '\x298cbcac479923ebd35bbfe6446bbd2a', 4361868216178676010, '2026-04-02 00:00:00+00'),
	(3, '\x2ab3fe6e4e794375f35f19d4e2ae2e65', -3091978640165245675, '2026-04-02 00:00:00+00'),
	(3, '\x2c4e5176edee19e46bb2044bb37528c6', -2778060246570763681, '2026-04-02 00:00:00+00'),
	(3, '\x311b6406a94d837e05ae8e1a11d52f2a', 6585867180024515033, '2026-04-02 00:00:00+00'),
	(3, '\x3126e78a52eae054a9754ff6d7167634', 7580915425891631033, '2026-04-02 00:00:00+00'),
	(3, '\x32b4c01ec0ab91ec2f724721d29e9ac6', -5876578780874241908, '2026-04-02 00:00:00+00'),
	(3, '\x3344de3bc34dd3b51d1c44d71162bb17', 8788218318271750903, '2026-04-02 00:00:00+00'),
	(3, '\x336cf3c9586094a898881fcae1628368', -6353937035064135096, '2026-04-02 00:00:00+00'),
	(3, '\x358ae5537cd1e85d05b8a8de2257eaad', -8670019688994399762, '2026-04-02 00:00:00+00'),
	(3, '\x35b3de9334ca7d0ce590766d70475619', -2718427312219098672, '2026-04-02 00:00:00+00'),
	(3, '\x35dcded8ca23442d1fed8bd72d68c0ad', -5391814836623600166, '2026-04-02 00:00:00+00'),
	(3, '\x36bb613f3ce82c2a75a0e87124a80542', -2412901151725816987, '2026-04-02 00:00:00+00'),
	(3, '\x390c809c8899913ea69d405b6ce5f786', 3253938238975126438, '2026-04-02 00:00:00+00'),
	(3, '\x397ff40bee4474a03c8ba43b2a968f51', -3088469684240695385, '2026-04-02 00:00:00+00'),
	(3, '\x3a2010120f7b6fef37b385adaf82fe0e', 3490593840024995948, '2026-04-02 00:00:00+00'),
	(3, '\x3d2002f6364e6e322e1527d522dcc0dd', 511025175418085559, '2026-04-02 00:00:00+00'),
	(3, '\x3daa65ed0cf9f469a04d90535a059cc4', 6913175728579968602, '2026-04-02 00:00:00+00'),
	(3, '\x3dcfe817477ca53c42c6a1978620fe07', 6629657883075055374, '2026-04-02 00:00:00+00'),
	(3, '\x3f139388da3222323f64b0162df22482', 6941424668163323180, '2026-04-02 00:00:00+00'),
	(3, '\x403979e1ef68e54d982b27e7f8cec934', 2200225405785741866, '2026-04-02 00:00:00+00'),
	(3, '\x4070e50ebc424ca37ed55ef0405fef99', -1200395070640861439, '2026-04-02 00:00:00+00'),
	(3, '\x4205160443f02c873b977daff24d68dc', 2013949527703211436, '2026-04-02 00:00:00+00'),
	(3, '\x471b2e6736f6bf1186952ec9218cd1e3', -8708756717752642784, '2026-04-02 00:00:00+00'),
	(3, '\x48af467fa6d5b52ea9e2dd1a5fe5e435', 4401354619652255265, '2026-04-02 00:00:00+00'),
	(3, '\x492799238692fcb46a58d4f5d57a57a6', 8180516461081158481, '2026-04-02 00:00:00+00'),
	(3, '\x49559c3ed27e4aeb7f808672d3d5ac22', 1966890341702270995, '2026-04-02 00:00:00+00'),
	(3, '\x4af25ee1e606150be4d4b48f987865a4', -7035208262338586655, '2026-04-02 00:00:00+00'),
	(3, '\x4c2bc7e59102f295235429d363617ff4', 1186230075073553603, '2026-04-02 00:00:00+00'),
	(3, '\x4c7193c95f97872af6ca61a7ac393176', -1369617741517322470, '2026-04-02 00:00:00+00'),
	(3, '\x4d58d945dffa35a3f47ff2c90efdabaa', 6934525214622574107, '2026-04-02 00:00:00+00'),
	(3, '\x4edefa1a7a7816550bda5ff5fd94cd79', -6285351846276418067, '2026-04-02 00:00:00+00'),
	(3, '\x4f07cf9d3fe51254766b855a640c372c', -2079156448246638460, '2026-04-02 00:00:00+00'),
	(3, '\x4f512e43009abee8f157b12a11e563de', 1723603033457523232, '2026-04-02 00:00:00+00'),
	(3, '\x4f52fa8d228deeadd407d9620b9695b5', 2916972979565698685, '2026-04-02 00:00:00+00'),
	(3, '\x515795662e880e474dc46c7c0989ba6f', 7128663307051019659, '2026-04-02 00:00:00+00'),
	(3, '\x51cf5941204ca8c788fc6fe50e551062', 8480636034755940367, '2026-04-02 00:00:00+00'),
	(3, '\x54bca8897b798a281daf0fea33175cba', 7293624162197115806, '2026-04-02 00:00:00+00'),
	(3, '\x557b918d5111fa45963f5f154ebc87bf', -2807780231145867583, '2026-04-02 00:00:00+00'),
	(3, '\x5602f142ef893778097cb05013159eff', 7128663307051019659, '2026-04-02 00:00:00+00'),
	(3, '\x57a8aef00f6bbf56d1985cc6c0ad0c62', -2747120533595081537, '2026-04-02 00:00:00+00'),
	(3, '\x57bd5680fd3ab82f31f484fa8554e7b1', 5145294558256160020, '2026-04-02 00:00:00+00'),
	(3, '\x583833c88ebaae4e763cd23b7b086f2c', -4339064925857794077, '2026-04-02 00:00:00+00'),
	(3, '\x59aaec6736f6c00c199a20dff0a22a27', 1542192598817429672, '2026-04-02 00:00:00+00'),
	(3, '\x59bb957907f778961c729a424dde964b', -8481666033164029726, '2026-04-02 00:00:00+00'),
	(3, '\x5a46af9bcc7c487fe8f90a095b8be04c', 7283333338299965742, '2026-04-02 00:00:00+00'),
	(3, '\x5cefce53e80162365a52ebe13a67d162', -1304774635731919693, '2026-04-02 00:00:00+00'),
	(3, '\x5d9e24fb962ec96402e7eb944cdeecaf', 8276466716569527890, '2026-04-02 00:00:00+00'),
	(3, '\x60dd6746c3027306332dd0bd888a480f', 2558499154083721368, '2026-04-02 00:00:00+00'),
	(3, '\x63e05fc8797b32f3c1da30f5cc0bd9f7', -7752916517203415057, '2026-04-02 00:00:00+00'),
	(3, '\x643fdc51c7b6a713cdee0e72923f71f1', 1407301083827169746, '2026-04-02 00:00:00+00'),
	(3, '\x65583b4a2d9cbe79ef4a9132d3baea40', -1131485565904579766, '2026-04-02 00:00:00+00'),
	(3, '\x67b42f347e21968fe686f48b3f4779e9', -1344228466615667906, '2026-04-02 00:00:00+00'),
	(3, '\x67c2630203d472158d57df3dc7900919', 6746176443626724770, '2026-04-02 00:00:00+00'),
	(3, '\x683b466d4cae639d9cd2efc45305ff1e', -4410669815244589453, '2026-04-02 00:00:00+00'),
	(3, '\x68f3a364988de1c75481a7f713ddfe46', 5375900885723219467, '2026-04-02 00:00:00+00'),
	(3, '\x6982d0431a61810262bff7d18c091237', -7857872118187133510, '2026-04-02 00:00:00+00'),
	(3, '\x6b394bea4a635d4d16dccdbbf20d7852', 2723061084194504063, '2026-04-02 00:00:00+00'),
	(3, '\x6edf3a52a0bc949589cfdc132d867a71', -4444369411742757271, '2026-04-02 00:00:00+00'),
	(3, '\x6ef2b0b2c96735f4e463436417ba3b35', 4766292680745224431, '2026-04-02 00:00:00+00'),
	(3, '\x6f20aa9e2370aff60d792bade2900672', -8498157961039514459, '2026-04-02 00:00:00+00'),
	(3, '\x6f601589f3f0ef1f6da7578fecb4724f', 4805460456462282165, '2026-04-02 00:00:00+00'),
	(3, '\x70a9132923c9d6e1dcd434ce8c8e63b5', -8898581020936784935, '2026-04-02 00:00:00+00'),
	(3, '\x737204b0177d1550713673680b3dcf4b', -699146016416659517, '2026-04-02 00:00:00+00'),
	(3, '\x7ac6ab01ee17a12431f09fcda7336aaa', 5270157786672499212, '2026-04-02 00:00:00+00'),
	(3, '\x7b07414bc40dd007327ddb13ef29d327', -5717038839723463513, '2026-04-02 00:00:00+00'),
	(3, '\x7c44d05bcfc6096228a2a705df623594', -6027415304849739339, '2026-04-02 00:00:00+00');
INSERT INTO public.claims VALUES
	(3, '\x7ee95b64a725551cc58d362712789a8a', -4330530199362816152, '2026-04-02 00:00:00+00'),
	(3, '\x7ef7ffa818e53382eb20f9d2cf299ba1', -2247834017703893715, '2026-04-02 00:00:00+00'),
	(3, '\x82f3130cb5a07aa6f2e33e7410e1bf9e', -1997428913815809890, '2026-04-02 00:00:00+00'),
	(3, '\x850576393a1296f21eae3040a980b03f', 6800626678671053891, '2026-04-02 00:00:00+00'),
	(3, '\x876db476c2f3492f37c12d38c8b1681c', 1966890341702270995, '2026-04-02 00:00:00+00'),
	(3, '\x87f714e9e34c01648e31204954c3db68', -2125937206021029651, '2026-04-02 00:00:00+00'),
	(3, '\x8a990f977a28f062bf31f72c51994765', 6968887240102280257, '2026-04-02 00:00:00+00'),
	(3, '\x8d356bc2b9da5c04f8652757f303fac7', -5140040082840395059, '2026-04-02 00:00:00+00'),
	(3, '\x90d9d76d5c17ce19e560101606482ae6', -2463040361257471054, '2026-04-02 00:00:00+00'),
	(3, '\x90f5695782b6b4fa73e463610009a03f', -3924950821702870911, '2026-04-02 00:00:00+00'),
	(3, '\x91d3ffaff7d703548eb76676e9c859e1', 3101998704862421833, '2026-04-02 00:00:00+00'),
	(3, '\x95b93b279f6bbcaea5cd7105cefa9133', 8916196829265104642, '2026-04-02 00:00:00+00'),
	(3, '\x9659bc7480f28cb3a3508f1e2e454b76', -5777796336945230215, '2026-04-02 00:00:00+00'),
	(3, '\x98c58bcdf9d245f32fef1deb5734a104', -4437180535367655013, '2026-04-02 00:00:00+00'),
	(3, '\x9a88825f8159b63462146b8cce208605', -1474359671432120071, '2026-04-02 00:00:00+00'),
	(3, '\x9af94a9e241cf4ec20d1af5b91ec5e1c', 7450008313675541162, '2026-04-02 00:00:00+00'),
	(3, '\x9b251b667125886c8dee5f4dc3bb0c26', 4010495350411752071, '2026-04-02 00:00:00+00'),
	(3, '\x9b518056a1f6d8b1e4a365f28875d374', -5681352806700786489, '2026-04-02 00:00:00+00'),
	(3, '\x9db02f4f636da79236f73160dff677a0', 2918118788548224810, '2026-04-02 00:00:00+00'),
	(3, '\x9fb10cbdf8a6762f8747753a859a6991', 6151660779027684589, '2026-04-02 00:00:00+00'),
	(3, '\xa1566b6270692f55cd84e66077d8277f', 3436900294369152133, '2026-04-02 00:00:00+00'),
	(3, '\xa235c6877c719bde6a0dbe9b6df561e6', 5408324201177966355, '2026-04-02 00:00:00+00'),
	(3, '\xa42f1d4c90b6c3a7c2fca4a1799cc8f6', -6483959622025308170, '2026-04-02 00:00:00+00'),
	(3, '\xa43f04b32e7a4eb3e852e4b493b14bca', -1486320855296921649, '2026-04-02 00:00:00+00'),
	(3, '\xa499f2d023c7d01d7cc75df002642959', -6596920390590133978, '2026-04-02 00:00:00+00'),
	(3, '\xa5d4b6b5e3080798e2a3bf61fcce2d82', -7917162828698911904, '2026-04-02 00:00:00+00'),
	(3, '\xa5df09088572ab26b36a53319d91ae3e', 4077268551323599876, '2026-04-02 00:00:00+00'),
	(3, '\xa5f13b8031f9115475aa48f673bf1ad3', -8380192066391462544, '2026-04-02 00:00:00+00'),
	(3, '\xa632b47d81f43260e178593af3926639', 3077134684152724710, '2026-04-02 00:00:00+00'),
	(3, '\xa7362e0d749f70d0a65a4b8dc3dc0ed5', -1497830746119326721, '2026-04-02 00:00:00+00'),
	(3, '\xa7ce8388f100d0f74c7fda3c692cfd8c', -8257627711574243631, '2026-04-02 00:00:00+00'),
	(3, '\xa8eed9fb71e2a756d5760690caeb55d8', 6274469631051382962, '2026-04-02 00:00:00+00'),
	(3, '\xac0f3043f117c454c97ed741ccb48917', 6311096392500235749, '2026-04-02 00:00:00+00'),
	(3, '\xafa632d419f86b0d8380022ba61736cd', 1223438939610996406, '2026-04-02 00:00:00+00'),
	(3, '\xb24fb648c24509e1ded8a46d17d442f3', -8845038147254952820, '2026-04-02 00:00:00+00'),
	(3, '\xb2b621bced26a2406dd63257453e4052', -2460536372423971228, '2026-04-02 00:00:00+00'),
	(3, '\xb2bdd99e759df74e42f51b0a183427a3', 8345429615886755334, '2026-04-02 00:00:00+00'),
	(3, '\xb559fcf09a72121481154961dec7d928', 1886232983029343, '2026-04-02 00:00:00+00'),
	(3, '\xb79e730ed3d7b3bc3838f06f972eaca9', -5623989590579064691, '2026-04-02 00:00:00+00'),
	(3, '\xb95d0f9b1f27cd34b85f7da770c8717b', 1495852817888081118, '2026-04-02 00:00:00+00'),
	(3, '\xba5981c1400d30670ff3b138da1fe766', -8401469243560729412, '2026-04-02 00:00:00+00'),
	(3, '\xbbce6c31f7a0b8b90c64f76478a0e363', -4889689807936438272, '2026-04-02 00:00:00+00'),
	(3, '\xbc6c92d8dd28c661890d13b51a704f9d', 2344458841893236583, '2026-04-02 00:00:00+00'),
	(3, '\xbd124cbda888187c42616db9bb072b10', -5322943551228099867, '2026-04-02 00:00:00+00'),
	(3, '\xbf0602800fccfdf89d06bf905ccf7465', 3507748831378513162, '2026-04-02 00:00:00+00'),
	(3, '\xbfa24a1cb81a31ba5da7bb8d0686d86e', -9192799370841915996, '2026-04-02 00:00:00+00'),
	(3, '\xbffbf1d12ffabb5c33cd1f202b4442db', 8268842378890229511, '2026-04-02 00:00:00+00'),
	(3, '\xc004231e5139af149e570beb521af335', 2452650294071739111, '2026-04-02 00:00:00+00'),
	(3, '\xc02fba882848df92cadbe47c890e15cf', -1120301389649830445, '2026-04-02 00:00:00+00'),
	(3, '\xc2650fe0ec601df6a5e73c0cb82cf4c5', -716607980680757036, '2026-04-02 00:00:00+00'),
	(3, '\xc69a00a75efbea733996b57c0c890add', -8361035057772732879, '2026-04-02 00:00:00+00'),
	(3, '\xc77e710412b9f1dbd44d879a3ede2455', 8569306616735812318, '2026-04-02 00:00:00+00'),
	(3, '\xc79252744359e87effabd9e4e02071f9', 855488862437678280, '2026-04-02 00:00:00+00'),
	(3, '\xc79a4128b8f2c3f7a43e46f9acd0ef45', -7330151999245415843, '2026-04-02 00:00:00+00'),
	(3, '\xca5378f54ecadfff37387ac3a9219f7f', 3490593840024995948, '2026-04-02 00:00:00+00'),
	(3, '\xceff49dd81c48852389380462d75778f', 6904116230353683212, '2026-04-02 00:00:00+00'),
	(3, '\xcf7bccc0f61641926daf6fe04a6158ad', -4540218645452662149, '2026-04-02 00:00:00+00'),
	(3, '\xd15a597dd089ebf848c88b66b1e81bcc', 8716888652188970111, '2026-04-02 00:00:00+00'),
	(3, '\xd6bf82b12ae8284fc6cc0cc1b677a055', 2301849746443999147, '2026-04-02 00:00:00+00'),
	(3, '\xd6c5569a0f1f461065c6e516f597e7d7', 4331261660075844608, '2026-04-02 00:00:00+00'),
	(3, '\xda2cce75d680b8f537ef717b1df1037c', 6209803569576507388, '2026-04-02 00:00:00+00'),
	(3, '\xdb79003f76c63fbef08446f025c408bb', 3656481266673072937, '2026-04-02 00:00:00+00'),
	(3, '\xe2c1c94235a15364d93ff25a97740bd3', -5391814836623600166, '2026-04-02 00:00:00+00'),
	(3, '\xe4fa055dec18883940eb04bacaff8083', 518854305322469586, '2026-04-02 00:00:00+00'),
	(3, '\xe5936bbeca9abfd7c1069d4977c4213f', 6554464017300856787, '2026-04-02 00:00:00+00'),
	(3, '\xe715f94d9cd23420dd289b16415883e9', 2316068093523754034, '2026-04-02 00:00:00+00'),
	(3, '\xe95c19fc49354aa44e115de513106047', 669220628754427545, '2026-04-02 00:00:00+00'),
	(3, '\xea51b2b7dd7a19a265e0dc7eb21a6333', 6193525854995799551, '2026-04-02 00:00:00+00'),
	(3, '\xead0acc5f4ab50277db519fb0f68e405', -1186861304465477419, '2026-04-02 00:00:00+00'),
	(3, '\xead0e6babcfb71d772c1db40600ae62c', -5253016576350807202, '2026-04-02 00:00:00+00'),
	(3, '\xedcdb28831f0fa491e2c397ecc734122', 8729523369207612470, '2026-04-02 00:00:00+00'),
	(3, '\xef9a115027244b6fcfa33c35bce73f77', -648403046551469871, '2026-04-02 00:00:00+00'),
	(3, '\xf5690e06f09aee9ce257dc2dfe30fe34', 2687325134321991675, '2026-04-02 00:00:00+00'),
	(3, '\xf76e0d03bb5326e986060d3c25cf20b6', 6102449998074882458, '2026-04-02 00:00:00+00'),
	(3, '\xf8fc29078226e538584a132e5ef391cb', 1248251628729012522, '2026-04-02 00:00:00+00'),
	(3, '\xfc4eeb4593679343cd181c4fbe04d405', 4989974657517312088, '2026-04-02 00:00:00+00'),
	(3, '\xfcc0ad893455a42b693c157c84df641f', 8321246886098007548, '2026-04-02 00:00:00+00'),
	(3, '\xfe08490a4cdd047cc10144ddfc17237a', -4590616221054568201, '2026-04-02 00:00:00+00'),
	(3, '\xff4ef9019f4e63333c23df57eed7f9f2', 172424753969735184, '2026-04-02 00:00:00+00');
INSERT INTO public.contact_deletions VALUES
	(1, 'hal', '\x59d638690a4fe2a4bead3cb7ef0b7512', '2026-03-02 12:00:00+00');
INSERT INTO public.contact_fields VALUES
	(1, 1, 'name', 'Anna', '2026-03-02 12:00:00+00', '\x9198764b56cd616919c13b73444b1607'),
	(1, 1, 'owner', 'rita', '2026-03-02 09:00:00+00', '\xd433d65a9095ce503a509c5f91bd7fa8'),
	(1, 1, 'tags', '["vip"]', '2026-03-02 12:00:00+00', '\x9198764b56cd616919c13b73444b1607'),
	(1, 6, 'name', 'Fay', '2026-03-02 12:00:00+00', '\xf5823f6f33b572351190c90a4241e1b3');
INSERT INTO public.contact_merges VALUES
	(1, 'gus', '\x59549e82f669cbc6daefbbb61dd22ae0', '2026-03-02 12:00:00+00', 'ann');
INSERT INTO public.contacts OVERRIDING SYSTEM VALUE VALUES
	(1, 1, 'ann', 0, '2026-04-02 00:00:00+00'),
	(2, 1, 'bob', 0, '2026-04-02 00:00:00+00'),
	(3, 1, 'cid', 0, '2026-04-02 00:00:00+00'),
	(4, 1, 'dan', 1, '2026-04-02 00:00:00+00'),
	(5, 1, 'eve', 1, '2026-04-02 00:00:00+00'),
	(6, 1, 'fay', 2, '2026-04-02 00:00:00+00'),
	(7, 1, 'gus', 2, '2026-04-02 00:00:00+00'),
	(8, 3, 'ada', 3, '2026-04-02 00:00:00+00'),
	(9, 3, 'ben', 3, '2026-04-02 00:00:00+00'),
	(10, 3, 'cleo', 3, '2026-04-02 00:00:00+00'),
	(11, 3, 'dora', 3, '2026-04-02 00:00:00+00'),
	(12, 3, 'ed', 3, '2026-04-02 00:00:00+00'),
	(13, 3, 'finn', 3, '2026-04-02 00:00:00+00'),
	(14, 3, 'new-0', 3, '2026-04-02 00:00:00+00'),
	(15, 3, 'new-1', 3, '2026-04-02 00:00:00+00');
INSERT INTO public.dead_letters OVERRIDING SYSTEM VALUE VALUES
	(1, 'deals', 0, 10, 1772452800000, '\x626f62', '\x7b227370656376657273696f6e223a2022312e30222c2022736f75726365223a20222f63726d222c202274797065223a20226465616c2e776f6e222c20227375626a656374223a2022626f62222c202274696d65223a2022323032362d30332d30325431323a30303a30305a222c20226163636f756e746964223a202261636d65227d', '\x5b5b22636f6e74656e742d74797065222c20225958427762476c6a5958527062323476593278766457526c646d567564484d72616e4e7662673d3d225d5d', 'attribute_missing', 'id: missing', 'acme', '2026-04-02 00:00:00+00'),
	(2, 'contacts', 2, 5, 1772452800000, '\x677573', '\x7b227370656376657273696f6e223a2022312e30222c20226964223a2022222c2022736f75726365223a20222f63726d222c202274797065223a20226465616c2e776f6e222c20227375626a656374223a2022677573222c202274696d65223a2022323032362d30332d30325431323a30303a30305a222c20226163636f756e746964223a202261636d65227d', '\x5b5b22636f6e74656e742d74797065222c20225958427762476c6a5958527062323476593278766457526c646d567564484d72616e4e7662673d3d225d5d', 'attribute_malformed', 'id: empty, expected 1 to 256 characters, none of them a control character', 'acme', '2026-04-02 00:00:00+00');
INSERT INTO public.definitions OVERRIDING SYSTEM VALUE VALUES
	(1, 1, 'won', 'won', 1, 'cart', 10, true, '{deal.won}', '[]', 'always', NULL, 'contact', 1, 9, 0, true, '2026-04-02 00:00:00+00'),
	(2, 1, 'booked', 'booked', 1, 'cart', 7, true, '{booking.created}', '[]', 'cooldown', 86400, 'contact', 1, 20, 1, true, '2026-04-02 00:00:00+00'),
	(3, 1, 'opened', 'opened', 2, 'cart', 3, true, '{email.opened}', '[]', 'once', NULL, 'contact', 1, 0, 2, true, '2026-04-02 00:00:00+00'),
	(4, 1, 'paid', 'paid', 1, 'cart', 2, true, '{payment.succeeded}', '[]', 'cooldown', 10800, 'contact', 2, 0, 3, true, '2026-04-02 00:00:00+00'),
	(9, 3, 'won', 'Won', 5, 'trophy', 10, true, '{deal.won}', '[]', 'cooldown', 7200, 'contact', 2, 5, 0, true, '2026-04-02 00:00:00+00'),
	(10, 3, 'clicked', 'Clicked', 6, 'trophy', 1, true, '{email.clicked}', '[]', 'always', NULL, 'object', 1, 5, 1, true, '2026-04-02 00:00:00+00'),
	(11, 3, 'opened', 'Opened', 6, 'trophy', 2, true, '{email.opened}', '[]', 'once', NULL, 'contact', 2, 5, 2, true, '2026-04-02 00:00:00+00'),
	(12, 3, 'replied', 'Replied', 6, 'trophy', 3, true, '{email.replied}', '[]', 'cooldown', 3600, 'object', 1, 5, 3, true, '2026-04-02 00:00:00+00'),
	(13, 3, 'liked', 'Liked', 6, 'trophy', 5, true, '{track.liked}', '[]', 'cooldown', 3600, 'object', 2, 5, 4, true, '2026-04-02 00:00:00+00');
INSERT INTO public.editions VALUES
	(1, 1, 'always', NULL, 'contact', '2026-04-02 00:00:00+00'),
	(2, 1, 'cooldown', 86400, 'contact', '2026-04-02 00:00:00+00'),
	(3, 1, 'once', NULL, 'contact', '2026-04-02 00:00:00+00'),
	(4, 1, 'cooldown', 3600, 'contact', '2026-04-02 00:00:00+00'),
	(4, 2, 'cooldown', 10800, 'contact', '2026-04-02 00:00:00+00'),
	(9, 1, 'cooldown', 3600, 'contact', '2026-04-02 00:00:00+00'),
	(9, 2, 'cooldown', 7200, 'contact', '2026-04-02 00:00:00+00'),
	(10, 1, 'always', NULL, 'object', '2026-04-02 00:00:00+00'),
	(11, 1, 'once', NULL, 'object', '2026-04-02 00:00:00+00'),
	(11, 2, 'once', NULL, 'contact', '2026-04-02 00:00:00+00'),
	(12, 1, 'cooldown', 3600, 'object', '2026-04-02 00:00:00+00'),
	(13, 1, 'once', NULL, 'contact', '2026-04-02 00:00:00+00'),
	(13, 2, 'cooldown', 3600, 'object', '2026-04-02 00:00:00+00');
INSERT INTO public.gates VALUES
	(1, 2, 1, '', '2026-03-02 09:30:00+00', '\xb9cb14e344e0e2067dfa3197c0109bdd', NULL),
	(1, 3, 1, '', '2026-03-02 08:00:00+00', '\xb62abd2577480b5ec37330c8587abe91', NULL),
	(2, 4, 2, '', '2026-03-02 10:00:00+00', '\xe224ca2044f8450b456cfafd3aa810b0', NULL),
	(5, 2, 1, '', NULL, NULL, '2026-03-02 12:00:00+00'),
	(8, 9, 1, '', '2026-03-02 10:40:00+00', '\x014997222992db6f3389b90917cef876', '2026-03-02 12:00:00+00'),
	(8, 9, 2, '', '2026-03-02 17:10:00+00', '\xafa632d419f86b0d8380022ba61736cd', '2026-03-02 12:00:00+00'),
	(8, 11, 2, '', '2026-03-02 08:00:00+00', '\xa43f04b32e7a4eb3e852e4b493b14bca', NULL),
	(8, 12, 1, 'm1', '2026-03-02 11:30:00+00', '\xe2c1c94235a15364d93ff25a97740bd3', NULL),
	(8, 12, 1, 'm2', '2026-03-02 11:30:00+00', '\x35dcded8ca23442d1fed8bd72d68c0ad', '2026-03-02 14:00:00+00'),
	(8, 13, 1, '', '2026-03-02 12:30:00+00', '\xd15a597dd089ebf848c88b66b1e81bcc', NULL),
	(8, 13, 2, 'p1', '2026-03-02 17:20:00+00', '\x9b518056a1f6d8b1e4a365f28875d374', NULL),
	(9, 9, 1, '', '2026-03-02 10:40:00+00', '\xbc6c92d8dd28c661890d13b51a704f9d', '2026-03-02 12:00:00+00'),
	(9, 9, 2, '', '2026-03-02 17:10:00+00', '\xa499f2d023c7d01d7cc75df002642959', '2026-03-02 12:00:00+00'),
	(9, 11, 2, '', '2026-03-02 08:00:00+00', '\x3126e78a52eae054a9754ff6d7167634', NULL),
	(9, 12, 1, 'm1', '2026-03-02 11:30:00+00', '\x9a88825f8159b63462146b8cce208605', NULL),
	(9, 12, 1, 'm2', '2026-03-02 11:30:00+00', '\x2012b460c0e466b3eac0ecaccec7c589', '2026-03-02 14:00:00+00'),
	(9, 13, 1, '', '2026-03-02 13:00:00+00', '\xa8eed9fb71e2a756d5760690caeb55d8', NULL),
	(9, 13, 2, 'p1', '2026-03-02 17:20:00+00', '\x06f960bfe03bb0c2455babf37a42c001', '2026-03-02 13:00:00+00'),
	(10, 9, 1, '', '2026-03-02 10:40:00+00', '\x17b9f00cdbbcdd56c6f69434a07f53a2', '2026-03-02 12:00:00+00'),
	(10, 9, 2, '', '2026-03-02 17:10:00+00', '\xbf0602800fccfdf89d06bf905ccf7465', '2026-03-02 12:00:00+00'),
	(10, 11, 1, '', '2026-03-02 09:55:00+00', '\x358ae5537cd1e85d05b8a8de2257eaad', NULL),
	(10, 11, 1, 'm1', '2026-03-02 08:00:00+00', '\xa5df09088572ab26b36a53319d91ae3e', NULL),
	(10, 11, 1, 'm2', '2026-03-02 09:50:00+00', '\x3d2002f6364e6e322e1527d522dcc0dd', NULL),
	(10, 11, 2, '', NULL, NULL, '2026-03-02 09:55:00+00'),
	(10, 12, 1, 'm1', '2026-03-02 11:00:00+00', '\xa5d4b6b5e3080798e2a3bf61fcce2d82', NULL),
	(10, 12, 1, 'm2', '2026-03-02 11:30:00+00', '\x49559c3ed27e4aeb7f808672d3d5ac22', '2026-03-02 14:00:00+00'),
	(10, 13, 1, '', '2026-03-02 13:00:00+00', '\xea51b2b7dd7a19a265e0dc7eb21a6333', NULL),
	(10, 13, 2, 'p1', '2026-03-02 17:20:00+00', '\x0dc72876e0ea2c84e9bb59da134f58d3', '2026-03-02 13:00:00+00'),
	(11, 9, 1, '', '2026-03-02 10:40:00+00', '\xd6bf82b12ae8284fc6cc0cc1b677a055', '2026-03-02 12:00:00+00'),
	(11, 9, 2, '', '2026-03-02 17:10:00+00', '\xb2b621bced26a2406dd63257453e4052', '2026-03-02 12:00:00+00'),
	(11, 11, 1, '', '2026-03-02 09:55:00+00', '\xead0acc5f4ab50277db519fb0f68e405', NULL),
	(11, 11, 1, 'm1', '2026-03-02 08:00:00+00', '\x196917ef640853b724baf8f4fada0334', NULL),
	(11, 11, 1, 'm2', '2026-03-02 09:50:00+00', '\x4070e50ebc424ca37ed55ef0405fef99', NULL),
	(11, 11, 2, '', NULL, NULL, '2026-03-02 09:55:00+00'),
	(11, 12, 1, 'm1', '2026-03-02 11:30:00+00', '\x5602f142ef893778097cb05013159eff', NULL),
	(11, 12, 1, 'm2', '2026-03-02 11:30:00+00', '\x515795662e880e474dc46c7c0989ba6f', '2026-03-02 14:00:00+00'),
	(11, 13, 1, '', '2026-03-02 12:30:00+00', '\x95b93b279f6bbcaea5cd7105cefa9133', NULL),
	(11, 13, 2, 'p1', '2026-03-02 17:20:00+00', '\x583833c88ebaae4e763cd23b7b086f2c', NULL),
	(12, 9, 1, '', '2026-03-02 10:40:00+00', '\x7ac6ab01ee17a12431f09fcda7336aaa', '2026-03-02 12:00:00+00'),
	(12, 9, 2, '', '2026-03-02 17:10:00+00', '\x29744a53449d57b4b82ce9716e215ae9', '2026-03-02 12:00:00+00'),
	(12, 11, 1, '', '2026-03-02 09:55:00+00', '\x298cbcac479923ebd35bbfe6446bbd2a', NULL),
	(12, 11, 1, 'm1', '2026-03-02 08:00:00+00', '\xa632b47d81f43260e178593af3926639', NULL),
	(12, 11, 1, 'm2', '2026-03-02 09:50:00+00', '\x7ee95b64a725551cc58d362712789a8a', NULL),
	(12, 11, 2, '', NULL, NULL, '2026-03-02 09:55:00+00'),
	(12, 12, 1, 'm1', '2026-03-02 11:30:00+00', '\x3a2010120f7b6fef37b385adaf82fe0e', NULL),
	(12, 12, 1, 'm2', '2026-03-02 11:30:00+00', '\xca5378f54ecadfff37387ac3a9219f7f', NULL),
	(12, 13, 2, 'p1', '2026-03-02 17:20:00+00', '\x57a8aef00f6bbf56d1985cc6c0ad0c62', NULL),
	(13, 9, 1, '', '2026-03-02 10:40:00+00', '\x492799238692fcb46a58d4f5d57a57a6', '2026-03-02 12:00:00+00'),
	(13, 9, 2, '', '2026-03-02 17:10:00+00', '\xbd124cbda888187c42616db9bb072b10', '2026-03-02 12:00:00+00'),
	(13, 11, 1, '', '2026-03-02 09:55:00+00', '\x20a0b6a07e1fa577f2330ef4c1eeaddc', NULL),
	(13, 11, 1, 'm1', '2026-03-02 08:00:00+00', '\x4d58d945dffa35a3f47ff2c90efdabaa', NULL),
	(13, 11, 1, 'm2', '2026-03-02 09:50:00+00', '\x1d1a6aba655f92915895a04354e13226', NULL),
	(13, 11, 2, '', NULL, NULL, '2026-03-02 09:55:00+00'),
	(13, 12, 1, 'm1', '2026-03-02 11:00:00+00', '\x6f20aa9e2370aff60d792bade2900672', NULL),
	(13, 13, 2, 'p1', '2026-03-02 17:20:00+00', '\xf76e0d03bb5326e986060d3c25cf20b6', NULL),
	(14, 9, 2, '', '2026-03-02 18:10:00+00', '\x4c2bc7e59102f295235429d363617ff4', NULL),
	(14, 11, 2, '', '2026-03-02 17:20:00+00', '\x9b251b667125886c8dee5f4dc3bb0c26', NULL),
	(14, 13, 2, 'p1', '2026-03-02 17:40:00+00', '\x68f3a364988de1c75481a7f713ddfe46', NULL),
	(15, 9, 2, '', '2026-03-02 17:10:00+00', '\x57bd5680fd3ab82f31f484fa8554e7b1', NULL),
	(15, 11, 2, '', '2026-03-02 09:20:00+00', '\x850576393a1296f21eae3040a980b03f', NULL),
	(15, 13, 2, 'p1', '2026-03-02 17:20:00+00', '\xba5981c1400d30670ff3b138da1fe766', NULL);
INSERT INTO public.groups OVERRIDING SYSTEM VALUE VALUES
	(1, 1, 'purchase', 'Purchase', 'cart', 0, false),
	(2, 1, 'support', 'Support', 'cart', 1, false),
	(5, 3, 'purchase', 'Purchase', 'cart', 0, false),
	(6, 3, 'support', 'Support', 'cart', 1, false);
INSERT INTO public.installation VALUES
	(true, 1, 1, 4, 8);
INSERT INTO public.lanes VALUES
	('contacts', 2, 1, 6, 1772452800000, 2383239971, NULL, 6, '[[6, "acme"]]'),
	('deals', 0, 2, 14, 1775037600000, 4028003549, NULL, 14, '[[11, "acme"]]'),
	('emails', 3, 1, 167, 1772472001000, 862785264, NULL, 167, '[]'),
	('payments', 1, 1, 4, 1772445600000, 4106676279, NULL, 4, '[]');
INSERT INTO public.outbox VALUES
	(0, 1, '{score_changed,score_changed,xp_credited,xp_credited}', '{"acmeboblead_score11events{1,0}{12,12}2w1/crmdeal.won1772445600000000woncounted10p1/crmpayment.succeeded1772445600000000paidcounted2","acmeannlead_score11events{1,2,0}{7,3,10}2e1/crmemail.opened1772445600000000openedcounted3b1/crmbooking.created1772445600000000bookedcounted7",acmebobrita4c7b5ebfe4abf50e4dc9df74c89d9455won151772445600000000w1/crmdeal.won,acmeannritadfa4103929ef5b6f67e7bb263e9e2541booked1201772445600000000b1/crmbooking.created}', '{ "acme" : [[1, "purchase", true], [2, "support", true]] }', '2026-04-02 00:00:00+00'),
	(0, 5, '{xp_credited,dead_letter,score_changed,xp_credited,xp_credited}', '{acmeannruthb9cb14e344e0e2067dfa3197c0109bddbooked1201772443800000000b0/crmbooking.created,1,"acmecidlead_score11events{1,0}{10,10}1w2/crmdeal.won1775037600000000woncounted10",acmecidruth08311d72bb5626aeadf0584979c67125won191775037600000000w2/crmdeal.won,acmeannritadfa4103929ef5b6f67e7bb263e9e2541booked2-201772445600000000b1/crmbooking.created}', '{ "acme" : [[1, "purchase", true], [2, "support", true]] }', '2026-04-02 00:00:00+00'),
	(1, 1, '{score_changed,score_changed}', '{"acmeevelead_score11events{1,0}{7,7}1b2/crmbooking.created1772452800000000bookedcounted7","acmedanlead_score11events{1,0}{10,10}1w3/crmdeal.won1772452800000000woncounted10"}', '{ "acme" : [[1, "purchase", true], [2, "support", true]] }', '2026-04-02 00:00:00+00'),
	(2, 1, '{dead_letter}', '{2}', '{ "acme" : [[1, "purchase", true], [2, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 1, '{score_changed,score_changed,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited}', '{"birchadafit11events{5,6,0}{-3,4,1}4ada-deal.won-9:30-None/crmdeal.won1772443800000000woncounted-1ada-deal.won-10:40-None/crmdeal.won1772448000000000woncounted-1ada-deal.won-12:00-None/crmdeal.won1772452800000000woncounted-1ada-track.liked-12:30-p2/crmtrack.liked1772454600000000likedcounted4","birchadalead_score11events{5,6,0}{30,27,57}15ada-email.opened-8:00-m1/crmemail.opened1772438400000000openedcounted2ada-email.clicked-9:00-m1/crmemail.clicked1772442000000000clickedcounted1ada-email.clicked-9:01-m1/crmemail.clicked1772442060000000clickedcounted1ada-email.clicked-9:02-m2/crmemail.clicked1772442120000000clickedcounted1ada-email.clicked-9:03-None/crmemail.clicked1772442180000000clickedcounted1ada-deal.won-9:30-None/crmdeal.won1772443800000000woncounted10ada-email.opened-9:50-m2/crmemail.opened1772445000000000openedcounted2ada-email.opened-9:55-None/crmemail.opened1772445300000000openedcounted2ada-email.replied-10:30-m1/crmemail.replied1772447400000000repliedcounted3ada-deal.won-10:40-None/crmdeal.won1772448000000000woncounted10ada-email.replied-11:30-m2/crmemail.replied1772451000000000repliedcounted3ada-email.replied-11:30-m1/crmemail.replied1772451000000000repliedcounted3ada-deal.won-12:00-None/crmdeal.won1772452800000000woncounted10ada-track.liked-12:30-p2/crmtrack.liked1772454600000000likedcounted5ada-email.replied-14:00-m2/crmemail.replied1772460000000000repliedcounted3",birchadarep-0d15a597dd089ebf848c88b66b1e81bccliked151772454600000000ada-track.liked-12:30-p2/crmtrack.liked,birchadarep-0336cf3c9586094a898881fcae1628368replied151772447400000000ada-email.replied-10:30-m1/crmemail.replied,birchadarep-0a43f04b32e7a4eb3e852e4b493b14bcaopened151772438400000000ada-email.opened-8:00-m1/crmemail.opened,birchadarep-04c7193c95f97872af6ca61a7ac393176won151772443800000000ada-deal.won-9:30-None/crmdeal.won,birchadarep-0ead0e6babcfb71d772c1db40600ae62creplied151772460000000000ada-email.replied-14:00-m2/crmemail.replied,birchadarep-035dcded8ca23442d1fed8bd72d68c0adreplied151772451000000000ada-email.replied-11:30-m2/crmemail.replied,birchadarep-0e2c1c94235a15364d93ff25a97740bd3replied151772451000000000ada-email.replied-11:30-m1/crmemail.replied,birchadarep-035b3de9334ca7d0ce590766d70475619opened151772445300000000ada-email.opened-9:55-None/crmemail.opened,birchadarep-032b4c01ec0ab91ec2f724721d29e9ac6opened151772445000000000ada-email.opened-9:50-m2/crmemail.opened,birchadarep-0ac0f3043f117c454c97ed741ccb48917clicked151772442180000000ada-email.clicked-9:03-None/crmemail.clicked,birchadarep-04af25ee1e606150be4d4b48f987865a4clicked151772442120000000ada-email.clicked-9:02-m2/crmemail.clicked,birchadarep-016f70f167259ce91722490661f0e31e9clicked151772442060000000ada-email.clicked-9:01-m1/crmemail.clicked,birchadarep-0b95d0f9b1f27cd34b85f7da770c8717bclicked151772442000000000ada-email.clicked-9:00-m1/crmemail.clicked,birchadarep-059aaec6736f6c00c199a20dff0a22a27won151772452800000000ada-deal.won-12:00-None/crmdeal.won,birchadarep-0014997222992db6f3389b90917cef876won151772448000000000ada-deal.won-10:40-None/crmdeal.won}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 18, '{score_changed,score_changed,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited}', '{"birchbenfit11events{6,5,0}{4,-3,1}4ben-deal.won-9:30-None/crmdeal.won1772443800000000woncounted-1ben-deal.won-10:40-None/crmdeal.won1772448000000000woncounted-1ben-deal.won-12:00-None/crmdeal.won1772452800000000woncounted-1ben-track.liked-13:00-p1/crmtrack.liked1772456400000000likedcounted4","birchbenlead_score11events{6,5,0}{27,30,57}15ben-email.opened-8:00-m1/crmemail.opened1772438400000000openedcounted2ben-email.clicked-9:00-m1/crmemail.clicked1772442000000000clickedcounted1ben-email.clicked-9:01-m1/crmemail.clicked1772442060000000clickedcounted1ben-email.clicked-9:02-m2/crmemail.clicked1772442120000000clickedcounted1ben-email.clicked-9:03-None/crmemail.clicked1772442180000000clickedcounted1ben-deal.won-9:30-None/crmdeal.won1772443800000000woncounted10ben-email.opened-9:50-m2/crmemail.opened1772445000000000openedcounted2ben-email.opened-9:55-None/crmemail.opened1772445300000000openedcounted2ben-email.replied-10:30-m1/crmemail.replied1772447400000000repliedcounted3ben-deal.won-10:40-None/crmdeal.won1772448000000000woncounted10ben-email.replied-11:30-m2/crmemail.replied1772451000000000repliedcounted3ben-email.replied-11:30-m1/crmemail.replied1772451000000000repliedcounted3ben-deal.won-12:00-None/crmdeal.won1772452800000000woncounted10ben-track.liked-13:00-p1/crmtrack.liked1772456400000000likedcounted5ben-email.replied-14:00-m2/crmemail.replied1772460000000000repliedcounted3",birchbenrep-14205160443f02c873b977daff24d68dcreplied151772447400000000ben-email.replied-10:30-m1/crmemail.replied,birchbenrep-13126e78a52eae054a9754ff6d7167634opened151772438400000000ben-email.opened-8:00-m1/crmemail.opened,birchbenrep-1403979e1ef68e54d982b27e7f8cec934won151772443800000000ben-deal.won-9:30-None/crmdeal.won,birchbenrep-1a8eed9fb71e2a756d5760690caeb55d8liked151772456400000000ben-track.liked-13:00-p1/crmtrack.liked,birchbenrep-1ef9a115027244b6fcfa33c35bce73f77replied151772460000000000ben-email.replied-14:00-m2/crmemail.replied,birchbenrep-12012b460c0e466b3eac0ecaccec7c589replied151772451000000000ben-email.replied-11:30-m2/crmemail.replied,birchbenrep-19a88825f8159b63462146b8cce208605replied151772451000000000ben-email.replied-11:30-m1/crmemail.replied,birchbenrep-13daa65ed0cf9f469a04d90535a059cc4opened151772445300000000ben-email.opened-9:55-None/crmemail.opened,birchbenrep-11786f5b41f6748edfd6fbe18dc34c3f3opened151772445000000000ben-email.opened-9:50-m2/crmemail.opened,birchbenrep-17b07414bc40dd007327ddb13ef29d327clicked151772442180000000ben-email.clicked-9:03-None/crmemail.clicked,birchbenrep-16b394bea4a635d4d16dccdbbf20d7852clicked151772442120000000ben-email.clicked-9:02-m2/crmemail.clicked,birchbenrep-1683b466d4cae639d9cd2efc45305ff1eclicked151772442060000000ben-email.clicked-9:01-m1/crmemail.clicked,birchbenrep-1a7362e0d749f70d0a65a4b8dc3dc0ed5clicked151772442000000000ben-email.clicked-9:00-m1/crmemail.clicked,birchbenrep-114444cb0359fc21bce00720918dfa6ebwon151772452800000000ben-deal.won-12:00-None/crmdeal.won,birchbenrep-1bc6c92d8dd28c661890d13b51a704f9dwon151772448000000000ben-deal.won-10:40-None/crmdeal.won}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 35, '{score_changed,score_changed,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited}', '{"birchcleofit11events{5,6,0}{-3,4,1}4cleo-deal.won-9:30-None/crmdeal.won1772443800000000woncounted-1cleo-deal.won-10:40-None/crmdeal.won1772448000000000woncounted-1cleo-deal.won-12:00-None/crmdeal.won1772452800000000woncounted-1cleo-track.liked-13:00-p1/crmtrack.liked1772456400000000likedcounted4","birchcleolead_score11events{6,5,0}{24,30,54}14cleo-email.opened-8:00-m1/crmemail.opened1772438400000000openedcounted2cleo-email.clicked-9:00-m1/crmemail.clicked1772442000000000clickedcounted1cleo-email.clicked-9:01-m1/crmemail.clicked1772442060000000clickedcounted1cleo-email.clicked-9:02-m2/crmemail.clicked1772442120000000clickedcounted1cleo-email.clicked-9:03-None/crmemail.clicked1772442180000000clickedcounted1cleo-deal.won-9:30-None/crmdeal.won1772443800000000woncounted10cleo-email.opened-9:50-m2/crmemail.opened1772445000000000openedcounted2cleo-email.opened-9:55-None/crmemail.opened1772445300000000openedcounted2cleo-deal.won-10:40-None/crmdeal.won1772448000000000woncounted10cleo-email.replied-11:00-m1/crmemail.replied1772449200000000repliedcounted3cleo-email.replied-11:30-m2/crmemail.replied1772451000000000repliedcounted3cleo-deal.won-12:00-None/crmdeal.won1772452800000000woncounted10cleo-track.liked-13:00-p1/crmtrack.liked1772456400000000likedcounted5cleo-email.replied-14:00-m2/crmemail.replied1772460000000000repliedcounted3",birchcleorep-0a5df09088572ab26b36a53319d91ae3eopened151772438400000000cleo-email.opened-8:00-m1/crmemail.opened,birchcleorep-07ef7ffa818e53382eb20f9d2cf299ba1won151772443800000000cleo-deal.won-9:30-None/crmdeal.won,birchcleorep-0ea51b2b7dd7a19a265e0dc7eb21a6333liked151772456400000000cleo-track.liked-13:00-p1/crmtrack.liked,birchcleorep-090d9d76d5c17ce19e560101606482ae6replied151772460000000000cleo-email.replied-14:00-m2/crmemail.replied,birchcleorep-049559c3ed27e4aeb7f808672d3d5ac22replied151772451000000000cleo-email.replied-11:30-m2/crmemail.replied,birchcleorep-0a5d4b6b5e3080798e2a3bf61fcce2d82replied151772449200000000cleo-email.replied-11:00-m1/crmemail.replied,birchcleorep-0358ae5537cd1e85d05b8a8de2257eaadopened151772445300000000cleo-email.opened-9:55-None/crmemail.opened,birchcleorep-03d2002f6364e6e322e1527d522dcc0ddopened151772445000000000cleo-email.opened-9:50-m2/crmemail.opened,birchcleorep-0fe08490a4cdd047cc10144ddfc17237aclicked151772442180000000cleo-email.clicked-9:03-None/crmemail.clicked,birchcleorep-09659bc7480f28cb3a3508f1e2e454b76clicked151772442120000000cleo-email.clicked-9:02-m2/crmemail.clicked,birchcleorep-0a7ce8388f100d0f74c7fda3c692cfd8cclicked151772442060000000cleo-email.clicked-9:01-m1/crmemail.clicked,birchcleorep-0311b6406a94d837e05ae8e1a11d52f2aclicked151772442000000000cleo-email.clicked-9:00-m1/crmemail.clicked,birchcleorep-0a235c6877c719bde6a0dbe9b6df561e6won151772452800000000cleo-deal.won-12:00-None/crmdeal.won,birchcleorep-017b9f00cdbbcdd56c6f69434a07f53a2won151772448000000000cleo-deal.won-10:40-None/crmdeal.won}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 51, '{score_changed,score_changed,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited}', '{"birchdorafit11events{6,5,0}{4,-3,1}4dora-deal.won-9:30-None/crmdeal.won1772443800000000woncounted-1dora-deal.won-10:40-None/crmdeal.won1772448000000000woncounted-1dora-deal.won-12:00-None/crmdeal.won1772452800000000woncounted-1dora-track.liked-12:30-p2/crmtrack.liked1772454600000000likedcounted4","birchdoralead_score11events{6,5,0}{27,30,57}15dora-email.opened-8:00-m1/crmemail.opened1772438400000000openedcounted2dora-email.clicked-9:00-m1/crmemail.clicked1772442000000000clickedcounted1dora-email.clicked-9:01-m1/crmemail.clicked1772442060000000clickedcounted1dora-email.clicked-9:02-m2/crmemail.clicked1772442120000000clickedcounted1dora-email.clicked-9:03-None/crmemail.clicked1772442180000000clickedcounted1dora-deal.won-9:30-None/crmdeal.won1772443800000000woncounted10dora-email.opened-9:50-m2/crmemail.opened1772445000000000openedcounted2dora-email.opened-9:55-None/crmemail.opened1772445300000000openedcounted2dora-email.replied-10:30-m1/crmemail.replied1772447400000000repliedcounted3dora-deal.won-10:40-None/crmdeal.won1772448000000000woncounted10dora-email.replied-11:30-m2/crmemail.replied1772451000000000repliedcounted3dora-email.replied-11:30-m1/crmemail.replied1772451000000000repliedcounted3dora-deal.won-12:00-None/crmdeal.won1772452800000000woncounted10dora-track.liked-12:30-p2/crmtrack.liked1772454600000000likedcounted5dora-email.replied-14:00-m2/crmemail.replied1772460000000000repliedcounted3",birchdorarep-195b93b279f6bbcaea5cd7105cefa9133liked151772454600000000dora-track.liked-12:30-p2/crmtrack.liked,birchdorarep-15cefce53e80162365a52ebe13a67d162replied151772447400000000dora-email.replied-10:30-m1/crmemail.replied,birchdorarep-1196917ef640853b724baf8f4fada0334opened151772438400000000dora-email.opened-8:00-m1/crmemail.opened,birchdorarep-120d1cc0fac5f736fa493a0c012686434won151772443800000000dora-deal.won-9:30-None/crmdeal.won,birchdorarep-182f3130cb5a07aa6f2e33e7410e1bf9ereplied151772460000000000dora-email.replied-14:00-m2/crmemail.replied,birchdorarep-1515795662e880e474dc46c7c0989ba6freplied151772451000000000dora-email.replied-11:30-m2/crmemail.replied,birchdorarep-15602f142ef893778097cb05013159effreplied151772451000000000dora-email.replied-11:30-m1/crmemail.replied,birchdorarep-1ead0acc5f4ab50277db519fb0f68e405opened151772445300000000dora-email.opened-9:55-None/crmemail.opened,birchdorarep-14070e50ebc424ca37ed55ef0405fef99opened151772445000000000dora-email.opened-9:50-m2/crmemail.opened,birchdorarep-1b559fcf09a72121481154961dec7d928clicked151772442180000000dora-email.clicked-9:03-None/crmemail.clicked,birchdorarep-167c2630203d472158d57df3dc7900919clicked151772442120000000dora-email.clicked-9:02-m2/crmemail.clicked,birchdorarep-198c58bcdf9d245f32fef1deb5734a104clicked151772442060000000dora-email.clicked-9:01-m1/crmemail.clicked,birchdorarep-1bfa24a1cb81a31ba5da7bb8d0686d86eclicked151772442000000000dora-email.clicked-9:00-m1/crmemail.clicked,birchdorarep-1fcc0ad893455a42b693c157c84df641fwon151772452800000000dora-deal.won-12:00-None/crmdeal.won,birchdorarep-1d6bf82b12ae8284fc6cc0cc1b677a055won151772448000000000dora-deal.won-10:40-None/crmdeal.won}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 68, '{score_changed,score_changed,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited}', '{"birchedfit11events{5,0}{-3,-3}3ed-deal.won-9:30-None/crmdeal.won1772443800000000woncounted-1ed-deal.won-10:40-None/crmdeal.won1772448000000000woncounted-1ed-deal.won-12:00-None/crmdeal.won1772452800000000woncounted-1","birchedlead_score11events{6,5,0}{19,30,49}13ed-email.opened-8:00-m1/crmemail.opened1772438400000000openedcounted2ed-email.clicked-9:00-m1/crmemail.clicked1772442000000000clickedcounted1ed-email.clicked-9:01-m1/crmemail.clicked1772442060000000clickedcounted1ed-email.clicked-9:02-m2/crmemail.clicked1772442120000000clickedcounted1ed-email.clicked-9:03-None/crmemail.clicked1772442180000000clickedcounted1ed-deal.won-9:30-None/crmdeal.won1772443800000000woncounted10ed-email.opened-9:50-m2/crmemail.opened1772445000000000openedcounted2ed-email.opened-9:55-None/crmemail.opened1772445300000000openedcounted2ed-email.replied-10:30-m1/crmemail.replied1772447400000000repliedcounted3ed-deal.won-10:40-None/crmdeal.won1772448000000000woncounted10ed-email.replied-11:30-m1/crmemail.replied1772451000000000repliedcounted3ed-email.replied-11:30-m2/crmemail.replied1772451000000000repliedcounted3ed-deal.won-12:00-None/crmdeal.won1772452800000000woncounted10",birchedrep-0a5f13b8031f9115475aa48f673bf1ad3replied151772447400000000ed-email.replied-10:30-m1/crmemail.replied,birchedrep-0a632b47d81f43260e178593af3926639opened151772438400000000ed-email.opened-8:00-m1/crmemail.opened,birchedrep-0390c809c8899913ea69d405b6ce5f786won151772443800000000ed-deal.won-9:30-None/crmdeal.won,birchedrep-0ca5378f54ecadfff37387ac3a9219f7freplied151772451000000000ed-email.replied-11:30-m2/crmemail.replied,birchedrep-03a2010120f7b6fef37b385adaf82fe0ereplied151772451000000000ed-email.replied-11:30-m1/crmemail.replied,birchedrep-0298cbcac479923ebd35bbfe6446bbd2aopened151772445300000000ed-email.opened-9:55-None/crmemail.opened,birchedrep-07ee95b64a725551cc58d362712789a8aopened151772445000000000ed-email.opened-9:50-m2/crmemail.opened,birchedrep-01fe6a1429566733c10b7f402afce424dclicked151772442180000000ed-email.clicked-9:03-None/crmemail.clicked,birchedrep-060dd6746c3027306332dd0bd888a480fclicked151772442120000000ed-email.clicked-9:02-m2/crmemail.clicked,birchedrep-0bffbf1d12ffabb5c33cd1f202b4442dbclicked151772442060000000ed-email.clicked-9:01-m1/crmemail.clicked,birchedrep-06982d0431a61810262bff7d18c091237clicked151772442000000000ed-email.clicked-9:00-m1/crmemail.clicked,birchedrep-0da2cce75d680b8f537ef717b1df1037cwon151772452800000000ed-deal.won-12:00-None/crmdeal.won,birchedrep-07ac6ab01ee17a12431f09fcda7336aaawon151772448000000000ed-deal.won-10:40-None/crmdeal.won}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 83, '{score_changed,score_changed,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited}', '{"birchfinnfit11events{5,0}{-3,-3}3finn-deal.won-9:30-None/crmdeal.won1772443800000000woncounted-1finn-deal.won-10:40-None/crmdeal.won1772448000000000woncounted-1finn-deal.won-12:00-None/crmdeal.won1772452800000000woncounted-1","birchfinnlead_score11events{5,6,0}{30,13,43}11finn-email.opened-8:00-m1/crmemail.opened1772438400000000openedcounted2finn-email.clicked-9:00-m1/crmemail.clicked1772442000000000clickedcounted1finn-email.clicked-9:01-m1/crmemail.clicked1772442060000000clickedcounted1finn-email.clicked-9:02-m2/crmemail.clicked1772442120000000clickedcounted1finn-email.clicked-9:03-None/crmemail.clicked1772442180000000clickedcounted1finn-deal.won-9:30-None/crmdeal.won1772443800000000woncounted10finn-email.opened-9:50-m2/crmemail.opened1772445000000000openedcounted2finn-email.opened-9:55-None/crmemail.opened1772445300000000openedcounted2finn-deal.won-10:40-None/crmdeal.won1772448000000000woncounted10finn-email.replied-11:00-m1/crmemail.replied1772449200000000repliedcounted3finn-deal.won-12:00-None/crmdeal.won1772452800000000woncounted10",birchfinnrep-14d58d945dffa35a3f47ff2c90efdabaaopened151772438400000000finn-email.opened-8:00-m1/crmemail.opened,birchfinnrep-1e5936bbeca9abfd7c1069d4977c4213fwon151772443800000000finn-deal.won-9:30-None/crmdeal.won,birchfinnrep-16f20aa9e2370aff60d792bade2900672replied151772449200000000finn-email.replied-11:00-m1/crmemail.replied,birchfinnrep-120a0b6a07e1fa577f2330ef4c1eeaddcopened151772445300000000finn-email.opened-9:55-None/crmemail.opened,birchfinnrep-11d1a6aba655f92915895a04354e13226opened151772445000000000finn-email.opened-9:50-m2/crmemail.opened,birchfinnrep-1c79252744359e87effabd9e4e02071f9clicked151772442180000000finn-email.clicked-9:03-None/crmemail.clicked,birchfinnrep-1c2650fe0ec601df6a5e73c0cb82cf4c5clicked151772442120000000finn-email.clicked-9:02-m2/crmemail.clicked,birchfinnrep-16ef2b0b2c96735f4e463436417ba3b35clicked151772442060000000finn-email.clicked-9:01-m1/crmemail.clicked,birchfinnrep-1edcdb28831f0fa491e2c397ecc734122clicked151772442000000000finn-email.clicked-9:00-m1/crmemail.clicked,birchfinnrep-14edefa1a7a7816550bda5ff5fd94cd79won151772452800000000finn-deal.won-12:00-None/crmdeal.won,birchfinnrep-1492799238692fcb46a58d4f5d57a57a6won151772448000000000finn-deal.won-10:40-None/crmdeal.won}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 96, '{score_changed}', '{"birchadalead_score12adjustment{0,5,6}{57,30,27}{0,5,6}{64,30,34}0"}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 97, '{score_changed}', '{"birchbenfit12adjustment{0,5,6}{1,-3,4}{0,5,6}{-12,-16,4}0"}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 98, '{score_changed,score_changed,score_changed,score_changed,score_changed,score_changed,score_changed,score_changed,score_changed,score_changed,score_changed,score_changed,score_changed,score_changed,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited}', '{"birchnew-0fit11events{5,6,0}{-1,4,3}2new-0-track.liked-0/crmtrack.liked1772473200000000likedcounted4new-0-deal.won-0/crmdeal.won1772475000000000woncounted-1","birchnew-0lead_score11events{6,5,0}{8,10,18}4new-0-email.opened-0/crmemail.opened1772472000000000openedcounted2new-0-email.clicked-0/crmemail.clicked1772472600000000clickedcounted1new-0-track.liked-0/crmtrack.liked1772473200000000likedcounted5new-0-deal.won-0/crmdeal.won1772475000000000woncounted10","birchfinnlead_score12events{0,5,6}{43,30,13}{5,6,0}{10,6,16}3finn-email.clicked-0/crmemail.clicked1772472600000000clickedcounted1finn-track.liked-0/crmtrack.liked1772473200000000likedcounted5finn-deal.won-0/crmdeal.won1772475000000000woncounted10","birchfinnfit12events{0,5,6}{-3,-3,0}{5,6,0}{-1,4,3}2finn-track.liked-0/crmtrack.liked1772473200000000likedcounted4finn-deal.won-0/crmdeal.won1772475000000000woncounted-1","birchedfit12events{0,5,6}{-3,-3,0}{6,5,0}{4,-1,3}2ed-track.liked-0/crmtrack.liked1772473200000000likedcounted4ed-deal.won-0/crmdeal.won1772475000000000woncounted-1","birchedlead_score12events{0,5,6}{49,30,19}{6,5,0}{6,10,16}3ed-email.clicked-0/crmemail.clicked1772472600000000clickedcounted1ed-track.liked-0/crmtrack.liked1772473200000000likedcounted5ed-deal.won-0/crmdeal.won1772475000000000woncounted10","birchdorafit12events{0,5,6}{1,-3,4}{6,5,0}{4,-1,3}2dora-track.liked-0/crmtrack.liked1772473200000000likedcounted4dora-deal.won-0/crmdeal.won1772475000000000woncounted-1","birchdoralead_score12events{0,5,6}{57,30,27}{6,5,0}{6,10,16}3dora-email.clicked-0/crmemail.clicked1772472600000000clickedcounted1dora-track.liked-0/crmtrack.liked1772473200000000likedcounted5dora-deal.won-0/crmdeal.won1772475000000000woncounted10","birchcleofit12events{0,5,6}{1,-3,4}{5,6,0}{-1,4,3}2cleo-track.liked-0/crmtrack.liked1772473200000000likedcounted4cleo-deal.won-0/crmdeal.won1772475000000000woncounted-1","birchcleolead_score12events{0,5,6}{54,30,24}{6,5,0}{6,10,16}3cleo-email.clicked-0/crmemail.clicked1772472600000000clickedcounted1cleo-track.liked-0/crmtrack.liked1772473200000000likedcounted5cleo-deal.won-0/crmdeal.won1772475000000000woncounted10","birchbenlead_score12events{0,5,6}{57,30,27}{6,5,0}{6,10,16}3ben-email.clicked-0/crmemail.clicked1772472600000000clickedcounted1ben-track.liked-0/crmtrack.liked1772473200000000likedcounted5ben-deal.won-0/crmdeal.won1772475000000000woncounted10","birchbenfit13events{6,0,5}{4,-12,-16}{6,5,0}{4,-1,3}2ben-track.liked-0/crmtrack.liked1772473200000000likedcounted4ben-deal.won-0/crmdeal.won1772475000000000woncounted-1","birchadafit12events{0,5,6}{1,-3,4}{5,6,0}{-1,4,3}2ada-track.liked-0/crmtrack.liked1772473200000000likedcounted4ada-deal.won-0/crmdeal.won1772475000000000woncounted-1","birchadalead_score13events{5,0,6}{30,64,34}{5,6,0}{10,6,16}3ada-email.clicked-0/crmemail.clicked1772472600000000clickedcounted1ada-track.liked-0/crmtrack.liked1772473200000000likedcounted5ada-deal.won-0/crmdeal.won1772475000000000woncounted10",birchnew-0rep-04c2bc7e59102f295235429d363617ff4won151772475000000000new-0-deal.won-0/crmdeal.won,birchfinnrep-0c02fba882848df92cadbe47c890e15cfwon151772475000000000finn-deal.won-0/crmdeal.won,birchedrep-05d9e24fb962ec96402e7eb944cdeecafwon151772475000000000ed-deal.won-0/crmdeal.won,birchdorarep-06edf3a52a0bc949589cfdc132d867a71won151772475000000000dora-deal.won-0/crmdeal.won,birchcleorep-0c77e710412b9f1dbd44d879a3ede2455won151772475000000000cleo-deal.won-0/crmdeal.won,birchbenrep-0a42f1d4c90b6c3a7c2fca4a1799cc8f6won151772475000000000ben-deal.won-0/crmdeal.won,birchadarep-02ab3fe6e4e794375f35f19d4e2ae2e65won151772475000000000ada-deal.won-0/crmdeal.won}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 119, '{xp_credited,xp_credited,xp_credited,xp_credited}', '{birchadarep-032b4c01ec0ab91ec2f724721d29e9ac6opened2-51772445000000000ada-email.opened-9:50-m2/crmemail.opened,birchadarep-035b3de9334ca7d0ce590766d70475619opened2-51772445300000000ada-email.opened-9:55-None/crmemail.opened,birchbenrep-11786f5b41f6748edfd6fbe18dc34c3f3opened2-51772445000000000ben-email.opened-9:50-m2/crmemail.opened,birchbenrep-13daa65ed0cf9f469a04d90535a059cc4opened2-51772445300000000ben-email.opened-9:55-None/crmemail.opened}', '{}', '2026-04-02 00:00:00+00'),
	(3, 123, '{score_changed,score_changed}', '{"birchadalead_score14rejudge{0,5,6}{80,40,40}{0,5,6}{76,40,36}0","birchbenlead_score13rejudge{0,5,6}{73,40,33}{0,5,6}{69,40,29}0"}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 125, '{score_changed,score_changed}', '{"birchadalead_score25publish{0,5,6}{76,40,36}{0,5,6}{84,48,36}0","birchbenlead_score24publish{0,5,6}{69,40,29}{0,5,6}{77,48,29}0"}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 127, '{score_changed,score_changed,score_changed,score_changed,score_changed,score_changed,score_changed,score_changed,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited,xp_credited}', '{"birchnew-1fit11events{6,5,0}{4,-1,3}2new-1-deal.won-1/crmdeal.won1772471400000000woncounted-1new-1-track.liked-1/crmtrack.liked1772472000000000likedcounted4","birchnew-1lead_score21events{5,6,0}{12,8,20}4new-1-email.opened-1/crmemail.opened1772443200000000openedcounted2new-1-deal.won-1/crmdeal.won1772471400000000woncounted12new-1-track.liked-1/crmtrack.liked1772472000000000likedcounted5new-1-email.clicked-1/crmemail.clicked1772472660000000clickedcounted1","birchfinnlead_score23publish,events{0,5,6}{59,40,19}{0,5,6}{67,48,19}{6,0}{1,1}5finn-deal.won-1/crmdeal.won1772471400000000woncounted12finn-track.liked-1/crmtrack.liked1772472000000000likedcounted5finn-email.clicked-1/crmemail.clicked1772472660000000clickedcounted1finn-track.liked-0/crmtrack.liked1772473200000000likedcooling_down-5finn-deal.won-0/crmdeal.won1772475000000000woncooling_down-12","birchedlead_score23publish,events{0,5,6}{65,40,25}{0,5,6}{73,48,25}{6,0}{1,1}5ed-deal.won-1/crmdeal.won1772471400000000woncounted12ed-track.liked-1/crmtrack.liked1772472000000000likedcounted5ed-email.clicked-1/crmemail.clicked1772472660000000clickedcounted1ed-track.liked-0/crmtrack.liked1772473200000000likedcooling_down-5ed-deal.won-0/crmdeal.won1772475000000000woncooling_down-12","birchdoralead_score23publish,events{0,5,6}{73,40,33}{0,5,6}{81,48,33}{6,0}{1,1}5dora-deal.won-1/crmdeal.won1772471400000000woncounted12dora-track.liked-1/crmtrack.liked1772472000000000likedcounted5dora-email.clicked-1/crmemail.clicked1772472660000000clickedcounted1dora-track.liked-0/crmtrack.liked1772473200000000likedcooling_down-5dora-deal.won-0/crmdeal.won1772475000000000woncooling_down-12","birchcleolead_score23publish,events{0,5,6}{70,40,30}{0,5,6}{78,48,30}{6,0}{1,1}5cleo-deal.won-1/crmdeal.won1772471400000000woncounted12cleo-track.liked-1/crmtrack.liked1772472000000000likedcounted5cleo-email.clicked-1/crmemail.clicked1772472660000000clickedcounted1cleo-track.liked-0/crmtrack.liked1772473200000000likedcooling_down-5cleo-deal.won-0/crmdeal.won1772475000000000woncooling_down-12","birchbenlead_score25events{0,5,6}{77,48,29}{6,0}{1,1}5ben-deal.won-1/crmdeal.won1772471400000000woncounted12ben-track.liked-1/crmtrack.liked1772472000000000likedcounted5ben-email.clicked-1/crmemail.clicked1772472660000000clickedcounted1ben-track.liked-0/crmtrack.liked1772473200000000likedcooling_down-5ben-deal.won-0/crmdeal.won1772475000000000woncooling_down-12","birchadalead_score26events{0,5,6}{84,48,36}{6,0}{1,1}5ada-deal.won-1/crmdeal.won1772471400000000woncounted12ada-track.liked-1/crmtrack.liked1772472000000000likedcounted5ada-email.clicked-1/crmemail.clicked1772472660000000clickedcounted1ada-track.liked-0/crmtrack.liked1772473200000000likedcooling_down-5ada-deal.won-0/crmdeal.won1772475000000000woncooling_down-12",birchnew-1rep-057bd5680fd3ab82f31f484fa8554e7b1won151772471400000000new-1-deal.won-1/crmdeal.won,birchfinnrep-0bd124cbda888187c42616db9bb072b10won151772471400000000finn-deal.won-1/crmdeal.won,birchfinnrep-0c02fba882848df92cadbe47c890e15cfwon2-51772475000000000finn-deal.won-0/crmdeal.won,birchedrep-05d9e24fb962ec96402e7eb944cdeecafwon2-51772475000000000ed-deal.won-0/crmdeal.won,birchedrep-029744a53449d57b4b82ce9716e215ae9won151772471400000000ed-deal.won-1/crmdeal.won,birchdorarep-06edf3a52a0bc949589cfdc132d867a71won2-51772475000000000dora-deal.won-0/crmdeal.won,birchdorarep-0b2b621bced26a2406dd63257453e4052won151772471400000000dora-deal.won-1/crmdeal.won,birchcleorep-0bf0602800fccfdf89d06bf905ccf7465won151772471400000000cleo-deal.won-1/crmdeal.won,birchcleorep-0c77e710412b9f1dbd44d879a3ede2455won2-51772475000000000cleo-deal.won-0/crmdeal.won,birchbenrep-0a42f1d4c90b6c3a7c2fca4a1799cc8f6won2-51772475000000000ben-deal.won-0/crmdeal.won,birchbenrep-0a499f2d023c7d01d7cc75df002642959won151772471400000000ben-deal.won-1/crmdeal.won,birchadarep-02ab3fe6e4e794375f35f19d4e2ae2e65won2-51772475000000000ada-deal.won-0/crmdeal.won,birchadarep-0afa632d419f86b0d8380022ba61736cdwon151772471400000000ada-deal.won-1/crmdeal.won}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00'),
	(3, 148, '{score_changed}', '{"birchdoralead_score24adjustment{0,5,6}{82,48,34}{0,5,6}{85,48,37}0"}', '{ "birch" : [[5, "purchase", true], [6, "support", true]] }', '2026-04-02 00:00:00+00');
INSERT INTO public.outbox_heads VALUES
	(0, 9),
	(1, 2),
	(2, 1),
	(3, 148);
INSERT INTO public.profile_versions VALUES
	(1, 1, 'published', true, '{}', 'catalog apply', '2026-04-02 00:00:00+00'),
	(3, 1, 'retired', true, '{"won": 10}', 'catalog apply', '2026-04-02 00:00:00+00'),
	(3, 2, 'published', true, '{"won": 12}', 'catalog apply', '2026-04-02 00:00:00+00'),
	(4, 1, 'published', false, '{"won": -1, "liked": 4}', 'catalog apply', '2026-04-02 00:00:00+00'),
	(4, 2, 'building', false, '{"won": -1, "liked": 6}', 'catalog apply', '2026-04-02 00:00:00+00');
INSERT INTO public.profile_weights VALUES
	(3, 'won', 12),
	(4, 'liked', 6),
	(4, 'won', -1);
INSERT INTO public.profiles OVERRIDING SYSTEM VALUE VALUES
	(1, 1, 'lead_score', 'Lead score', '', true, true, 1, 0, '2026-04-02 00:00:00+00'),
	(3, 3, 'lead_score', 'Lead score', '', true, true, 2, 0, '2026-04-02 00:00:00+00'),
	(4, 3, 'fit', 'Fit', '', false, false, 1, 1, '2026-04-02 00:00:00+00');
INSERT INTO public.publishes OVERRIDING SYSTEM VALUE VALUES
	(1, 3, 2, 1, 'announcing', 'catalog apply', '2026-04-02 00:00:00+00', '2026-04-02 00:00:00+00', NULL, 9, 14, 2, 7, 7),
	(2, 4, 2, 1, 'building', 'catalog apply', '2026-04-02 00:00:00+00', NULL, NULL, 9, 14, 2, 7, NULL);
INSERT INTO public.rejudgements OVERRIDING SYSTEM VALUE VALUES
	(1, 4, 2, true, 'done', 'ada', '2026-04-02 00:00:00+00', '2026-04-02 00:00:00+00', 7, 7, 7, 7, 0),
	(2, 11, 2, true, 'running', 'ada', '2026-04-02 00:00:00+00', NULL, 9, 14, 2, 7, 4);
INSERT INTO public.relay_floors VALUES
	(0, 0),
	(1, 0),
	(2, 0),
	(3, 0);
INSERT INTO public.scores VALUES
	(1, 1, 1, 0, 10, 1),
	(1, 1, 1, 1, 7, NULL),
	(1, 1, 1, 2, 3, NULL),
	(2, 1, 1, 0, 12, 1),
	(2, 1, 1, 1, 12, NULL),
	(3, 1, 1, 0, 10, 1),
	(3, 1, 1, 1, 10, NULL),
	(4, 1, 1, 0, 10, 1),
	(4, 1, 1, 1, 10, NULL),
	(5, 1, 1, 0, 7, 1),
	(5, 1, 1, 1, 7, NULL),
	(6, 1, 1, 0, 0, NULL),
	(7, 1, 1, 0, 0, NULL),
	(8, 3, 2, 0, 85, 6),
	(8, 3, 2, 5, 48, NULL),
	(8, 3, 2, 6, 37, NULL),
	(8, 4, 1, 0, 4, 2),
	(8, 4, 1, 5, -4, NULL),
	(8, 4, 1, 6, 8, NULL),
	(8, 4, 2, 0, 8, NULL),
	(8, 4, 2, 5, -4, NULL),
	(8, 4, 2, 6, 12, NULL),
	(9, 3, 2, 0, 78, 5),
	(9, 3, 2, 5, 48, NULL),
	(9, 3, 2, 6, 30, NULL),
	(9, 4, 1, 0, -9, 3),
	(9, 4, 1, 5, -17, NULL),
	(9, 4, 1, 6, 8, NULL),
	(9, 4, 2, 0, -5, NULL),
	(9, 4, 2, 5, -17, NULL),
	(9, 4, 2, 6, 12, NULL),
	(10, 3, 1, 0, 70, 2),
	(10, 3, 1, 5, 40, NULL),
	(10, 3, 1, 6, 30, NULL),
	(10, 3, 2, 0, 79, 3),
	(10, 3, 2, 5, 48, NULL),
	(10, 3, 2, 6, 31, NULL),
	(10, 4, 1, 0, 4, 2),
	(10, 4, 1, 5, -4, NULL),
	(10, 4, 1, 6, 8, NULL),
	(10, 4, 2, 0, 0, NULL),
	(10, 4, 2, 6, 0, NULL),
	(11, 3, 1, 0, 73, 2),
	(11, 3, 1, 5, 40, NULL),
	(11, 3, 1, 6, 33, NULL),
	(11, 3, 2, 0, 85, 4),
	(11, 3, 2, 5, 48, NULL),
	(11, 3, 2, 6, 37, NULL),
	(11, 4, 1, 0, 4, 2),
	(11, 4, 1, 5, -4, NULL),
	(11, 4, 1, 6, 8, NULL),
	(11, 4, 2, 0, 0, NULL),
	(11, 4, 2, 6, 0, NULL),
	(12, 3, 1, 0, 65, 2),
	(12, 3, 1, 5, 40, NULL),
	(12, 3, 1, 6, 25, NULL),
	(12, 3, 2, 0, 74, 3),
	(12, 3, 2, 5, 48, NULL),
	(12, 3, 2, 6, 26, NULL),
	(12, 4, 1, 0, 0, 2),
	(12, 4, 1, 5, -4, NULL),
	(12, 4, 1, 6, 4, NULL),
	(12, 4, 2, 0, 0, NULL),
	(12, 4, 2, 6, 0, NULL),
	(13, 3, 1, 0, 59, 2),
	(13, 3, 1, 5, 40, NULL),
	(13, 3, 1, 6, 19, NULL),
	(13, 3, 2, 0, 68, 3),
	(13, 3, 2, 5, 48, NULL),
	(13, 3, 2, 6, 20, NULL),
	(13, 4, 1, 0, 0, 2),
	(13, 4, 1, 5, -4, NULL),
	(13, 4, 1, 6, 4, NULL),
	(13, 4, 2, 0, 0, NULL),
	(13, 4, 2, 6, 0, NULL),
	(14, 3, 1, 0, 18, 1),
	(14, 3, 1, 5, 10, NULL),
	(14, 3, 1, 6, 8, NULL),
	(14, 3, 2, 0, 20, NULL),
	(14, 3, 2, 5, 12, NULL),
	(14, 3, 2, 6, 8, NULL),
	(14, 4, 1, 0, 3, 1),
	(14, 4, 1, 5, -1, NULL),
	(14, 4, 1, 6, 4, NULL),
	(15, 3, 2, 0, 20, 1),
	(15, 3, 2, 5, 12, NULL),
	(15, 3, 2, 6, 8, NULL),
	(15, 4, 1, 0, 3, 1),
	(15, 4, 1, 5, -1, NULL),
	(15, 4, 1, 6, 4, NULL),
	(15, 4, 2, 0, 5, NULL),
	(15, 4, 2, 5, -1, NULL),
	(15, 4, 2, 6, 6, NULL);
INSERT INTO public.shard_leases VALUES
	(0, NULL),
	(1, NULL),
	(2, NULL),
	(3, NULL);
INSERT INTO public.tallies VALUES
	(1, 2, 1, 1),
	(1, 3, 1, 1),
	(2, 1, 1, 1),
	(2, 4, 1, 0),
	(2, 4, 2, 1),
	(3, 1, 1, 1),
	(4, 1, 1, 1),
	(5, 2, 1, 1),
	(8, 9, 1, 3),
	(8, 9, 2, 1),
	(8, 10, 1, 6),
	(8, 11, 1, 0),
	(8, 11, 2, 1),
	(8, 12, 1, 4),
	(8, 13, 1, 1),
	(8, 13, 2, 1),
	(9, 9, 1, 3),
	(9, 9, 2, 1),
	(9, 10, 1, 6),
	(9, 11, 1, 0),
	(9, 11, 2, 1),
	(9, 12, 1, 4),
	(9, 13, 1, 1),
	(9, 13, 2, 1),
	(10, 9, 1, 3),
	(10, 9, 2, 1),
	(10, 10, 1, 6),
	(10, 11, 1, 3),
	(10, 12, 1, 3),
	(10, 13, 1, 1),
	(10, 13, 2, 1),
	(11, 9, 1, 3),
	(11, 9, 2, 1),
	(11, 10, 1, 6),
	(11, 11, 1, 3),
	(11, 12, 1, 4),
	(11, 13, 1, 1),
	(11, 13, 2, 1),
	(12, 9, 1, 3),
	(12, 9, 2, 1),
	(12, 10, 1, 6),
	(12, 11, 1, 3),
	(12, 12, 1, 3),
	(12, 13, 2, 1),
	(13, 9, 1, 3),
	(13, 9, 2, 1),
	(13, 10, 1, 6),
	(13, 11, 1, 3),
	(13, 12, 1, 1),
	(13, 13, 2, 1),
	(14, 9, 2, 1),
	(14, 10, 1, 1),
	(14, 11, 2, 1),
	(14, 13, 2, 1),
	(15, 9, 2, 1),
	(15, 10, 1, 1),
	(15, 11, 2, 1),
	(15, 13, 2, 1);
INSERT INTO public.timeline_2026_03 VALUES
	(1, 1, '2026-03-02 08:00:00+00', '\xb62abd2577480b5ec37330c8587abe91', 3, 1, 'counted', false, 0, 0, 'email.opened', '/crm', 'e0', NULL, NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(1, 1, '2026-03-02 09:30:00+00', '\xb9cb14e344e0e2067dfa3197c0109bdd', 2, 1, 'counted', false, 20, 1, 'booking.created', '/crm', 'b0', NULL, 'ruth', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(1, 1, '2026-03-02 10:00:00+00', '\x8b111139b86c5253aaf539417b807016', 3, 1, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'e1', NULL, NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(1, 1, '2026-03-02 10:00:00+00', '\xdfa4103929ef5b6f67e7bb263e9e2541', 2, 1, 'cooling_down', false, 20, 2, 'booking.created', '/crm', 'b1', NULL, 'rita', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(1, 1, '2026-03-02 11:00:00+00', '\x499e4f1b572fa09f662b49cc0f1706f3', 3, 1, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'e2', NULL, NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(1, 2, '2026-03-02 10:00:00+00', '\x4c7b5ebfe4abf50e4dc9df74c89d9455', 1, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'w1', NULL, 'rita', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(1, 2, '2026-03-02 10:00:00+00', '\xe224ca2044f8450b456cfafd3aa810b0', 4, 2, 'counted', false, 0, 0, 'payment.succeeded', '/crm', 'p1', NULL, NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(1, 2, '2026-03-02 12:00:00+00', '\x8583d54fa389143bce5e76c7621de6cd', 4, 2, 'cooling_down', false, 0, 0, 'payment.succeeded', '/crm', 'p2', NULL, NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(1, 4, '2026-03-02 12:00:00+00', '\xa45bd7db211052e5e91b5554af1b64ca', 1, 1, 'counted', false, 0, 0, 'deal.won', '/crm', 'w3', NULL, NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(1, 5, '2026-03-02 12:00:00+00', '\xf2f70345c67c6893ac0b0aeb8d6ad0dc', 2, 1, 'counted', true, 0, 0, 'booking.created', '/crm', 'b2', NULL, NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(1, 7, '2026-03-02 12:00:00+00', '\xb8d8a51ff6442f077cf773ea947fa470', 1, 1, 'excluded', false, 0, 0, 'deal.won', '/crm', 'w4', NULL, NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 08:00:00+00', '\xa43f04b32e7a4eb3e852e4b493b14bca', 11, 2, 'counted', false, 5, 1, 'email.opened', '/crm', 'ada-email.opened-8:00-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 09:00:00+00', '\xb95d0f9b1f27cd34b85f7da770c8717b', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'ada-email.clicked-9:00-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 09:01:00+00', '\x16f70f167259ce91722490661f0e31e9', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'ada-email.clicked-9:01-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 09:02:00+00', '\x4af25ee1e606150be4d4b48f987865a4', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'ada-email.clicked-9:02-m2', 'm2', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 09:03:00+00', '\xac0f3043f117c454c97ed741ccb48917', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'ada-email.clicked-9:03-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 09:20:00+00', '\x90f5695782b6b4fa73e463610009a03f', 11, 2, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'ada-email.opened-1', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 09:30:00+00', '\x4c7193c95f97872af6ca61a7ac393176', 9, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'ada-deal.won-9:30-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 09:30:00+00', '\xb2bdd99e759df74e42f51b0a183427a3', 11, 2, 'already_counted', false, 5, 0, 'email.opened', '/crm', 'ada-email.opened-9:30-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 09:40:00+00', '\x6f601589f3f0ef1f6da7578fecb4724f', 11, 2, 'already_counted', false, 5, 0, 'email.opened', '/crm', 'ada-email.opened-9:40-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 09:50:00+00', '\x32b4c01ec0ab91ec2f724721d29e9ac6', 11, 2, 'already_counted', false, 5, 2, 'email.opened', '/crm', 'ada-email.opened-9:50-m2', 'm2', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 09:55:00+00', '\x35b3de9334ca7d0ce590766d70475619', 11, 2, 'already_counted', false, 5, 2, 'email.opened', '/crm', 'ada-email.opened-9:55-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 10:00:00+00', '\x3f139388da3222323f64b0162df22482', 9, 1, 'cooling_down', false, 5, 0, 'deal.won', '/crm', 'ada-deal.won-10:00-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 10:30:00+00', '\x336cf3c9586094a898881fcae1628368', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'ada-email.replied-10:30-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 10:40:00+00', '\x014997222992db6f3389b90917cef876', 9, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'ada-deal.won-10:40-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 11:00:00+00', '\xa1566b6270692f55cd84e66077d8277f', 12, 1, 'cooling_down', false, 5, 0, 'email.replied', '/crm', 'ada-email.replied-11:00-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 11:30:00+00', '\x35dcded8ca23442d1fed8bd72d68c0ad', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'ada-email.replied-11:30-m2', 'm2', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 11:30:00+00', '\xe2c1c94235a15364d93ff25a97740bd3', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'ada-email.replied-11:30-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 12:00:00+00', '\x59aaec6736f6c00c199a20dff0a22a27', 9, 1, 'counted', true, 5, 1, 'deal.won', '/crm', 'ada-deal.won-12:00-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 12:30:00+00', '\xd15a597dd089ebf848c88b66b1e81bcc', 13, 1, 'counted', false, 5, 1, 'track.liked', '/crm', 'ada-track.liked-12:30-p2', 'p2', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 13:00:00+00', '\x03906ca796f28964ee1e8dc16d2b4bfc', 13, 1, 'already_counted', false, 5, 0, 'track.liked', '/crm', 'ada-track.liked-13:00-p1', 'p1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 14:00:00+00', '\xead0e6babcfb71d772c1db40600ae62c', 12, 1, 'counted', true, 5, 1, 'email.replied', '/crm', 'ada-email.replied-14:00-m2', 'm2', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 15:00:00+00', '\x4f52fa8d228deeadd407d9620b9695b5', 12, 1, 'excluded', false, 5, 0, 'email.replied', '/crm', 'ada-email.replied-15:00-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 16:00:00+00', '\xe4fa055dec18883940eb04bacaff8083', 13, 1, 'already_counted', false, 5, 0, 'track.liked', '/crm', 'ada-track.liked-16:00-p1', 'p1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 17:10:00+00', '\xafa632d419f86b0d8380022ba61736cd', 9, 2, 'counted', false, 5, 1, 'deal.won', '/crm', 'ada-deal.won-1', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 17:20:00+00', '\x9b518056a1f6d8b1e4a365f28875d374', 13, 2, 'counted', false, 0, 0, 'track.liked', '/crm', 'ada-track.liked-1', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 17:20:00+00', '\xc79a4128b8f2c3f7a43e46f9acd0ef45', 11, 2, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'ada-email.opened-0', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 17:30:00+00', '\x2154bb90cdf7176afc030c1a9f3a970f', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'ada-email.clicked-0', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 17:31:00+00', '\x87f714e9e34c01648e31204954c3db68', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'ada-email.clicked-1', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 17:40:00+00', '\x397ff40bee4474a03c8ba43b2a968f51', 13, 2, 'cooling_down', false, 0, 0, 'track.liked', '/crm', 'ada-track.liked-0', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 8, '2026-03-02 18:10:00+00', '\x2ab3fe6e4e794375f35f19d4e2ae2e65', 9, 2, 'cooling_down', false, 5, 2, 'deal.won', '/crm', 'ada-deal.won-0', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 08:00:00+00', '\x3126e78a52eae054a9754ff6d7167634', 11, 2, 'counted', false, 5, 1, 'email.opened', '/crm', 'ben-email.opened-8:00-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 09:00:00+00', '\xa7362e0d749f70d0a65a4b8dc3dc0ed5', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'ben-email.clicked-9:00-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 09:01:00+00', '\x683b466d4cae639d9cd2efc45305ff1e', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'ben-email.clicked-9:01-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 09:02:00+00', '\x6b394bea4a635d4d16dccdbbf20d7852', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'ben-email.clicked-9:02-m2', 'm2', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 09:03:00+00', '\x7b07414bc40dd007327ddb13ef29d327', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'ben-email.clicked-9:03-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 09:20:00+00', '\x8d356bc2b9da5c04f8652757f303fac7', 11, 2, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'ben-email.opened-1', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 09:30:00+00', '\x1545ee923711f865a783383633654515', 11, 2, 'already_counted', false, 5, 0, 'email.opened', '/crm', 'ben-email.opened-9:30-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 09:30:00+00', '\x403979e1ef68e54d982b27e7f8cec934', 9, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'ben-deal.won-9:30-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 09:40:00+00', '\x70a9132923c9d6e1dcd434ce8c8e63b5', 11, 2, 'already_counted', false, 5, 0, 'email.opened', '/crm', 'ben-email.opened-9:40-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 09:50:00+00', '\x1786f5b41f6748edfd6fbe18dc34c3f3', 11, 2, 'already_counted', false, 5, 2, 'email.opened', '/crm', 'ben-email.opened-9:50-m2', 'm2', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 09:55:00+00', '\x3daa65ed0cf9f469a04d90535a059cc4', 11, 2, 'already_counted', false, 5, 2, 'email.opened', '/crm', 'ben-email.opened-9:55-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 10:00:00+00', '\x471b2e6736f6bf1186952ec9218cd1e3', 9, 1, 'cooling_down', false, 5, 0, 'deal.won', '/crm', 'ben-deal.won-10:00-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 10:30:00+00', '\x4205160443f02c873b977daff24d68dc', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'ben-email.replied-10:30-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 10:40:00+00', '\xbc6c92d8dd28c661890d13b51a704f9d', 9, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'ben-deal.won-10:40-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 11:00:00+00', '\xb24fb648c24509e1ded8a46d17d442f3', 12, 1, 'cooling_down', false, 5, 0, 'email.replied', '/crm', 'ben-email.replied-11:00-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 11:30:00+00', '\x2012b460c0e466b3eac0ecaccec7c589', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'ben-email.replied-11:30-m2', 'm2', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 11:30:00+00', '\x9a88825f8159b63462146b8cce208605', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'ben-email.replied-11:30-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 12:00:00+00', '\x14444cb0359fc21bce00720918dfa6eb', 9, 1, 'counted', true, 5, 1, 'deal.won', '/crm', 'ben-deal.won-12:00-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 13:00:00+00', '\xa8eed9fb71e2a756d5760690caeb55d8', 13, 1, 'counted', false, 5, 1, 'track.liked', '/crm', 'ben-track.liked-13:00-p1', 'p1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 14:00:00+00', '\xef9a115027244b6fcfa33c35bce73f77', 12, 1, 'counted', true, 5, 1, 'email.replied', '/crm', 'ben-email.replied-14:00-m2', 'm2', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 16:00:00+00', '\xfc4eeb4593679343cd181c4fbe04d405', 13, 1, 'already_counted', false, 5, 0, 'track.liked', '/crm', 'ben-track.liked-16:00-p1', 'p1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 17:10:00+00', '\xa499f2d023c7d01d7cc75df002642959', 9, 2, 'counted', false, 5, 1, 'deal.won', '/crm', 'ben-deal.won-1', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 17:20:00+00', '\x06f960bfe03bb0c2455babf37a42c001', 13, 2, 'counted', false, 0, 0, 'track.liked', '/crm', 'ben-track.liked-1', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 17:20:00+00', '\xf8fc29078226e538584a132e5ef391cb', 11, 2, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'ben-email.opened-0', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 17:30:00+00', '\x1ec37c4fced223c0b01fd0fde975d9f8', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'ben-email.clicked-0', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 17:31:00+00', '\xf5690e06f09aee9ce257dc2dfe30fe34', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'ben-email.clicked-1', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 17:40:00+00', '\x48af467fa6d5b52ea9e2dd1a5fe5e435', 13, 2, 'cooling_down', false, 0, 0, 'track.liked', '/crm', 'ben-track.liked-0', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 9, '2026-03-02 18:10:00+00', '\xa42f1d4c90b6c3a7c2fca4a1799cc8f6', 9, 2, 'cooling_down', false, 5, 2, 'deal.won', '/crm', 'ben-deal.won-0', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 08:00:00+00', '\xa5df09088572ab26b36a53319d91ae3e', 11, 1, 'counted', false, 5, 1, 'email.opened', '/crm', 'cleo-email.opened-8:00-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 09:00:00+00', '\x311b6406a94d837e05ae8e1a11d52f2a', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'cleo-email.clicked-9:00-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 09:01:00+00', '\xa7ce8388f100d0f74c7fda3c692cfd8c', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'cleo-email.clicked-9:01-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 09:02:00+00', '\x9659bc7480f28cb3a3508f1e2e454b76', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'cleo-email.clicked-9:02-m2', 'm2', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 09:03:00+00', '\xfe08490a4cdd047cc10144ddfc17237a', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'cleo-email.clicked-9:03-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 09:20:00+00', '\xe95c19fc49354aa44e115de513106047', 11, 2, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'cleo-email.opened-1', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 09:30:00+00', '\x4f07cf9d3fe51254766b855a640c372c', 11, 1, 'already_counted', false, 5, 0, 'email.opened', '/crm', 'cleo-email.opened-9:30-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 09:30:00+00', '\x7ef7ffa818e53382eb20f9d2cf299ba1', 9, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'cleo-deal.won-9:30-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 09:40:00+00', '\x7c44d05bcfc6096228a2a705df623594', 11, 1, 'already_counted', false, 5, 0, 'email.opened', '/crm', 'cleo-email.opened-9:40-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 09:50:00+00', '\x3d2002f6364e6e322e1527d522dcc0dd', 11, 1, 'counted', false, 5, 1, 'email.opened', '/crm', 'cleo-email.opened-9:50-m2', 'm2', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 09:55:00+00', '\x358ae5537cd1e85d05b8a8de2257eaad', 11, 1, 'counted', false, 5, 1, 'email.opened', '/crm', 'cleo-email.opened-9:55-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 10:00:00+00', '\xdb79003f76c63fbef08446f025c408bb', 9, 1, 'cooling_down', false, 5, 0, 'deal.won', '/crm', 'cleo-deal.won-10:00-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 10:40:00+00', '\x17b9f00cdbbcdd56c6f69434a07f53a2', 9, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'cleo-deal.won-10:40-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 11:00:00+00', '\xa5d4b6b5e3080798e2a3bf61fcce2d82', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'cleo-email.replied-11:00-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 11:30:00+00', '\x49559c3ed27e4aeb7f808672d3d5ac22', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'cleo-email.replied-11:30-m2', 'm2', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 11:30:00+00', '\x876db476c2f3492f37c12d38c8b1681c', 12, 1, 'cooling_down', false, 5, 0, 'email.replied', '/crm', 'cleo-email.replied-11:30-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 12:00:00+00', '\xa235c6877c719bde6a0dbe9b6df561e6', 9, 1, 'counted', true, 5, 1, 'deal.won', '/crm', 'cleo-deal.won-12:00-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 13:00:00+00', '\xea51b2b7dd7a19a265e0dc7eb21a6333', 13, 1, 'counted', false, 5, 1, 'track.liked', '/crm', 'cleo-track.liked-13:00-p1', 'p1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 14:00:00+00', '\x90d9d76d5c17ce19e560101606482ae6', 12, 1, 'counted', true, 5, 1, 'email.replied', '/crm', 'cleo-email.replied-14:00-m2', 'm2', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 17:10:00+00', '\xbf0602800fccfdf89d06bf905ccf7465', 9, 2, 'counted', false, 5, 1, 'deal.won', '/crm', 'cleo-deal.won-1', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 17:20:00+00', '\x0dc72876e0ea2c84e9bb59da134f58d3', 13, 2, 'counted', false, 0, 0, 'track.liked', '/crm', 'cleo-track.liked-1', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 17:20:00+00', '\x737204b0177d1550713673680b3dcf4b', 11, 2, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'cleo-email.opened-0', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 17:30:00+00', '\x557b918d5111fa45963f5f154ebc87bf', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'cleo-email.clicked-0', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 17:31:00+00', '\x59bb957907f778961c729a424dde964b', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'cleo-email.clicked-1', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 17:40:00+00', '\xff4ef9019f4e63333c23df57eed7f9f2', 13, 2, 'cooling_down', false, 0, 0, 'track.liked', '/crm', 'cleo-track.liked-0', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 10, '2026-03-02 18:10:00+00', '\xc77e710412b9f1dbd44d879a3ede2455', 9, 2, 'cooling_down', false, 5, 2, 'deal.won', '/crm', 'cleo-deal.won-0', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 08:00:00+00', '\x196917ef640853b724baf8f4fada0334', 11, 1, 'counted', false, 5, 1, 'email.opened', '/crm', 'dora-email.opened-8:00-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 09:00:00+00', '\xbfa24a1cb81a31ba5da7bb8d0686d86e', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'dora-email.clicked-9:00-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 09:01:00+00', '\x98c58bcdf9d245f32fef1deb5734a104', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'dora-email.clicked-9:01-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 09:02:00+00', '\x67c2630203d472158d57df3dc7900919', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'dora-email.clicked-9:02-m2', 'm2', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 09:03:00+00', '\xb559fcf09a72121481154961dec7d928', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'dora-email.clicked-9:03-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00');
INSERT INTO public.timeline_2026_03 VALUES
	(3, 11, '2026-03-02 09:20:00+00', '\xd6c5569a0f1f461065c6e516f597e7d7', 11, 2, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'dora-email.opened-1', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 09:30:00+00', '\x20d1cc0fac5f736fa493a0c012686434', 9, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'dora-deal.won-9:30-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 09:30:00+00', '\xcf7bccc0f61641926daf6fe04a6158ad', 11, 1, 'already_counted', false, 5, 0, 'email.opened', '/crm', 'dora-email.opened-9:30-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 09:40:00+00', '\x4f512e43009abee8f157b12a11e563de', 11, 1, 'already_counted', false, 5, 0, 'email.opened', '/crm', 'dora-email.opened-9:40-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 09:50:00+00', '\x4070e50ebc424ca37ed55ef0405fef99', 11, 1, 'counted', false, 5, 1, 'email.opened', '/crm', 'dora-email.opened-9:50-m2', 'm2', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 09:55:00+00', '\xead0acc5f4ab50277db519fb0f68e405', 11, 1, 'counted', false, 5, 1, 'email.opened', '/crm', 'dora-email.opened-9:55-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 10:00:00+00', '\xceff49dd81c48852389380462d75778f', 9, 1, 'cooling_down', false, 5, 0, 'deal.won', '/crm', 'dora-deal.won-10:00-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 10:30:00+00', '\x5cefce53e80162365a52ebe13a67d162', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'dora-email.replied-10:30-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 10:40:00+00', '\xd6bf82b12ae8284fc6cc0cc1b677a055', 9, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'dora-deal.won-10:40-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 11:00:00+00', '\x0abaa49196c5fbbbfcd84ccc691920bd', 12, 1, 'cooling_down', false, 5, 0, 'email.replied', '/crm', 'dora-email.replied-11:00-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 11:30:00+00', '\x515795662e880e474dc46c7c0989ba6f', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'dora-email.replied-11:30-m2', 'm2', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 11:30:00+00', '\x5602f142ef893778097cb05013159eff', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'dora-email.replied-11:30-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 12:00:00+00', '\xfcc0ad893455a42b693c157c84df641f', 9, 1, 'counted', true, 5, 1, 'deal.won', '/crm', 'dora-deal.won-12:00-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 12:30:00+00', '\x95b93b279f6bbcaea5cd7105cefa9133', 13, 1, 'counted', false, 5, 1, 'track.liked', '/crm', 'dora-track.liked-12:30-p2', 'p2', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 14:00:00+00', '\x82f3130cb5a07aa6f2e33e7410e1bf9e', 12, 1, 'counted', true, 5, 1, 'email.replied', '/crm', 'dora-email.replied-14:00-m2', 'm2', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 17:10:00+00', '\xb2b621bced26a2406dd63257453e4052', 9, 2, 'counted', false, 5, 1, 'deal.won', '/crm', 'dora-deal.won-1', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 17:20:00+00', '\x583833c88ebaae4e763cd23b7b086f2c', 13, 2, 'counted', false, 0, 0, 'track.liked', '/crm', 'dora-track.liked-1', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 17:20:00+00', '\x8a990f977a28f062bf31f72c51994765', 11, 2, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'dora-email.opened-0', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 17:30:00+00', '\x54bca8897b798a281daf0fea33175cba', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'dora-email.clicked-0', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 17:31:00+00', '\x65583b4a2d9cbe79ef4a9132d3baea40', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'dora-email.clicked-1', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 17:40:00+00', '\xc004231e5139af149e570beb521af335', 13, 2, 'cooling_down', false, 0, 0, 'track.liked', '/crm', 'dora-track.liked-0', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 11, '2026-03-02 18:10:00+00', '\x6edf3a52a0bc949589cfdc132d867a71', 9, 2, 'cooling_down', false, 5, 2, 'deal.won', '/crm', 'dora-deal.won-0', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 08:00:00+00', '\xa632b47d81f43260e178593af3926639', 11, 1, 'counted', false, 5, 1, 'email.opened', '/crm', 'ed-email.opened-8:00-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 09:00:00+00', '\x6982d0431a61810262bff7d18c091237', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'ed-email.clicked-9:00-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 09:01:00+00', '\xbffbf1d12ffabb5c33cd1f202b4442db', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'ed-email.clicked-9:01-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 09:02:00+00', '\x60dd6746c3027306332dd0bd888a480f', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'ed-email.clicked-9:02-m2', 'm2', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 09:03:00+00', '\x1fe6a1429566733c10b7f402afce424d', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'ed-email.clicked-9:03-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 09:20:00+00', '\xbbce6c31f7a0b8b90c64f76478a0e363', 11, 2, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'ed-email.opened-1', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 09:30:00+00', '\x390c809c8899913ea69d405b6ce5f786', 9, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'ed-deal.won-9:30-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 09:30:00+00', '\x9af94a9e241cf4ec20d1af5b91ec5e1c', 11, 1, 'already_counted', false, 5, 0, 'email.opened', '/crm', 'ed-email.opened-9:30-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 09:40:00+00', '\x643fdc51c7b6a713cdee0e72923f71f1', 11, 1, 'already_counted', false, 5, 0, 'email.opened', '/crm', 'ed-email.opened-9:40-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 09:50:00+00', '\x7ee95b64a725551cc58d362712789a8a', 11, 1, 'counted', false, 5, 1, 'email.opened', '/crm', 'ed-email.opened-9:50-m2', 'm2', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 09:55:00+00', '\x298cbcac479923ebd35bbfe6446bbd2a', 11, 1, 'counted', false, 5, 1, 'email.opened', '/crm', 'ed-email.opened-9:55-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 10:00:00+00', '\x9fb10cbdf8a6762f8747753a859a6991', 9, 1, 'cooling_down', false, 5, 0, 'deal.won', '/crm', 'ed-deal.won-10:00-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 10:30:00+00', '\xa5f13b8031f9115475aa48f673bf1ad3', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'ed-email.replied-10:30-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 10:40:00+00', '\x7ac6ab01ee17a12431f09fcda7336aaa', 9, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'ed-deal.won-10:40-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 11:00:00+00', '\x2c4e5176edee19e46bb2044bb37528c6', 12, 1, 'cooling_down', false, 5, 0, 'email.replied', '/crm', 'ed-email.replied-11:00-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 11:30:00+00', '\x3a2010120f7b6fef37b385adaf82fe0e', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'ed-email.replied-11:30-m1', 'm1', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 11:30:00+00', '\xca5378f54ecadfff37387ac3a9219f7f', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'ed-email.replied-11:30-m2', 'm2', 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 12:00:00+00', '\xda2cce75d680b8f537ef717b1df1037c', 9, 1, 'counted', true, 5, 1, 'deal.won', '/crm', 'ed-deal.won-12:00-None', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 17:10:00+00', '\x29744a53449d57b4b82ce9716e215ae9', 9, 2, 'counted', false, 5, 1, 'deal.won', '/crm', 'ed-deal.won-1', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 17:20:00+00', '\x36bb613f3ce82c2a75a0e87124a80542', 11, 2, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'ed-email.opened-0', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 17:20:00+00', '\x57a8aef00f6bbf56d1985cc6c0ad0c62', 13, 2, 'counted', false, 0, 0, 'track.liked', '/crm', 'ed-track.liked-1', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 17:30:00+00', '\x3dcfe817477ca53c42c6a1978620fe07', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'ed-email.clicked-0', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 17:31:00+00', '\xb79e730ed3d7b3bc3838f06f972eaca9', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'ed-email.clicked-1', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 17:40:00+00', '\x91d3ffaff7d703548eb76676e9c859e1', 13, 2, 'cooling_down', false, 0, 0, 'track.liked', '/crm', 'ed-track.liked-0', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 12, '2026-03-02 18:10:00+00', '\x5d9e24fb962ec96402e7eb944cdeecaf', 9, 2, 'cooling_down', false, 5, 2, 'deal.won', '/crm', 'ed-deal.won-0', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 08:00:00+00', '\x4d58d945dffa35a3f47ff2c90efdabaa', 11, 1, 'counted', false, 5, 1, 'email.opened', '/crm', 'finn-email.opened-8:00-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 09:00:00+00', '\xedcdb28831f0fa491e2c397ecc734122', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'finn-email.clicked-9:00-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 09:01:00+00', '\x6ef2b0b2c96735f4e463436417ba3b35', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'finn-email.clicked-9:01-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 09:02:00+00', '\xc2650fe0ec601df6a5e73c0cb82cf4c5', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'finn-email.clicked-9:02-m2', 'm2', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 09:03:00+00', '\xc79252744359e87effabd9e4e02071f9', 10, 1, 'counted', false, 5, 1, 'email.clicked', '/crm', 'finn-email.clicked-9:03-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 09:20:00+00', '\x06985b37799ed0d4c62e3b05f0f95968', 11, 2, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'finn-email.opened-1', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 09:30:00+00', '\x27e38dc21a149b865b564072fc49130b', 11, 1, 'already_counted', false, 5, 0, 'email.opened', '/crm', 'finn-email.opened-9:30-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 09:30:00+00', '\xe5936bbeca9abfd7c1069d4977c4213f', 9, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'finn-deal.won-9:30-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 09:40:00+00', '\x134750720cf8f3e93937fc3f2af1a9e1', 11, 1, 'already_counted', false, 5, 0, 'email.opened', '/crm', 'finn-email.opened-9:40-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 09:50:00+00', '\x1d1a6aba655f92915895a04354e13226', 11, 1, 'counted', false, 5, 1, 'email.opened', '/crm', 'finn-email.opened-9:50-m2', 'm2', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 09:55:00+00', '\x20a0b6a07e1fa577f2330ef4c1eeaddc', 11, 1, 'counted', false, 5, 1, 'email.opened', '/crm', 'finn-email.opened-9:55-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 10:00:00+00', '\x63e05fc8797b32f3c1da30f5cc0bd9f7', 9, 1, 'cooling_down', false, 5, 0, 'deal.won', '/crm', 'finn-deal.won-10:00-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 10:40:00+00', '\x492799238692fcb46a58d4f5d57a57a6', 9, 1, 'counted', false, 5, 1, 'deal.won', '/crm', 'finn-deal.won-10:40-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 11:00:00+00', '\x6f20aa9e2370aff60d792bade2900672', 12, 1, 'counted', false, 5, 1, 'email.replied', '/crm', 'finn-email.replied-11:00-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 11:30:00+00', '\x67b42f347e21968fe686f48b3f4779e9', 12, 1, 'cooling_down', false, 5, 0, 'email.replied', '/crm', 'finn-email.replied-11:30-m1', 'm1', 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 12:00:00+00', '\x4edefa1a7a7816550bda5ff5fd94cd79', 9, 1, 'counted', true, 5, 1, 'deal.won', '/crm', 'finn-deal.won-12:00-None', NULL, 'rep-1', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 17:10:00+00', '\xbd124cbda888187c42616db9bb072b10', 9, 2, 'counted', false, 5, 1, 'deal.won', '/crm', 'finn-deal.won-1', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 17:20:00+00', '\x51cf5941204ca8c788fc6fe50e551062', 11, 2, 'already_counted', false, 0, 0, 'email.opened', '/crm', 'finn-email.opened-0', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 17:20:00+00', '\xf76e0d03bb5326e986060d3c25cf20b6', 13, 2, 'counted', false, 0, 0, 'track.liked', '/crm', 'finn-track.liked-1', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 17:30:00+00', '\xe715f94d9cd23420dd289b16415883e9', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'finn-email.clicked-0', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 17:31:00+00', '\x5a46af9bcc7c487fe8f90a095b8be04c', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'finn-email.clicked-1', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 17:40:00+00', '\xc69a00a75efbea733996b57c0c890add', 13, 2, 'cooling_down', false, 0, 0, 'track.liked', '/crm', 'finn-track.liked-0', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 13, '2026-03-02 18:10:00+00', '\xc02fba882848df92cadbe47c890e15cf', 9, 2, 'cooling_down', false, 5, 2, 'deal.won', '/crm', 'finn-deal.won-0', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 14, '2026-03-02 17:20:00+00', '\x9b251b667125886c8dee5f4dc3bb0c26', 11, 2, 'counted', false, 0, 0, 'email.opened', '/crm', 'new-0-email.opened-0', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 14, '2026-03-02 17:30:00+00', '\x9db02f4f636da79236f73160dff677a0', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'new-0-email.clicked-0', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 14, '2026-03-02 17:40:00+00', '\x68f3a364988de1c75481a7f713ddfe46', 13, 2, 'counted', false, 0, 0, 'track.liked', '/crm', 'new-0-track.liked-0', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 14, '2026-03-02 18:10:00+00', '\x4c2bc7e59102f295235429d363617ff4', 9, 2, 'counted', false, 5, 1, 'deal.won', '/crm', 'new-0-deal.won-0', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 15, '2026-03-02 09:20:00+00', '\x850576393a1296f21eae3040a980b03f', 11, 2, 'counted', false, 0, 0, 'email.opened', '/crm', 'new-1-email.opened-1', 'm3', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 15, '2026-03-02 17:10:00+00', '\x57bd5680fd3ab82f31f484fa8554e7b1', 9, 2, 'counted', false, 5, 1, 'deal.won', '/crm', 'new-1-deal.won-1', NULL, 'rep-0', 'rep', '{}', '2026-04-02 00:00:00+00'),
	(3, 15, '2026-03-02 17:20:00+00', '\xba5981c1400d30670ff3b138da1fe766', 13, 2, 'counted', false, 0, 0, 'track.liked', '/crm', 'new-1-track.liked-1', 'p1', NULL, NULL, '{}', '2026-04-02 00:00:00+00'),
	(3, 15, '2026-03-02 17:31:00+00', '\x3344de3bc34dd3b51d1c44d71162bb17', 10, 1, 'counted', false, 0, 0, 'email.clicked', '/crm', 'new-1-email.clicked-1', 'm2', NULL, NULL, '{}', '2026-04-02 00:00:00+00');
INSERT INTO public.timeline_2026_04 VALUES
	(1, 3, '2026-04-01 10:00:00+00', '\x08311d72bb5626aeadf0584979c67125', 1, 1, 'counted', false, 9, 1, 'deal.won', '/crm', 'w2', NULL, 'ruth', 'rep', '{}', '2026-04-02 00:00:00+00');
INSERT INTO public.version_weights VALUES
	(1, 1, 1, 1, 10, false),
	(1, 1, 2, 1, 7, false),
	(1, 1, 3, 2, 3, false),
	(1, 1, 4, 1, 2, false),
	(3, 1, 9, 5, 10, false),
	(3, 1, 10, 6, 1, false),
	(3, 1, 11, 6, 2, false),
	(3, 1, 12, 6, 3, false),
	(3, 1, 13, 6, 5, false),
	(3, 2, 9, 5, 12, false),
	(3, 2, 10, 6, 1, false),
	(3, 2, 11, 6, 2, false),
	(3, 2, 12, 6, 3, false),
	(3, 2, 13, 6, 5, false),
	(4, 1, 9, 5, -1, false),
	(4, 1, 10, 6, 0, false),
	(4, 1, 11, 6, 0, false),
	(4, 1, 12, 6, 0, false),
	(4, 1, 13, 6, 4, false),
	(4, 2, 9, 5, -1, false),
	(4, 2, 10, 6, 0, false),
	(4, 2, 11, 6, 0, false),
	(4, 2, 12, 6, 0, false),
	(4, 2, 13, 6, 6, false);
SELECT pg_catalog.setval('public.accounts_id_seq', 5, true);
SELECT pg_catalog.setval('public.adjustments_id_seq', 3, true);
SELECT pg_catalog.setval('public.audit_id_seq', 32, true);
SELECT pg_catalog.setval('public.contacts_id_seq', 15, true);
SELECT pg_catalog.setval('public.dead_letters_id_seq', 2, true);
SELECT pg_catalog.setval('public.definitions_id_seq', 23, true);
SELECT pg_catalog.setval('public.groups_id_seq', 10, true);
SELECT pg_catalog.setval('public.profiles_id_seq', 8, true);
SELECT pg_catalog.setval('public.publishes_id_seq', 2, true);
SELECT pg_catalog.setval('public.rejudgements_id_seq', 2, true);
SELECT pg_catalog.setval('public.segments_id_seq', 1, false);
SELECT pg_catalog.setval('public.workers_id_seq', 1, false);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_key_unique UNIQUE (key);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.adjustments
    ADD CONSTRAINT adjustments_client_key_unique UNIQUE (contact_id, client_key);
ALTER TABLE ONLY public.adjustments
    ADD CONSTRAINT adjustments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (account_id, id);
ALTER TABLE ONLY public.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (account_id, event_key);
ALTER TABLE ONLY public.contact_deletions
    ADD CONSTRAINT contact_deletions_pkey PRIMARY KEY (account_id, external_id, event_key);
ALTER TABLE ONLY public.contact_fields
    ADD CONSTRAINT contact_fields_pkey PRIMARY KEY (contact_id, field);
ALTER TABLE ONLY public.contact_links
    ADD CONSTRAINT contact_links_pkey PRIMARY KEY (absorbed_id);
ALTER TABLE ONLY public.contact_merges
    ADD CONSTRAINT contact_merges_pkey PRIMARY KEY (account_id, external_id, event_key);
ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_external_id_unique UNIQUE (account_id, external_id);
ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.definitions
    ADD CONSTRAINT definitions_key_unique UNIQUE (account_id, key);
ALTER TABLE ONLY public.definitions
    ADD CONSTRAINT definitions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.editions
    ADD CONSTRAINT editions_pkey PRIMARY KEY (definition_id, number);
ALTER TABLE ONLY public.gates
    ADD CONSTRAINT gates_pkey PRIMARY KEY (contact_id, definition_id, edition, object_key);
ALTER TABLE ONLY public.groups
    ADD CONSTRAINT groups_key_unique UNIQUE (account_id, key);
ALTER TABLE ONLY public.groups
    ADD CONSTRAINT groups_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (account_id, type);
ALTER TABLE ONLY public.installation
    ADD CONSTRAINT installation_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.lanes
    ADD CONSTRAINT lanes_pkey PRIMARY KEY (topic, partition);
ALTER TABLE ONLY public.outbox_heads
    ADD CONSTRAINT outbox_heads_pkey PRIMARY KEY (shard);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (shard, first_position);
ALTER TABLE ONLY public.profile_versions
    ADD CONSTRAINT profile_versions_pkey PRIMARY KEY (profile_id, version);
ALTER TABLE ONLY public.profile_weights
    ADD CONSTRAINT profile_weights_pkey PRIMARY KEY (profile_id, definition_key);
ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_key_unique UNIQUE (account_id, key);
ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.publishes
    ADD CONSTRAINT publishes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.rejudgements
    ADD CONSTRAINT rejudgements_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.relay_floors
    ADD CONSTRAINT relay_floors_pkey PRIMARY KEY (shard);
ALTER TABLE ONLY public.relays
    ADD CONSTRAINT relays_pkey PRIMARY KEY (owner);
ALTER TABLE ONLY public.scores
    ADD CONSTRAINT scores_pkey PRIMARY KEY (contact_id, profile_id, version, group_id);
ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_key_unique UNIQUE (account_id, key);
ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.shard_leases
    ADD CONSTRAINT shard_leases_pkey PRIMARY KEY (shard);
ALTER TABLE ONLY public.slices
    ADD CONSTRAINT slices_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.tallies
    ADD CONSTRAINT tallies_pkey PRIMARY KEY (contact_id, definition_id, edition);
ALTER TABLE ONLY public.timeline
    ADD CONSTRAINT timeline_pkey PRIMARY KEY (account_id, contact_id, occurred_at, event_key, definition_id);
ALTER TABLE ONLY public.timeline_2026_03
    ADD CONSTRAINT timeline_2026_03_pkey PRIMARY KEY (account_id, contact_id, occurred_at, event_key, definition_id);
ALTER TABLE ONLY public.timeline_2026_04
    ADD CONSTRAINT timeline_2026_04_pkey PRIMARY KEY (account_id, contact_id, occurred_at, event_key, definition_id);
ALTER TABLE ONLY public.version_weights
    ADD CONSTRAINT version_weights_pkey PRIMARY KEY (profile_id, version, definition_id);
ALTER TABLE ONLY public.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);
CREATE INDEX contact_fields_by_owner ON public.contact_fields USING btree (account_id, "left"(value, 256), contact_id) WHERE (field = 'owner'::text);
CREATE INDEX dead_letters_by_account ON public.dead_letters USING btree (account_key, id);
CREATE UNIQUE INDEX profiles_primary_unique ON public.profiles USING btree (account_id) WHERE is_primary;
CREATE INDEX publishes_by_profile ON public.publishes USING btree (profile_id, id DESC);
CREATE UNIQUE INDEX publishes_one_at_a_time ON public.publishes USING btree (profile_id) WHERE (ended_at IS NULL);
CREATE INDEX rejudgements_by_definition ON public.rejudgements USING btree (definition_id, id);
CREATE UNIQUE INDEX rejudgements_one_at_a_time ON public.rejudgements USING btree (definition_id) WHERE (ended_at IS NULL);
CREATE INDEX scores_by_points ON public.scores USING btree (profile_id, version, group_id, points, contact_id);
CREATE INDEX version_weights_by_definition ON public.version_weights USING btree (definition_id);
ALTER INDEX public.timeline_pkey ATTACH PARTITION public.timeline_2026_03_pkey;
ALTER INDEX public.timeline_pkey ATTACH PARTITION public.timeline_2026_04_pkey;
ALTER TABLE ONLY public.adjustments
    ADD CONSTRAINT adjustments_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES public.contacts(id);
ALTER TABLE ONLY public.adjustments
    ADD CONSTRAINT adjustments_group_id_fkey FOREIGN KEY (group_id) REFERENCES public.groups(id);
ALTER TABLE ONLY public.adjustments
    ADD CONSTRAINT adjustments_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES public.profiles(id);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.contact_deletions
    ADD CONSTRAINT contact_deletions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.contact_fields
    ADD CONSTRAINT contact_fields_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES public.contacts(id);
ALTER TABLE ONLY public.contact_links
    ADD CONSTRAINT contact_links_absorbed_id_fkey FOREIGN KEY (absorbed_id) REFERENCES public.contacts(id);
ALTER TABLE ONLY public.contact_links
    ADD CONSTRAINT contact_links_survivor_id_fkey FOREIGN KEY (survivor_id) REFERENCES public.contacts(id);
ALTER TABLE ONLY public.contact_merges
    ADD CONSTRAINT contact_merges_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.definitions
    ADD CONSTRAINT definitions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.definitions
    ADD CONSTRAINT definitions_group_id_fkey FOREIGN KEY (group_id) REFERENCES public.groups(id);
ALTER TABLE ONLY public.editions
    ADD CONSTRAINT editions_definition_id_fkey FOREIGN KEY (definition_id) REFERENCES public.definitions(id);
ALTER TABLE ONLY public.groups
    ADD CONSTRAINT groups_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.profile_versions
    ADD CONSTRAINT profile_versions_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES public.profiles(id);
ALTER TABLE ONLY public.profile_weights
    ADD CONSTRAINT profile_weights_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES public.profiles(id);
ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.publishes
    ADD CONSTRAINT publishes_profile_id_version_fkey FOREIGN KEY (profile_id, version) REFERENCES public.profile_versions(profile_id, version);
ALTER TABLE ONLY public.rejudgements
    ADD CONSTRAINT rejudgements_definition_id_fkey FOREIGN KEY (definition_id) REFERENCES public.definitions(id);
ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.version_weights
    ADD CONSTRAINT version_weights_definition_id_fkey FOREIGN KEY (definition_id) REFERENCES public.definitions(id);
ALTER TABLE ONLY public.version_weights
    ADD CONSTRAINT version_weights_group_id_fkey FOREIGN KEY (group_id) REFERENCES public.groups(id);
ALTER TABLE ONLY public.version_weights
    ADD CONSTRAINT version_weights_profile_id_version_fkey FOREIGN KEY (profile_id, version) REFERENCES public.profile_versions(profile_id, version);
