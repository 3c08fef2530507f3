#include "signalling/hello.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/entropy.h"
#include "common/mem.h"
#include "common/token/jws.h"
#include "relay/barred.h"
#include "relay/issuers.h"
#include "relay/snapshot.h"
#include "signalling/counts.h"
#include "signalling/delivery.h"
#include "signalling/ice.h"
#include "signalling/presence.h"
#include "signalling/resume.h"
#include "signalling/session.h"
#include "signalling/waiting.h"

enum {
	RETRY_MIN_MS = 1000, /* who was refused for want of room comes again */
	RETRY_SPREAD_MS = 4000,
	RESUME_TEXT_MAX =
	    PROTO_SESSION_LEN + 1 + BASE64URL_LEN(SIGNAL_SECRET_LEN) + 1,
};

/* ---- refusals */

static void
refuse(struct signal_session *ss, int64_t id, enum proto_code code,
    const char *why)
{
	stats_count(ss->s->config.stats, STATS_SIGNAL_HELLOS_REFUSED, 1);
	signal_session_error(ss, id, code, why);
}

static void
refuse_auth(struct signal_session *ss, int64_t id, const char *why)
{
	refuse(ss, id, PROTO_AUTH_FAILED, why);
	signal_session_end(ss, PROTO_CLOSE_AUTH, why);
}

static void
forbid(struct signal_session *ss, int64_t id, const char *why)
{
	refuse(ss, id, PROTO_FORBIDDEN, why);
	signal_session_end(ss, PROTO_CLOSE_POLICY, why);
}

/* ---- who it is */

static bool
is_proved(const struct signal_session *ss, const struct jws_subject *subject,
    const struct proto_message *m)
{
	const struct jws_proof proof = {
		.node = ss->s->conf->node.name,
		.challenge = ss->greeting->challenge,
		.signature = m->hello.proof[0] != '\0' ? m->hello.proof : NULL,
		.key = m->hello.key,
	};

	return jws_is_proved(subject, &proof);
}

static bool
take_token(struct signal_session *ss, const struct proto_message *m,
    struct signal_who *who)
{
	struct issuers *issuers = ss->s->shared->config.issuers;
	const char *token = m->hello.token;
	struct issuers_identity identity;
	enum issuers_verdict v;

	if (issuers == NULL) {
		refuse_auth(ss, m->id, "no issuer of tokens is known here");
		return false;
	}
	v = issuers_verify(
	    issuers, token, strlen(token), signalling_wall_s(ss->s), &identity);
	if (v != ISSUERS_GOOD)
		stats_add(
		    &ss->s->config.stats->auth[issuers_verdict_counter(v)], 1);
	if (v == ISSUERS_EXPIRED) {
		refuse(ss, m->id, PROTO_TOKEN_EXPIRED, "the token has expired");
		signal_session_end(
		    ss, PROTO_CLOSE_EXPIRED, "the token has expired");
		return false;
	}
	if (v != ISSUERS_GOOD) {
		refuse_auth(ss, m->id, issuers_verdict_text(v));
		return false;
	}
	if (!is_proved(ss, &identity.subject, m)) {
		stats_add(&ss->s->config.stats->auth[STATS_AUTH_TOKEN], 1);
		refuse_auth(ss, m->id, "no proof of the token's key");
		return false;
	}
	memcpy(who->name, identity.subject.name, identity.subject.name_len);
	who->has_token = true;
	who->is_bound = identity.subject.binding != JWS_BEARER;
	who->expires_s = identity.subject.expiry;
	return true;
}

/* A guest, or somebody who resumes: that has its own secret. */
static bool
take_name(struct signal_session *ss, const struct proto_message *m,
    struct signal_who *who)
{
	const char *name = m->hello.name;

	if (name == NULL) {
		refuse_auth(ss, m->id, "neither a token nor a name");
		return false;
	}
	who->is_guest = proto_is_guest(name, strlen(name));
	if (who->is_guest && !ss->s->conf->auth.anonymous) {
		forbid(ss, m->id, "guests are not allowed here");
		return false;
	}
	if (!who->is_guest && m->hello.resume[0] == '\0') {
		forbid(ss, m->id,
		    "this name needs a token; guests are "
		    "called guest-...");
		return false;
	}
	memcpy(who->name, name, strlen(name));
	return true;
}

static bool
identify(struct signal_session *ss, const struct proto_message *m,
    struct signal_who *who)
{
	const struct signalling *s = ss->s;

	if (!(m->hello.token != NULL ? take_token(ss, m, who)
				     : take_name(ss, m, who)))
		return false;
	if (barred_until(s->shared->config.barred, who->name, strlen(who->name),
		signalling_wall_s(ss->s)) == 0)
		return true;
	stats_add(&ss->s->config.stats->auth[STATS_AUTH_BARRED], 1);
	forbid(ss, m->id, "this name is barred for some time");
	return false;
}

/* ---- a name of its own */

