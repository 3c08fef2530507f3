/* iceServers, /ice and ?service=turn, with listeners, verdicts and origins as
 * the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/token/turnrest.h"
#include "relay/barred.h"
#include "relay/issuers.h"
#include "relay/snapshot.h"
#include "signalling/door.h"
#include "signalling/ice.h"

enum { NOW = 1700000000, LISTENERS_MAX = 12 };

static struct {
	struct snapshot conf;
	struct signal_ice ctx;
	struct stats stats;
	struct {
		enum net_transport transport;
		const char *at;
	} listeners[LISTENERS_MAX];
	size_t listener_count;
	enum issuers_verdict verdict;
	char token[64]; /* as it was verified */
	struct issuers_identity identity;
	const char *barred;
	bool is_origin_refused;
	/* the answer */
	unsigned status;
	char headers[2048];
	char body[4096];
} bed;

/* ---- what it stands on */

bool
net_listeners_at(const struct net_listeners *l, size_t i,
    enum net_transport *transport, struct addr *at)
{
	(void)l;
	if (i >= bed.listener_count)
		return false;
	*transport = bed.listeners[i].transport;
	assert_int_equal(addr_parse(at, bed.listeners[i].at), 0);
	return true;
}

enum issuers_verdict
issuers_verify(struct issuers *s, const char *token, size_t len, int64_t now_s,
    struct issuers_identity *out)
{
	(void)s;
	assert_int_equal(now_s, NOW);
	snprintf(bed.token, sizeof(bed.token), "%.*s", (int)len, token);
	*out = bed.identity;
	return bed.verdict;
}

enum stats_auth
issuers_verdict_counter(enum issuers_verdict v)
{
	return v == ISSUERS_EXPIRED ? STATS_AUTH_TOKEN_EXPIRED
				    : STATS_AUTH_TOKEN;
}

const char *
issuers_verdict_text(enum issuers_verdict v)
{
	return v == ISSUERS_EXPIRED ? "expired" : "bad";
}

int64_t
barred_until(struct barred *b, const char *name, size_t len, int64_t now_s)
{
	(void)b;
	return bed.barred != NULL && strlen(bed.barred) == len &&
		memcmp(bed.barred, name, len) == 0
	    ? now_s + 1
	    : 0;
}

bool
signal_door_origin(const struct snapshot *conf, const struct net_request *r)
{
	(void)conf;
	(void)r;
	return !bed.is_origin_refused;
}

int
net_web_query(const char *query, const char *name, char *out, size_t size)
{
	const size_t len = strlen(name);

	while (*query != '\0') {
		const size_t item = strcspn(query, "&");

		if (item > len && strncmp(query, name, len) == 0 &&
		    query[len] == '=' && item - len <= size) {
			memcpy(out, query + len + 1, item - len - 1);
			out[item - len - 1] = '\0';
			return (int)(item - len - 1);
		}
		query += item + (query[item] == '&');
	}
	return -1;
}

void
net_web_answer(struct net_web *w, unsigned status, const char *type,
    const char *headers, const void *body, size_t len)
{
	(void)w;
	(void)type;
	assert_int_equal(bed.status, 0); /* once */
	bed.status = status;
	snprintf(bed.headers, sizeof(bed.headers), "%s",
	    headers != NULL ? headers : "");
	snprintf(bed.body, sizeof(bed.body), "%.*s", (int)len,
	    body != NULL ? (const char *)body : "");
}

/* ---- the bed */

static char *secrets[] = { "north", "south" };
static char *keys[] = { "application-key", "other" };

static void
listen_at(enum net_transport transport, const char *at)
{
	bed.listeners[bed.listener_count].transport = transport;
	bed.listeners[bed.listener_count++].at = at;
}

static int
set_up(void **state)
{
	(void)state;
	memset(&bed, 0, sizeof(bed));
	bed.conf.node.name = "sn1.example.org";
	bed.conf.node.realm = "example.org";
	bed.conf.auth.secrets = secrets;
	bed.conf.auth.secret_count = 2;
	bed.conf.signalling.credential_s = 3600;
	bed.conf.signalling.rest_keys.at = keys;
	bed.conf.signalling.rest_keys.count = 2;
	bed.ctx.conf = &bed.conf;
	bed.ctx.stats = &bed.stats;
	listen_at(NET_UDP, "0.0.0.0:3478");
	listen_at(NET_UDP, "[::]:3478");
	listen_at(NET_TCP, "0.0.0.0:3478");
	listen_at(NET_TLS, "0.0.0.0:5349");
	listen_at(NET_TLS, "0.0.0.0:443");
	listen_at(NET_DTLS, "0.0.0.0:5349");
	bed.verdict = ISSUERS_GOOD;
	strcpy(bed.identity.subject.name, "alice");
	bed.identity.subject.name_len = 5;
	bed.identity.subject.expiry = NOW + 600;
	return 0;
}

