#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "common/secret.h"
#include "relay/barred.h"
#include "relay/issuers.h"
#include "relay/snapshot.h"
#include "signalling/door.h"
#include "signalling/ice.h"

enum {
	USER_MAX = 255,
	KEY_MAX = 256,
	ORIGIN_MAX = 256,
	HEADERS_MAX = 1024,
	TEXT_MAX = 256,
};

static const char type_json[] = "application/json";

/* ---- answers: each of them is for one client only */

/* CORS: which page may read it (Fetch, section 3.2).  more: lines, or "". */
static void
put_headers(
    char out[HEADERS_MAX], const struct net_request *r, const char *more)
{
	char cors[ORIGIN_MAX + 64] = "";

	if (*r->origin != '\0')
		snprintf(cors, sizeof(cors),
		    "Access-Control-Allow-Origin: %s\r\n", r->origin);
	snprintf(out, HEADERS_MAX,
	    "Cache-Control: no-store\r\nVary: Origin\r\n%s%s", cors, more);
}

static void
answer(struct net_web *w, const struct net_request *r, unsigned status,
    const char *more, json_t *body)
{
	char headers[HEADERS_MAX];
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	put_headers(headers, r, more);
	if (text == NULL)
		net_web_answer(w, 500, type_json, headers, "{}", 2);
	else
		net_web_answer(
		    w, status, type_json, headers, text, strlen(text));
	free(text); /* jansson's */
}

static void
refuse(struct net_web *w, const struct net_request *r, unsigned status,
    const char *more, const char *why)
{
	answer(w, r, status, more, json_pack("{s:s}", "error", why));
}

/* ---- what both have in common */

/* It is repeated in a header. */
static bool
is_plain(const char *origin)
{
	const char *at;

	for (at = origin; *at > ' ' && *at <= '~'; at++)
		;
	return *at == '\0' && at - origin < ORIGIN_MAX;
}

/* Is r one to go on with?  If not, it is answered.  methods: "GET, OPTIONS" */
static bool
is_welcome(const struct signal_ice *ctx, struct net_web *w,
    const struct net_request *r, const char *methods)
{
	char more[TEXT_MAX], headers[HEADERS_MAX];

	if (!is_plain(r->origin) || !signal_door_origin(ctx->conf, r)) {
		net_web_answer(w, 403, "text/plain; charset=utf-8",
		    "Cache-Control: no-store\r\n",
		    "this origin is not allowed\n", 27);
		return false;
	}
	if (strcmp(r->method, "OPTIONS") == 0) {
		snprintf(more, sizeof(more),
		    "Access-Control-Allow-Methods: %s\r\n"
		    "Access-Control-Allow-Headers: Authorization, "
		    "Content-Type\r\nAccess-Control-Max-Age: 600\r\n",
		    methods);
		put_headers(headers, r, more);
		net_web_answer(w, 204, NULL, headers, NULL, 0);
		return false;
	}
	if (strstr(methods, r->method) != NULL ||
	    strcmp(r->method, "HEAD") == 0)
		return true;
	snprintf(more, sizeof(more), "Allow: %s\r\n", methods);
	refuse(w, r, 405, more, "method not allowed");
	return false;
}

/* ---- GET /ice */

