/* The HTTP paths of the PeerServer dialect, and who may not come in. */
#include "tests/unit/signalling/peerjs_bed.h"

static struct net_web *
ask(const char *method, const char *path, const char *origin)
{
	struct net_web *w = bed_web();

	assert_true(bed_request(w, method, path, origin));
	bed_turn();
	return w;
}

static void
assert_header(const struct net_web *w, const char *line)
{
	if (strstr(w->headers, line) == NULL)
		fail_msg("no '%s' in '%s'", line, w->headers);
}

static void
test_the_root_says_what_it_is(void **state)
{
	const struct net_web *w = ask("GET", "/", "");

	(void)state;
	assert_int_equal(w->status, 200);
	assert_string_equal(w->body,
	    "{\"name\":\"PeerJS Server\",\"description\":\"A server side "
	    "element to broker connections between PeerJS clients.\","
	    "\"website\":\"https://peerjs.com/\"}");
	assert_header(w, "Content-Type: application/json");
}

static void
test_an_id_is_new_each_time_and_nothing_else(void **state)
{
	const struct net_web *a = ask("GET", "/peerjs/id?ts=1.5", ""),
			     *b = ask("GET", "/anykey/id/", "");

	(void)state;
	assert_int_equal(a->status, 200);
	assert_int_equal(b->status, 200);
	assert_header(a, "Content-Type: text/html");
	assert_header(a, "Cache-Control: no-store");
	assert_int_equal(strlen(a->body), PROTO_PEERJS_UUID_LEN);
	assert_int_equal(a->body[14], '4');
	assert_string_not_equal(a->body, b->body);
}

static void
test_peers_are_listed_only_where_that_is_allowed(void **state)
{
	const struct net_web *w;

	(void)state;
	bed_come(0, "alice", "t");
	w = ask("GET", "/peerjs/peers", "");
	assert_int_equal(w->status, 401);
	assert_string_equal(w->body, "Unauthorized");
	bed.conf.signalling.peerjs_discovery = true;
	w = ask("GET", "/peerjs/peers", "");
	assert_int_equal(w->status, 200);
	assert_string_equal(w->body, "[\"alice\"]");
}

static void
test_no_more_than_10000_peers_are_listed(void **state)
{
	struct directory *d = bed.shared.config.directory;
	char id[16];
	struct directory_claim c = {
		.name = { .space = DIRECTORY_PEERJS, .at = id, .len = 8 },
		.place = { .session = 1 },
		.limit = 1
	};
	bool came;

	(void)state;
	bed.conf.signalling.peerjs_discovery = true;
	for (int i = 0; i <= 10000; i++) {
		snprintf(id, sizeof(id), "%08d", i);
		assert_int_equal(directory_claim(d, &c, &came, NULL), 0);
	}
	/* each in quotes, and a comma behind all but the last */
	assert_int_equal(ask("GET", "/peerjs/peers", "")->body_len,
	    2 + 10000 * (8 + 2) + 9999);
	/* as they were claimed, one by one */
	c.place.epoch -= 10000;
	for (int i = 0; i <= 10000; i++, c.place.epoch++) {
		snprintf(id, sizeof(id), "%08d", i);
		directory_release(d, &c.name, &c.place, &came, NULL);
	}
}

static void
test_credentials_are_for_where_anybody_is_welcome(void **state)
{
	static const char begin[] = "{\"iceServers\":[{\"username\":\"peerjs-";
	const struct net_web *a, *b;

	(void)state;
	a = ask("GET", "/peerjs/ice", "");
	assert_int_equal(a->status, 401);
	bed.conf.auth.anonymous = true;
	a = ask("GET", "/peerjs/ice", "");
	b = ask("GET", "/peerjs/ice", "");
	assert_int_equal(a->status, 200);
	assert_memory_equal(a->body, begin, sizeof(begin) - 1);
	/* each is somebody else */
	assert_string_not_equal(a->body, b->body);
	assert_int_equal(strlen(a->body),
	    strlen(begin) + PROTO_PEERJS_UUID_LEN + strlen("\"}]}"));
}