static json_t *
servers_of(const struct signal_ice_client *c)
{
	json_t *j = signal_ice_servers(&bed.ctx, c, NOW);

	assert_non_null(j);
	return j;
}

static void
assert_json(const json_t *j, const char *want)
{
	char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);

	assert_string_equal(text, want);
	free(text);
}

static void
assert_urls(const char *host, const struct addr *local, const char *want)
{
	json_t *j = signal_ice_uris(&bed.ctx, host, local);

	assert_json(j, want);
	json_decref(j);
}

/* ---- servers */

static void
test_servers_are_as_a_browser_wants_them(void **state)
{
	const struct signal_ice_client c = { "alice", 5, 0, "sn.example:8080",
		NULL };
	char want[1024], password[TURNREST_PASSWORD_MAX];
	json_t *j = servers_of(&c);

	(void)state;
	turnrest_password(password, "north", "1700003600:alice", 16);
	snprintf(want, sizeof(want),
	    "[{\"urls\":[\"stun:sn.example:3478\"]},{\"credential\":\"%s\","
	    "\"urls\":[\"turn:sn.example:3478?transport=udp\","
	    "\"turn:sn.example:3478?transport=tcp\","
	    "\"turns:sn.example:5349?transport=tcp\","
	    "\"turns:sn.example:443?transport=tcp\"],"
	    "\"username\":\"1700003600:alice\"}]",
	    password);
	assert_json(j, want);
	json_decref(j);
}

static void
test_the_host_is_that_of_the_client_when_it_is_one(void **state)
{
	static const struct {
		const char *host, *told;
	} rows[] = {
		{ "a-b.example", "a-b.example" },
		{ "192.0.2.7:443", "192.0.2.7" },
		{ "[2001:db8::7]:443", "[2001:db8::7]" },
		{ "[2001:db8::7]", "[2001:db8::7]" },
		{ "localhost", "localhost" },
		/* ours */
		{ "", "sn1.example.org" },
		{ ":80", "sn1.example.org" },
		{ "a b", "sn1.example.org" },
		{ "a?b", "sn1.example.org" },
		{ "-a", "sn1.example.org" },
		{ "u@a", "sn1.example.org" },
		{ "[::1", "sn1.example.org" },
		{ "[]", "sn1.example.org" },
		{ "[", "sn1.example.org" },
		{ "[192.0.2.7]", "sn1.example.org" },
		{ "[fe80::1%eth0]", "sn1.example.org" },
		{ "[[::1]]", "sn1.example.org" },
	};
	char want[128];

	(void)state;
	bed.listener_count = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(want, sizeof(want), "[\"turn:%s:3478?transport=udp\"]",
		    rows[i].told);
		assert_urls(rows[i].host, NULL, want);
	}
}

/* A browser opens an allocation for each URL. */
static void
test_two_ports_are_told_and_open_doors_first(void **state)
{
	(void)state;
	bed.listener_count = 0;
	listen_at(NET_TCP, "0.0.0.0:3478");
	listen_at(NET_TCP, "0.0.0.0:3479");
	listen_at(NET_TCP, "0.0.0.0:80");
	listen_at(NET_TCP, "0.0.0.0:443");
	assert_urls("h", NULL,
	    "[\"turn:h:3478?transport=tcp\",\"turn:h:80?transport=tcp\"]");
}

static void
test_a_listener_of_this_host_is_told_to_this_host_only(void **state)
{
	struct addr here, there;

	(void)state;
	assert_int_equal(addr_parse(&here, "127.0.0.1:80"), 0);
	assert_int_equal(addr_parse(&there, "192.0.2.1:80"), 0);
	bed.listener_count = 0;
	listen_at(NET_UDP, "127.0.0.1:3478");
	listen_at(NET_TCP, "192.0.2.1:3478");
	assert_urls("h", &there, "[\"turn:h:3478?transport=tcp\"]");
	assert_urls("h", &here,
	    "[\"turn:h:3478?transport=udp\",\"turn:h:3478?transport=tcp\"]");
}

static void
assert_username(const struct signal_ice_client *c, const char *want)
{
	json_t *j = servers_of(c);
	const json_t *turn = json_array_get(j, 1);

	if (want == NULL)
		assert_null(turn);
	else
		assert_string_equal(
		    json_string_value(json_object_get(turn, "username")), want);
	json_decref(j);
}