static const char *
bearer(const char *authorization)
{
	static const char scheme[] = "Bearer ";

	if (strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	authorization += sizeof(scheme) - 1;
	return authorization + strspn(authorization, " ");
}

/* RFC 6750, section 3; why NULL: there was no token. */
static void
challenge(const struct signal_ice *ctx, struct net_web *w,
    const struct net_request *r, const char *why)
{
	char more[TEXT_MAX + SNAPSHOT_REALM_MAX];

	if (why == NULL) {
		snprintf(more, sizeof(more),
		    "WWW-Authenticate: Bearer realm=\"%s\"\r\n",
		    ctx->conf->node.realm);
		refuse(w, r, 401, more, "a token is needed");
		return;
	}
	snprintf(more, sizeof(more),
	    "WWW-Authenticate: Bearer realm=\"%s\", error=\"invalid_token\", "
	    "error_description=\"%s\"\r\n",
	    ctx->conf->node.realm, why);
	refuse(w, r, 401, more, why);
}

static void
serve_ice(const struct signal_ice *ctx, struct net_web *w,
    const struct net_request *r, int64_t now_s)
{
	const char *token = bearer(r->authorization);
	struct issuers_identity id;
	enum issuers_verdict v;
	struct signal_ice_client c = { .host = r->host,
		.local = &r->flow->local };
	json_t *servers;

	if (token == NULL) {
		challenge(ctx, w, r, NULL);
		return;
	}
	v = issuers_verify(ctx->issuers, token, strlen(token), now_s, &id);
	/* what the clocks' difference allows is over for a credential */
	if (v == ISSUERS_GOOD && id.subject.expiry <= now_s)
		v = ISSUERS_EXPIRED;
	if (v != ISSUERS_GOOD) {
		stats_add(&ctx->stats->auth[issuers_verdict_counter(v)], 1);
		challenge(ctx, w, r, issuers_verdict_text(v));
		return;
	}
	c.name = id.subject.name;
	c.name_len = id.subject.name_len;
	c.expiry_s = id.subject.expiry;
	if (barred_until(ctx->barred, c.name, c.name_len, now_s) != 0) {
		stats_add(&ctx->stats->auth[STATS_AUTH_BARRED], 1);
		refuse(w, r, 403, "", "this name is kept out for some time");
		return;
	}
	servers = signal_ice_servers(ctx, &c, now_s);
	answer(w, r, 200, "",
	    servers != NULL ? json_pack("{s:o}", "iceServers", servers) : NULL);
}

/* ---- GET|POST /?service=turn */

/* In time that does not tell how much of a key was right. */
static bool
is_key(const struct snapshot *conf, const char given[KEY_MAX])
{
	const struct snapshot_texts *keys = &conf->signalling.rest_keys;
	char key[KEY_MAX];
	bool found = false;

	for (size_t i = 0; i < keys->count; i++) {
		if (strlen(keys->at[i]) >= KEY_MAX)
			continue;
		memset(key, 0, sizeof(key));
		memcpy(key, keys->at[i], strlen(keys->at[i]));
		found |= secret_equal(key, given, KEY_MAX);
	}
	secret_wipe(key, sizeof(key));
	return found;
}

/* A parameter of the query, or of the form that was posted. */
static int
param(const struct net_request *r, const char *form, const char *name,
    char *out, size_t size)
{
	const int len = net_web_query(r->query, name, out, size);

	return len >= 0 ? len : net_web_query(form, name, out, size);
}

/* It becomes part of a TURN username, and of log lines. */
static bool
is_user(const char *name)
{
	if (strlen(name) > USER_MAX)
		return false;
	for (; *name != '\0'; name++) {
		if (*name <= ' ' || *name > '~' || *name == '"' ||
		    *name == '\\')
			return false;
	}
	return true;
}

static void
hand_out(const struct signal_ice *ctx, struct net_web *w,
    const struct net_request *r, const char *user, int64_t now_s)
{
	const struct signal_ice_client c = { .name = user,
		.name_len = strlen(user) };
	json_t *username = NULL, *password = NULL;
	const int64_t ttl =
	    signal_ice_credential(&username, &password, ctx, &c, now_s);

	if (ttl == 0) {
		refuse(w, r, 403, "", "this name gets no credential");
		return;
	}
	answer(w, r, 200, "",
	    json_pack("{s:o,s:o,s:I,s:o}", "username", username, "password",
		password, "ttl", (json_int_t)ttl, "uris",
		signal_ice_uris(ctx, r->host, &r->flow->local)));
}

static void
serve_rest(const struct signal_ice *ctx, struct net_web *w,
    const struct net_request *r, int64_t now_s)
{
	char form[NET_WEB_BODY_MAX + 1] = "", key[KEY_MAX] = "";
	char user[NET_WEB_HEAD_MAX] = "", text[ADDR_TEXT_MAX];

	if (r->body_len < sizeof(form)) {
		memcpy(form, r->body, r->body_len);
		form[r->body_len] = '\0';
	}
	(void)param(r, form, "key", key, sizeof(key));
	(void)param(r, form, "username", user, sizeof(user));
	if (!is_key(ctx->conf, key)) {
		log_limited(LOG_LEVEL_WARN,
		    "signalling: TURN REST key refused client=%s",
		    addr_format(&r->flow->client, text));
		stats_add(&ctx->stats->auth[STATS_AUTH_WRONG_PASSWORD], 1);
		refuse(w, r, 403, "", "the key is not right");
	} else if (!is_user(user)) {
		refuse(w, r, 400, "",
		    "a username has at most 255 bytes of printable ASCII, "
		    "without blanks");
	} else {
		hand_out(ctx, w, r, user, now_s);
	}
	secret_wipe(key, sizeof(key));
	secret_wipe(form, sizeof(form));
}

/* ---- which */

static bool
is_rest(const struct net_request *r)
{
	char service[8];

	return strcmp(r->path, "/") == 0 &&
	    net_web_query(r->query, "service", service, sizeof(service)) >= 0 &&
	    strcmp(service, "turn") == 0;
}

bool
signal_ice_serve(const struct signal_ice *ctx, struct net_web *w,
    const struct net_request *r, int64_t now_s)
{
	if (strcmp(r->path, "/ice") == 0) {
		if (is_welcome(ctx, w, r, "GET, OPTIONS"))
			serve_ice(ctx, w, r, now_s);
		return true;
	}
	if (!is_rest(r))
		return false;
	if (ctx->conf->signalling.rest_keys.count == 0)
		net_web_answer(w, 404, "text/plain; charset=utf-8",
		    "Cache-Control: no-store\r\n", "not found\n", 10);
	else if (is_welcome(ctx, w, r, "GET, POST, OPTIONS"))
		serve_rest(ctx, w, r, now_s);
	return true;
}