static void
test_other_paths_are_not_ours(void **state)
{
	static const char *const paths[] = { "/call", "/id", "/peerjs",
		"/peerjs/", "/peerjs/ids", "/peerjs/i", "/peerjs/id/x", "//id",
		"/peerjs/x/id", "/signal", "*", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_false(bed_request(bed_web(), "GET", paths[i], ""));
}

static void
test_without_a_list_every_origin_may_read(void **state)
{
	const struct net_web *w = ask("GET", "/", "https://a.example");

	(void)state;
	assert_int_equal(w->status, 200);
	assert_header(w, "Access-Control-Allow-Origin: https://a.example\r\n");
	assert_header(w, "Vary: Origin\r\n");
	w = ask("GET", "/", "");
	assert_int_equal(w->status, 200);
	assert_null(strstr(w->headers, "Allow-Origin"));
}

static void
test_with_a_list_only_those_may(void **state)
{
	char *listed[] = { (char *)"https://a.example" };
	const struct net_web *w;

	(void)state;
	bed.conf.signalling.origins.at = listed;
	bed.conf.signalling.origins.count = 1;
	assert_int_equal(ask("GET", "/", "https://a.example")->status, 200);
	assert_int_equal(ask("GET", "/", "")->status, 200);
	w = ask("GET", "/", "https://a.example.org");
	assert_int_equal(w->status, 403);
	assert_null(strstr(w->headers, "Allow-Origin"));
	w = ask("GET", "/peerjs?key=peerjs&id=a&token=t", "https://b.example");
	assert_int_equal(w->status, 403);
	assert_null(w->ops);
}

static void
test_an_origin_too_long_to_repeat_is_not_cut(void **state)
{
	char origin[600] = "https://";
	const struct net_web *w;

	(void)state;
	memset(origin + 8, 'x', sizeof(origin) - 9);
	w = ask("GET", "/", origin);
	assert_int_equal(w->status, 200);
	assert_null(strstr(w->headers, "Allow-Origin"));
}

static void
test_a_preflight_is_answered_without_a_body(void **state)
{
	const struct net_web *w =
	    ask("OPTIONS", "/peerjs/id", "https://a.example");

	(void)state;
	assert_int_equal(w->status, 204);
	assert_string_equal(w->body, "");
	assert_header(w, "Access-Control-Allow-Origin: https://a.example\r\n");
	assert_header(w, "Access-Control-Allow-Methods: GET, HEAD\r\n");
}

static void
test_nothing_is_posted_here(void **state)
{
	(void)state;
	assert_int_equal(ask("POST", "/peerjs/id", "")->status, 405);
	assert_int_equal(ask("HEAD", "/peerjs/id", "")->status, 200);
}

static void
test_a_server_that_goes_takes_nobody(void **state)
{
	const struct net_web *w;

	(void)state;
	bed.s[0].is_draining = true;
	w = ask("GET", "/peerjs?key=peerjs&id=a&token=t", "");
	assert_int_equal(w->status, 503);
	assert_null(w->ops);
}

/* 65 bytes */
#define LONG                                                               \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"a"

static void
test_who_asks_wrongly_is_told_and_closed(void **state)
{
	static const struct {
		const char *query, *msg;
	} cases[] = {
		{ "", "No id, token, or key supplied to websocket server" },
		{ "key=peerjs&id=a",
		    "No id, token, or key supplied to websocket server" },
		{ "key=peerjs&token=t",
		    "No id, token, or key supplied to websocket server" },
		{ "id=a&token=t",
		    "No id, token, or key supplied to websocket server" },
		{ "key=&id=a&token=t",
		    "No id, token, or key supplied to websocket server" },
		{ "key=peerjs&id=&token=t",
		    "No id, token, or key supplied to websocket server" },
		{ "key=other&id=a&token=t", "Invalid key provided" },
		{ "key=" LONG "&id=a&token=t", "Invalid key provided" },
		{ "key=peerjs&id=" LONG "&token=t", "Invalid id provided" },
		{ "key=peerjs&id=\xc3\xa4&token=t", "Invalid id provided" },
		{ "key=peerjs&id=a&token=" LONG, "Invalid token provided" },
	};
	char path[256], wanted[256];
	struct net_web *w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(path, sizeof(path), "/peerjs?%s", cases[i].query);
		snprintf(wanted, sizeof(wanted),
		    "{\"type\":\"ERROR\",\"payload\":{\"msg\":\"%s\"}}\n",
		    cases[i].msg);
		w = ask("GET", path, "");
		assert_string_equal(bed_heard(w), wanted);
		assert_int_equal(w->code, 4000);
	}
	assert_int_equal(table_count(bed.s[0].peers->clients), 0);
}

static void
test_who_cannot_even_be_told_gets_an_answer(void **state)
{
	struct net_web *w = bed_web();

	(void)state;
	w->fails = true;
	assert_true(bed_request(w, "GET", "/peerjs?key=peerjs", ""));
	assert_int_equal(w->status, 503);
}

static void
test_no_memory_is_told_whichever_allocation_fails(void **state)
{
	struct net_web *w;
	long n = 0;

	(void)state;
	/* what fails must give its place back */
	bed.conf.signalling.sessions = 1;
	do {
		w = bed_web();
		mem_fail_at(n++);
		assert_true(bed_request(
		    w, "GET", "/peerjs?key=peerjs&id=a&token=t", ""));
		mem_fail_at(-1);
		if (w->ops == NULL)
			assert_true(strstr(w->said, "\"ERROR\"") != NULL);
	} while (w->ops == NULL);
	/* client, two notices, place in the counts, slots of the table */
	assert_true(n >= 4);
	bed_turn();
	assert_string_equal(bed_heard(w), OPENED);
}

static void
test_a_worker_starts_whole_or_not(void **state)
{
	struct signalling s = bed.s[0];
	struct signal_peers *p;
	long n = 0;

	(void)state;
	do {
		mem_fail_at(n++);
		p = signal_peerjs_new(&s);
		mem_fail_at(-1);
	} while (p == NULL);
	assert_true(n >= 4);
	signal_peerjs_free(p);
	signal_peerjs_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_open, bed_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_root_says_what_it_is),
		TEST(test_an_id_is_new_each_time_and_nothing_else),
		TEST(test_peers_are_listed_only_where_that_is_allowed),
		TEST(test_no_more_than_10000_peers_are_listed),
		TEST(test_credentials_are_for_where_anybody_is_welcome),
		TEST(test_other_paths_are_not_ours),
		TEST(test_without_a_list_every_origin_may_read),
		TEST(test_with_a_list_only_those_may),
		TEST(test_an_origin_too_long_to_repeat_is_not_cut),
		TEST(test_a_preflight_is_answered_without_a_body),
		TEST(test_nothing_is_posted_here),
		TEST(test_a_server_that_goes_takes_nobody),
		TEST(test_who_asks_wrongly_is_told_and_closed),
		TEST(test_who_cannot_even_be_told_gets_an_answer),
		TEST(test_no_memory_is_told_whichever_allocation_fails),
		TEST(test_a_worker_starts_whole_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