static void
test_a_credential_lives_no_longer_than_its_token(void **state)
{
	struct signal_ice_client c = { "alice", 5, NOW + 600, "h", NULL };

	(void)state;
	assert_username(&c, "1700000600:alice");
	c.expiry_s = NOW + 36000;
	assert_username(&c, "1700003600:alice");
	c.expiry_s = NOW;
	assert_username(&c, NULL);
}

static void
test_who_is_barred_and_whom_we_have_no_secret_for_gets_stun(void **state)
{
	const struct signal_ice_client c = { "alice", 5, 0, "h", NULL };

	(void)state;
	bed.barred = "alice";
	assert_username(&c, NULL);
	bed.barred = "bob";
	assert_username(&c, "1700003600:alice");
	bed.conf.auth.secret_count = 0;
	assert_username(&c, NULL);
}

/* ---- requests */

static const struct net_flow flow;

static const struct net_request ice = { .flow = &flow,
	.method = "GET",
	.path = "/ice",
	.query = "",
	.host = "h",
	.origin = "",
	.authorization = "Bearer tok.en",
	.content_type = "",
	.body = (const uint8_t *)"" };

static unsigned
serve(struct net_request r)
{
	bed.status = 0;
	assert_true(signal_ice_serve(&bed.ctx, NULL, &r, NOW));
	return bed.status;
}

static void
assert_header(const char *line)
{
	if (strstr(bed.headers, line) == NULL)
		fail_msg("no %s in %s", line, bed.headers);
}

static void
test_a_token_gets_servers_that_nobody_keeps(void **state)
{
	json_t *j;

	(void)state;
	assert_int_equal(serve(ice), 200);
	assert_string_equal(bed.token, "tok.en");
	assert_header("Cache-Control: no-store\r\n");
	j = json_loads(bed.body, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(j, "iceServers")), 2);
	assert_non_null(strstr(bed.body, "1700000600:alice"));
	json_decref(j);
}

static void
test_other_paths_are_not_ours(void **state)
{
	struct net_request r = ice;

	(void)state;
	r.path = "/icecream";
	assert_false(signal_ice_serve(&bed.ctx, NULL, &r, NOW));
	r.path = "/";
	assert_false(signal_ice_serve(&bed.ctx, NULL, &r, NOW));
	r.query = "service=stun";
	assert_false(signal_ice_serve(&bed.ctx, NULL, &r, NOW));
	assert_int_equal(bed.status, 0);
}

static void
test_without_a_good_token_there_is_a_challenge(void **state)
{
	struct net_request r = ice;

	(void)state;
	r.authorization = "";
	assert_int_equal(serve(r), 401);
	assert_header("WWW-Authenticate: Bearer realm=\"example.org\"\r\n");
	r.authorization = "Basic dXNlcjpwYXNz";
	assert_int_equal(serve(r), 401);
	bed.verdict = ISSUERS_BAD;
	assert_int_equal(serve(ice), 401);
	assert_header("error=\"invalid_token\"");
	/* within the skew: its credential would have expired already */
	bed.verdict = ISSUERS_GOOD;
	bed.identity.subject.expiry = NOW;
	assert_int_equal(serve(ice), 401);
	assert_header("error_description=\"expired\"");
	assert_null(strstr(bed.body, "credential"));
	assert_int_equal(bed.stats.auth[STATS_AUTH_TOKEN], 1);
	assert_int_equal(bed.stats.auth[STATS_AUTH_TOKEN_EXPIRED], 1);
}

static void
test_a_barred_name_is_forbidden(void **state)
{
	(void)state;
	bed.barred = "alice";
	assert_int_equal(serve(ice), 403);
	assert_null(strstr(bed.body, "credential"));
}

static void
test_pages_of_allowed_origins_may_read_it(void **state)
{
	struct net_request r = ice;

	(void)state;
	r.origin = "https://app.example";
	assert_int_equal(serve(r), 200);
	assert_header("Access-Control-Allow-Origin: https://app.example\r\n");
	assert_header("Vary: Origin\r\n");
	r.method = "OPTIONS";
	r.authorization = "";
	assert_int_equal(serve(r), 204);
	assert_header("Access-Control-Allow-Headers: Authorization");
	assert_header("Access-Control-Allow-Origin: https://app.example\r\n");
	bed.is_origin_refused = true;
	assert_int_equal(serve(r), 403);
	assert_null(strstr(bed.headers, "Access-Control"));
	/* it would be repeated */
	bed.is_origin_refused = false;
	r.origin = "https://a b";
	assert_int_equal(serve(r), 403);
}

