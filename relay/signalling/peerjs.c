#include "signalling/peerjs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/entropy.h"
#include "common/mem.h"
#include "common/proto/proto.h"
#include "relay/snapshot.h"
#include "signalling/door.h"
#include "signalling/ice.h"
#include "signalling/peerjs_own.h"

enum {
	CORS_MAX = 512,
	PARAM_MAX = 256,   /* of what is read to be found too long */
	PEERS_MAX = 10000, /* that are listed */
};

static const char info[] =
    "{\"name\":\"PeerJS Server\",\"description\":\"A server side element to "
    "broker connections between PeerJS clients.\",\"website\":"
    "\"https://peerjs.com/\"}";

static const char type_json[] = "application/json; charset=utf-8";
static const char type_text[] = "text/plain; charset=utf-8";
static const char type_html[] = "text/html; charset=utf-8";

/* A request and what goes with its answer. */
struct call {
	struct signalling *s;
	struct net_web *w;
	const struct net_request *r;
	char cors[CORS_MAX];
};

static void
answer(
    const struct call *c, unsigned status, const char *type, const char *body)
{
	net_web_answer(c->w, status, type, c->cors, body, strlen(body));
}

/* ---- pages of other origins: their credentials are in the URL, there are
 * no cookies, so that without a list every origin may ask */

static bool
may_ask(const struct snapshot *conf, const struct net_request *r)
{
	return conf->signalling.origins.count == 0 ||
	    signal_door_origin(conf, r);
}

static void
set_cors(struct call *c)
{
	const char *origin = c->r->origin;
	int n;

	n = snprintf(c->cors, sizeof(c->cors),
	    "Access-Control-Allow-Origin: %s\r\n"
	    "Vary: Origin\r\nCache-Control: no-store\r\n",
	    origin);
	if (origin[0] == '\0' || n < 0 || (size_t)n >= sizeof(c->cors))
		strcpy(c->cors, "Vary: Origin\r\nCache-Control: no-store\r\n");
}

/* ---- what is asked over HTTP */

static void
serve_info(const struct call *c)
{
	answer(c, 200, type_json, info);
}

/* An id that nobody has; who asks for it may be too late all the same. */
static void
serve_id(const struct call *c)
{
	char text[PROTO_PEERJS_UUID_LEN + 1];
	const struct directory_name name = { .space = DIRECTORY_PEERJS,
		.at = text,
		.len = PROTO_PEERJS_UUID_LEN };
	uint8_t random[16];

	do {
		entropy_fill(random, sizeof(random));
		proto_peerjs_uuid(text, random);
	} while (directory_has(signalling_directory(c->s), &name));
	/* the client takes the body as it is: no newline */
	answer(c, 200, type_html, text);
}

/* Takes json, which may be NULL. */
static void
answer_json(const struct call *c, json_t *json)
{
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	if (text != NULL)
		answer(c, 200, type_json, text);
	else
		answer(c, 503, type_text, "Service Unavailable");
	free(text);
	json_decref(json);
}

static bool
add_peer(void *arg, const struct directory_name *name, size_t sessions)
{
	json_t *list = arg;

	(void)sessions;
	return json_array_size(list) < PEERS_MAX &&
	    json_array_append_new(list, json_stringn(name->at, name->len)) == 0;
}

static void
serve_peers(const struct call *c)
{
	json_t *list;

	if (!c->s->conf->signalling.peerjs_discovery) {
		answer(c, 401, type_text, "Unauthorized");
		return;
	}
	if ((list = json_array()) != NULL)
		(void)directory_list(signalling_directory(c->s),
		    DIRECTORY_PEERJS, add_peer, list);
	answer_json(c, list);
}

/* Our own: credentials for who has no token, hence none but where nodes
 * without one are welcome.  Each has a name of its own, and its own share. */
static void
serve_ice(const struct call *c)
{
	const struct signalling_shared_config *shared = &c->s->shared->config;
	const struct signal_ice ice = { .conf = c->s->conf,
		.issuers = shared->issuers,
		.barred = shared->barred,
		.listeners = shared->listeners };
	char name[sizeof("peerjs-") + PROTO_PEERJS_UUID_LEN] = "peerjs-";
	const struct signal_ice_client client = { .name = name,
		.name_len = sizeof(name) - 1,
		.host = c->r->host,
		.local = &c->r->flow->local };
	uint8_t random[16];
	json_t *servers;

	if (!c->s->conf->auth.anonymous) {
		answer(c, 401, type_text, "Unauthorized");
		return;
	}
	entropy_fill(random, sizeof(random));
	proto_peerjs_uuid(name + strlen(name), random);
	servers = signal_ice_servers(&ice, &client, signalling_wall_s(c->s));
	answer_json(c,
	    servers != NULL ? json_pack("{s:o}", "iceServers", servers) : NULL);
}

/* ---- the WebSocket */

/* 1..64 bytes of the parameter name into out; else 0: it is not there, or
 * -1: it is too long. */
static int
param(const struct net_request *r, const char *name, char out[PARAM_MAX])
{
	const int len = net_web_query(r->query, name, out, PARAM_MAX);

	return len > PROTO_PEERJS_TOKEN_MAX ? -1 : len < 0 ? 0 : len;
}

