#include "signalling/door.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/entropy.h"
#include "relay/snapshot.h"
#include "signalling/counts.h"
#include "signalling/ice.h"
#include "signalling/peerjs.h"
#include "signalling/session.h"
#include "signalling/stream.h"
#include "web/web.h"

enum { RETRY_MIN_S = 1, RETRY_SPREAD_S = 5 };

/* ---- browsers say where their page is from */

static bool
is_same_host(const char *origin, const char *host)
{
	const char *at = strstr(origin, "://");

	return at != NULL && host[0] != '\0' && strcasecmp(at + 3, host) == 0;
}

bool
signal_door_origin(const struct snapshot *conf, const struct net_request *r)
{
	const struct snapshot_texts *allowed = &conf->signalling.origins;

	if (r->origin[0] == '\0' || is_same_host(r->origin, r->host))
		return true;
	for (size_t i = 0; i < allowed->count; i++)
		if (strcmp(allowed->at[i], "*") == 0 ||
		    strcasecmp(allowed->at[i], r->origin) == 0)
			return true;
	return false;
}

bool
signal_door_offers(const char *protocols, const char *name)
{
	const size_t len = strlen(name);

	while (*protocols != '\0') {
		const size_t skip = strspn(protocols, " \t,");
		const size_t n = strcspn(protocols + skip, " \t,");

		if (n == len && memcmp(protocols + skip, name, len) == 0)
			return true;
		protocols += skip + n;
	}
	return false;
}

/* ---- answers */

static void
answer(
    struct net_web *w, unsigned status, const char *headers, const char *text)
{
	net_web_answer(w, status, "text/plain; charset=utf-8", headers, text,
	    strlen(text));
}

/* Comes again, but not all at once. */
static void
answer_later(struct net_web *w, const char *text)
{
	char headers[64];

	snprintf(headers, sizeof(headers), "Retry-After: %u\r\n",
	    RETRY_MIN_S + entropy_below(RETRY_SPREAD_S));
	answer(w, 503, headers, text);
}

/* ---- paths */

static void
serve_health(struct signalling *s, struct net_web *w)
{
	if (s->is_draining)
		answer(w, 503, "Cache-Control: no-store\r\n", "draining\n");
	else
		answer(w, 200, "Cache-Control: no-store\r\n", "ok\n");
}

/* May r become a WebSocket?  If not, it is answered. */
static bool
is_welcome(struct signalling *s, struct net_web *w, const struct net_request *r)
{
	if (!r->is_upgrade) {
		answer(w, 426,
		    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
		    "a WebSocket is served here\n");
		return false;
	}
	if (!signal_door_origin(s->conf, r)) {
		answer(w, 403, NULL, "this origin is not allowed\n");
		return false;
	}
	if (s->is_draining) {
		answer_later(w, "on its way down\n");
		return false;
	}
	return true;
}

static void
serve_signal(
    struct signalling *s, struct net_web *w, const struct net_request *r)
{
	if (!is_welcome(s, w, r))
		return;
	if (!signal_door_offers(r->protocols, "supernode.v1")) {
		answer(w, 400, NULL, "subprotocol supernode.v1 is needed\n");
		return;
	}
	if (!signal_counts_enter(s->shared->counts, &r->flow->client,
		s->conf->signalling.pending)) {
		stats_count(s->config.stats, STATS_SIGNAL_TURNED_AWAY, 1);
		answer_later(w, "too many at once\n");
		return;
	}
	signal_session_open(s, w, r);
}

static bool
serve_page(struct signalling *s, struct net_web *w, const struct net_request *r)
{
	return s->conf->signalling.page && web_page_serve(w, r);
}

static bool
serve_ice(struct signalling *s, struct net_web *w, const struct net_request *r)
{
	const struct signalling_shared_config *shared = &s->shared->config;
	const struct signal_ice ice = { .conf = s->conf,
		.issuers = shared->issuers,
		.barred = shared->barred,
		.listeners = shared->listeners,
		.stats = s->config.stats };

	return signal_ice_serve(&ice, w, r, signalling_wall_s(s));
}

static bool
serve_peerjs(
    struct signalling *s, struct net_web *w, const struct net_request *r)
{
	return s->conf->signalling.peerjs && signal_peerjs_request(s, w, r);
}

static void
serve_stream(
    struct signalling *s, struct net_web *w, const struct net_request *r)
{
	if (signal_door_origin(s->conf, r))
		signal_stream_request(s, w, r);
	else
		answer(w, 403, NULL, "this origin is not allowed\n");
}

void
signalling_request(void *arg, struct net_web *w, const struct net_request *r)
{
	struct signalling *s = arg;

	OWNER_CHECK(s);
	if (strcmp(r->path, "/health") == 0) {
		serve_health(s, w);
		return;
	}
	if (!s->conf->signalling.enabled) {
		answer(w, 404, NULL, "not found\n");
		return;
	}
	if (strcmp(r->path, "/signal") == 0)
		serve_signal(s, w, r);
	else if (strncmp(r->path, "/stream/", 8) == 0)
		serve_stream(s, w, r);
	else if (!serve_ice(s, w, r) && !serve_page(s, w, r) &&
	    !serve_peerjs(s, w, r))
		answer(w, 404, NULL, "not found\n");
}