static void
test_other_methods_are_named(void **state)
{
	struct net_request r = ice;

	(void)state;
	r.method = "POST";
	assert_int_equal(serve(r), 405);
	assert_header("Allow: GET, OPTIONS\r\n");
	r.method = "HEAD";
	assert_int_equal(serve(r), 200);
}

/* ---- the TURN REST service */

static struct net_request
rest(const char *query)
{
	struct net_request r = ice;

	r.path = "/";
	r.query = query;
	r.authorization = "";
	return r;
}

static void
test_an_application_with_a_key_gets_a_credential(void **state)
{
	char want[1024], password[TURNREST_PASSWORD_MAX];
	json_t *j;

	(void)state;
	bed.listener_count = 1;
	assert_int_equal(
	    serve(rest("service=turn&username=bob&key=application-key")), 200);
	assert_header("Cache-Control: no-store\r\n");
	turnrest_password(password, "north", "1700003600:bob", 14);
	snprintf(want, sizeof(want),
	    "{\"password\":\"%s\",\"ttl\":3600,"
	    "\"uris\":[\"turn:h:3478?transport=udp\"],"
	    "\"username\":\"1700003600:bob\"}",
	    password);
	j = json_loads(bed.body, 0, NULL);
	assert_json(j, want);
	json_decref(j);
	/* without a name: the expiry alone */
	assert_int_equal(serve(rest("service=turn&key=other")), 200);
	assert_non_null(strstr(bed.body, "\"1700003600\""));
}

static void
test_the_form_of_a_post_counts(void **state)
{
	static const char form[] = "username=bob&key=other";
	struct net_request r = rest("service=turn");

	(void)state;
	r.method = "POST";
	r.body = (const uint8_t *)form;
	r.body_len = strlen(form);
	assert_int_equal(serve(r), 200);
	assert_non_null(strstr(bed.body, ":bob"));
}

static void
test_without_the_key_there_is_nothing(void **state)
{
	char query[400] = "service=turn&key=";

	(void)state;
	assert_int_equal(serve(rest("service=turn&username=bob")), 403);
	assert_int_equal(serve(rest("service=turn&key=")), 403);
	assert_int_equal(serve(rest("service=turn&key=application")), 403);
	assert_int_equal(serve(rest("service=turn&key=application-key2")), 403);
	memset(query + strlen(query), 'k', 300);
	assert_int_equal(serve(rest(query)), 403);
	assert_null(strstr(bed.body, "password"));
	bed.conf.signalling.rest_keys.count = 0;
	assert_int_equal(serve(rest("service=turn&key=other")), 404);
	assert_int_equal(serve(rest("service=turn&key=")), 404);
}

static void
test_names_that_are_none_are_refused(void **state)
{
	char query[400] = "service=turn&key=other&username=";

	(void)state;
	assert_int_equal(
	    serve(rest("service=turn&key=other&username=a b")), 400);
	assert_int_equal(
	    serve(rest("service=turn&key=other&username=a\"b")), 400);
	assert_int_equal(
	    serve(rest("service=turn&key=other&username=\xc3\xa4")), 400);
	memset(query + strlen(query), 'n', 255);
	assert_int_equal(serve(rest(query)), 200);
	strcat(query, "n");
	assert_int_equal(serve(rest(query)), 400);
	bed.barred = "bob";
	assert_int_equal(
	    serve(rest("service=turn&key=other&username=bob")), 403);
}

#define WITH_BED(f) cmocka_unit_test_setup(f, set_up)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_BED(test_servers_are_as_a_browser_wants_them),
		WITH_BED(test_the_host_is_that_of_the_client_when_it_is_one),
		WITH_BED(test_two_ports_are_told_and_open_doors_first),
		WITH_BED(
		    test_a_listener_of_this_host_is_told_to_this_host_only),
		WITH_BED(test_a_credential_lives_no_longer_than_its_token),
		WITH_BED(
		    test_who_is_barred_and_whom_we_have_no_secret_for_gets_stun),
		WITH_BED(test_a_token_gets_servers_that_nobody_keeps),
		WITH_BED(test_other_paths_are_not_ours),
		WITH_BED(test_without_a_good_token_there_is_a_challenge),
		WITH_BED(test_a_barred_name_is_forbidden),
		WITH_BED(test_pages_of_allowed_origins_may_read_it),
		WITH_BED(test_other_methods_are_named),
		WITH_BED(test_an_application_with_a_key_gets_a_credential),
		WITH_BED(test_the_form_of_a_post_counts),
		WITH_BED(test_without_the_key_there_is_nothing),
		WITH_BED(test_names_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