/* Comes again when there may be room, not all at once. */
static void
send_away(struct signal_session *ss, int64_t id)
{
	stats_count(ss->s->config.stats, STATS_SIGNAL_HELLOS_REFUSED, 1);
	signal_session_error_retry(ss, id, PROTO_RATE_LIMITED,
	    RETRY_MIN_MS + entropy_below(RETRY_SPREAD_MS));
	signal_session_end(ss, PROTO_CLOSE_TRY_LATER, "too many sessions");
}

static bool
take_place(struct signal_session *ss, int64_t id)
{
	const struct snapshot *conf = ss->s->conf;
	const struct addr *client = &net_web_flow(ss->web)->client;
	const struct signal_counts_limits limits = {
		.all = conf->signalling.sessions,
		.per_address = conf->signalling.sessions_per_address,
		.per_prefix = conf->signalling.sessions_per_prefix,
	};

	if (signal_counts_take(ss->s->shared->counts, client, &limits) != 0) {
		send_away(ss, id);
		return false;
	}
	ss->e.counted = *client;
	return true;
}

static bool
set_estate(struct signal_session *ss, const struct signal_who *who,
    const struct proto_message *m)
{
	struct signal_estate *e = &ss->e;

	entropy_fill(e->secret, sizeof(e->secret));
	entropy_fill(&e->place.session, sizeof(e->place.session));
	e->place.session |= 1; /* never 0 */
	e->place.worker = ss->s->config.worker;
	e->opened = signalling_now(ss->s);
	e->expires_s = who->expires_s;
	e->is_bound = who->is_bound;
	e->is_guest = who->is_guest;
	if (m->hello.room[0] != '\0' &&
	    (e->room = mem_strdup(m->hello.room)) == NULL)
		return false;
	return signal_session_enrol(ss) == 0;
}

/* In the directory; e->name is set when it is there. */
static int
claim(struct signal_session *ss, const struct signal_who *who,
    const struct proto_message *m, struct directory_watchers *watchers)
{
	struct directory_claim c = {
		.name = { DIRECTORY_NODES, who->name, strlen(who->name) },
		.place = ss->e.place,
		.limit = ss->s->conf->signalling.sessions_per_name,
		.is_exclusive = who->is_guest,
		.presence = (enum directory_presence)m->hello.presence,
		.listed = m->hello.listed,
		.listed_count = m->hello.listed_count,
		.room = m->hello.room,
	};
	char *name = mem_strdup(who->name);
	bool came;
	int rc;

	if (name == NULL)
		return ENOMEM;
	rc = directory_claim(signalling_directory(ss->s), &c, &came, watchers);
	if (rc != 0) {
		mem_free(name);
		return rc;
	}
	ss->e.name = name;
	ss->e.place = c.place;
	return 0;
}

/* What was set is taken back: the connection may try once more. */
static void
undo(struct signal_session *ss)
{
	if (ss->e.place.session != 0)
		signal_session_strike_off(ss);
	signal_estate_fini(ss->s, &ss->e);
}

static void
refuse_claim(struct signal_session *ss, int64_t id, int rc)
{
	switch (rc) {
	case EEXIST:
		refuse(ss, id, PROTO_NAME_TAKEN, "another guest has the name");
		break;
	case EUSERS:
		refuse(ss, id, PROTO_NAME_TAKEN,
		    "the name has as many sessions as it may");
		break;
	case ENOSPC:
		refuse(ss, id, PROTO_FORBIDDEN, "the room is full");
		break;
	default:
		refuse(ss, id, PROTO_INTERNAL, "out of memory");
		break;
	}
}

void
signal_hello_fresh(struct signal_session *ss, const struct signal_who *who,
    const struct proto_message *m)
{
	struct directory_watchers watchers = { 0 };
	int rc = ENOMEM;

	if (!who->has_token && !who->is_guest) {
		refuse_auth(ss, m->id, "no such session to resume");
		return;
	}
	if (!take_place(ss, m->id))
		return;
	if (set_estate(ss, who, m))
		rc = claim(ss, who, m, &watchers);
	if (rc != 0) {
		undo(ss);
		refuse_claim(ss, m->id, rc);
	} else {
		signal_hello_ready(ss, m, NULL);
		/* a connection that failed has taken the name along */
		if (ss->state != SIGNAL_GONE) {
			signal_presence_come(ss->s, &ss->e, &watchers);
			signal_waiting_call(ss->s, &ss->e);
		}
	}
	directory_watchers_free(&watchers);
}

/* ---- ready */