/* Returns what is wrong, or NULL. */
static const char *
read_asks(struct signal_peerjs_asks *out, const struct net_request *r)
{
	char id[PARAM_MAX], token[PARAM_MAX], key[PARAM_MAX];
	const int id_len = param(r, "id", id),
		  token_len = param(r, "token", token),
		  key_len = param(r, "key", key);

	if (id_len == 0 || token_len == 0 || key_len == 0)
		return "No id, token, or key supplied to websocket server";
	if (key_len < 0 || strcmp(key, "peerjs") != 0)
		return "Invalid key provided";
	if (token_len < 0)
		return "Invalid token provided";
	if (id_len < 0 || proto_peerjs_id(&out->id, id, (size_t)id_len) != 0)
		return "Invalid id provided";
	out->token = (struct signal_peerjs_token){ .len = (uint8_t)token_len };
	memcpy(out->token.at, token, (size_t)token_len);
	return NULL;
}

static void
serve_socket(const struct call *c)
{
	struct signal_peerjs_asks asks;
	const char *wrong;

	if ((wrong = read_asks(&asks, c->r)) != NULL)
		signal_peerjs_client_refuse(
		    c->s->peers, c->w, wrong, PROTO_CLOSE_PROTOCOL);
	else
		signal_peerjs_client_begin(c->s->peers, c->w, c->r, &asks);
}

/* ---- which path is which */

typedef void serve_fn(const struct call *c);

/* "/key/name", whatever the key, with or without a slash behind: the
 * reference does not look at the key either. */
static serve_fn *
find_method(const char *path)
{
	static const struct {
		const char *name;
		serve_fn *serve;
	} methods[] = {
		{ "id", serve_id },
		{ "peers", serve_peers },
		{ "ice", serve_ice },
	};
	const char *name = path[0] == '/' ? strchr(path + 1, '/') : NULL;
	size_t len;

	if (name == NULL || name == path + 1)
		return NULL;
	len = strcspn(++name, "/");
	if (strcmp(name + len, "") != 0 && strcmp(name + len, "/") != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strlen(methods[i].name) == len &&
		    strncmp(methods[i].name, name, len) == 0)
			return methods[i].serve;
	return NULL;
}

static serve_fn *
find_server(const struct net_request *r)
{
	if (strcmp(r->path, "/peerjs") == 0)
		return r->is_upgrade ? serve_socket : NULL;
	return strcmp(r->path, "/") == 0 ? serve_info : find_method(r->path);
}

static void
serve_options(const struct call *c)
{
	char headers[CORS_MAX + 128];

	snprintf(headers, sizeof(headers),
	    "%sAccess-Control-Allow-Methods: GET, HEAD\r\n"
	    "Access-Control-Allow-Headers: *\r\n"
	    "Access-Control-Max-Age: 7200\r\n",
	    c->cors);
	net_web_answer(c->w, 204, NULL, headers, NULL, 0);
}

static bool
is_method(const struct net_request *r, const char *method)
{
	return strcmp(r->method, method) == 0;
}

bool
signal_peerjs_request(
    struct signalling *s, struct net_web *w, const struct net_request *r)
{
	struct call c = { .s = s, .w = w, .r = r };
	serve_fn *serve;

	if ((serve = find_server(r)) == NULL)
		return false;
	if (!may_ask(s->conf, r)) {
		net_web_answer(w, 403, type_text, "Vary: Origin\r\n",
		    "Forbidden", strlen("Forbidden"));
		return true;
	}
	set_cors(&c);
	if (s->is_draining)
		answer(&c, 503, type_text, "Service Unavailable");
	else if (is_method(r, "OPTIONS"))
		serve_options(&c);
	else if (is_method(r, "GET") || is_method(r, "HEAD"))
		serve(&c);
	else
		answer(&c, 405, type_text, "Method Not Allowed");
	return true;
}

/* ---- start and end */

struct signal_peers *
signal_peerjs_new(struct signalling *s)
{
	struct signal_peers *p;

	if ((p = mem_try(1, sizeof(*p))) == NULL)
		return NULL;
	p->s = s;
	list_init(&p->all);
	list_init(&p->late);
	if (signal_peerjs_client_open(p) != 0 ||
	    signal_peerjs_home_open(p) != 0)
		goto fail;
	return p;

fail:
	signal_peerjs_free(p);
	return NULL;
}

void
signal_peerjs_free(struct signal_peers *p)
{
	if (p == NULL)
		return;
	signal_peerjs_client_close(p);
	signal_peerjs_home_close(p);
	signal_peerjs_post_drop_late(p);
	wheel_stop(p->s->config.wheel, &p->retry);
	mem_free(p);
}

void
signal_peerjs_apply(struct signalling *s)
{
	if (!s->conf->signalling.enabled || !s->conf->signalling.peerjs)
		signal_peerjs_drain(s, "no longer served");
}

void
signal_peerjs_drain(struct signalling *s, const char *why)
{
	signal_peerjs_client_end_all(s->peers, PROTO_CLOSE_DRAIN, why);
}