static json_t *
limits_json(const struct signal_session *ss)
{
	const struct snapshot *conf = ss->s->conf;
	const unsigned part = ss->e.is_guest ? SIGNAL_GUEST_PART : 1;

	return json_pack("{s:I,s:I,s:I,s:i,s:I,s:I,s:i,s:I,s:i,s:i,s:i}",
	    "message_bytes", (json_int_t)conf->signalling.max_message,
	    "messages_per_second",
	    (json_int_t)(conf->signalling.messages / part), "bytes_per_second",
	    (json_int_t)(conf->signalling.bytes / 8 / part), "burst_ms",
	    SIGNAL_BURST_S * 1000, "watches",
	    (json_int_t)conf->signalling.watches, "sessions_per_name",
	    (json_int_t)conf->signalling.sessions_per_name, "ping_ms",
	    SIGNAL_PING_MS, "wait_ms", (json_int_t)conf->signalling.wait_ms,
	    "resume_ms", SIGNAL_RESUME_MS, "resume_messages",
	    SIGNAL_WINDOW_MESSAGES, "resume_bytes", SIGNAL_WINDOW_BYTES);
}

static json_t *
servers_json(struct signal_session *ss)
{
	const struct signalling_shared_config *shared = &ss->s->shared->config;
	const struct signal_ice ice = { .conf = ss->s->conf,
		.issuers = shared->issuers,
		.barred = shared->barred,
		.listeners = shared->listeners };
	const struct signal_ice_client client = { .name = ss->e.name,
		.name_len = strlen(ss->e.name),
		.expiry_s = ss->e.expires_s,
		.host = ss->greeting->host,
		.local = &net_web_flow(ss->web)->local };

	return signal_ice_servers(&ice, &client, signalling_wall_s(ss->s));
}

static const char *
resume_text(const struct signal_session *ss, char out[RESUME_TEXT_MAX])
{
	proto_session_text(out, ss->e.place.session);
	out[PROTO_SESSION_LEN] = '.';
	base64url_write(
	    out + PROTO_SESSION_LEN + 1, ss->e.secret, sizeof(ss->e.secret));
	return out;
}

static json_t *
ready_json(struct signal_session *ss, const struct proto_message *m,
    const struct signal_resumed *r)
{
	char session[PROTO_SESSION_LEN + 1], resume[RESUME_TEXT_MAX];
	json_t *ready = json_pack("{s:s}", "type", "ready");

	proto_session_text(session, ss->e.place.session);
	if (m->has_id)
		json_object_set_new(ready, "id", json_integer(m->id));
	json_object_set_new(ready, "name", json_string(ss->e.name));
	json_object_set_new(ready, "session", json_string(session));
	json_object_set_new(
	    ready, "resume", json_string(resume_text(ss, resume)));
	json_object_set_new(ready, "resumed", json_boolean(r != NULL));
	if (r != NULL)
		json_object_set_new(
		    ready, "lost", json_integer((json_int_t)r->lost));
	json_object_set_new(ready, "iceServers", servers_json(ss));
	json_object_set_new(ready, "limits", limits_json(ss));
	json_object_set_new(ready, "hosts", json_array());
	return ready;
}

static bool
say_ready(struct signal_session *ss, const struct proto_message *m,
    const struct signal_resumed *r)
{
	json_t *ready = ready_json(ss, m, r);
	char *text = json_dumps(ready, JSON_COMPACT);
	const bool is_said =
	    text != NULL && signal_session_say(ss, text, strlen(text));

	free(text);
	json_decref(ready);
	return is_said;
}

void
signal_hello_ready(struct signal_session *ss, const struct proto_message *m,
    const struct signal_resumed *r)
{
	const bool is_said = say_ready(ss, m, r);

	if (ss->state == SIGNAL_GONE)
		return;
	stats_count(ss->s->config.stats,
	    r != NULL ? STATS_SIGNAL_RESUMED : STATS_SIGNAL_READY, 1);
	/* a connection that failed here is closed by now, its session not */
	signal_session_ready(ss);
	if (!is_said) {
		signal_session_cut(
		    ss, PROTO_CLOSE_TRY_LATER, "ready was not sent");
		return;
	}
	signal_presence_all(ss);
	signal_delivery_replay(ss);
}

/* ---- the message */

static bool
may_say_hello(struct signal_session *ss, const struct proto_message *m)
{
	if (ss->state != SIGNAL_NEW) {
		signal_session_error(
		    ss, m->id, PROTO_BAD_MESSAGE, "hello was said already");
		signal_session_strike(ss, PROTO_CLOSE_PROTOCOL);
		return false;
	}
	if (ss->s->is_draining) {
		refuse(ss, m->id, PROTO_DRAINING, "on its way down");
		signal_session_end(ss, PROTO_CLOSE_DRAIN, "on its way down");
		return false;
	}
	if (++ss->greeting->tries <= SIGNAL_TRIES_MAX)
		return true;
	refuse_auth(ss, m->id, "too many hellos");
	return false;
}

void
signal_hello(struct signal_session *ss, struct proto_message *m)
{
	struct signal_who who = { .name = "" };
	int rc = ENOENT;

	if (!may_say_hello(ss, m) || !identify(ss, m, &who))
		return;
	if (m->hello.resume[0] != '\0')
		rc = signal_resume_begin(ss, &who, m);
	if (rc == ENOENT)
		signal_hello_fresh(ss, &who, m);
}
