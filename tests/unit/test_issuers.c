/* Issuers by file and by URL. */
#include "tests/unit/issuers_bed.h"

/* ---- by file */

static void
test_a_token_of_an_issuer_names_its_bearer(void **state)
{
	struct issuers_identity id;
	char *text = bed_token(1, "{\"alg\":\"EdDSA\",\"kid\":\"a\"}", ALICE);

	(void)state;
	/* at once, without the thread */
	assert_non_null(bed.s = issuers_new(&bed.conf));
	assert_int_equal(verify_text(text, &id), ISSUERS_GOOD);
	assert_string_equal(id.subject.name, "alice");
	assert_int_equal(id.subject.expiry, 1700000100);
	assert_string_equal(id.kid, "a");
	assert_string_equal(id.issuer, "login");
	free(text);
}

static void
test_other_tokens_are_refused(void **state)
{
	static const struct {
		unsigned signer;
		const char *kid;
		const char *claims;
		enum issuers_verdict want;
	} rows[] = {
		{ 1, "", ALICE, ISSUERS_GOOD },
		{ 2, "a", ALICE, ISSUERS_BAD },
		{ 1, "b", ALICE, ISSUERS_UNKNOWN_KEY },
		{ 1, "a", CAROL, ISSUERS_UNKNOWN_KEY }, /* not fetched yet */
		{ 1, "a",
		    "{\"iss\":\"https://x\",\"aud\":\"sn\",\"sub\":\"a\"," EXP
		    "}",
		    ISSUERS_UNKNOWN_ISSUER },
		{ 1, "a", "{\"aud\":\"sn\",\"sub\":\"a\"," EXP "}",
		    ISSUERS_UNKNOWN_ISSUER },
		{ 1, "a",
		    "{\"iss\":\"https://i\",\"aud\":\"x\",\"sub\":\"a\"," EXP
		    "}",
		    ISSUERS_BAD },
		{ 1, "a",
		    "{\"iss\":\"https://i\",\"aud\":\"sn\",\"sub\":\"a\","
		    "\"exp\":1699999000}",
		    ISSUERS_EXPIRED },
		{ 1, "a",
		    "{\"iss\":\"https://i\",\"aud\":\"sn\",\"sub\":\"a\"," EXP
		    ",\"nbf\":1700000090}",
		    ISSUERS_NOT_YET },
		/* names */
		{ 1, "a",
		    "{\"iss\":\"https://i\",\"aud\":\"sn\","
		    "\"sub\":\"guest-7\"," EXP "}",
		    ISSUERS_BAD },
		{ 1, "a",
		    "{\"iss\":\"https://i\",\"aud\":\"sn\","
		    "\"sub\":\"al ice\"," EXP "}",
		    ISSUERS_BAD },
		{ 1, "a",
		    "{\"iss\":\"https://i\",\"aud\":\"sn\","
		    "\"sub\":\"al\\\"ice\"," EXP "}",
		    ISSUERS_BAD },
		{ 1, "a",
		    "{\"iss\":\"https://i\",\"aud\":\"sn\","
		    "\"sub\":\"al\\\\ice\"," EXP "}",
		    ISSUERS_BAD },
		{ 1, "a",
		    "{\"iss\":\"https://i\",\"aud\":\"sn\","
		    "\"sub\":\"\xc3\xa4\"," EXP "}",
		    ISSUERS_BAD },
		{ 1, "a",
		    "{\"iss\":\"https://i\",\"aud\":\"sn\","
		    "\"sub\":\"a\\nb\"," EXP "}",
		    ISSUERS_BAD },
	};
	struct issuers_identity id;

	(void)state;
	assert_non_null(bed.s = issuers_new(&bed.conf));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (verify(rows[i].signer, rows[i].kid, rows[i].claims) !=
		    rows[i].want)
			fail_msg("%s", rows[i].claims);
	}
	assert_int_equal(verify_text("a.b", &id), ISSUERS_BAD);
}

/* The public key of the issuer as a shared secret: the classic. */
static void
test_no_token_is_signed_by_nothing_or_by_a_public_key(void **state)
{
	static const struct {
		unsigned signer;
		const char *header;
	} rows[] = {
		{ BED_NONE, "{\"alg\":\"none\",\"kid\":\"a\"}" },
		{ BED_HS256, "{\"alg\":\"HS256\",\"kid\":\"a\"}" },
		{ BED_ES256, "{\"alg\":\"ES256\",\"kid\":\"a\"}" },
		{ BED_ES256, "{\"alg\":\"EdDSA\",\"kid\":\"a\"}" },
	};
	struct issuers_identity id;

	(void)state;
	assert_non_null(bed.s = issuers_new(&bed.conf));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = bed_token(rows[i].signer, rows[i].header, ALICE);

		assert_int_not_equal(verify_text(text, &id), ISSUERS_GOOD);
		free(text);
	}
}

static void
test_a_file_that_changed_is_read_for_an_unknown_key(void **state)
{
	char text[512];

	(void)state;
	open_issuers();
	assert_int_equal(verify(1, "a", ALICE), ISSUERS_GOOD);
	write_file(bed.file, set_of(text, "b", 2));
	wait_verdict(2, "b", ALICE, ISSUERS_GOOD);
	/* the key that is gone signs no more */
	assert_int_equal(verify(1, "a", ALICE), ISSUERS_UNKNOWN_KEY);
}

static void
test_a_file_that_is_broken_leaves_the_keys(void **state)
{
	json_t *j;

	(void)state;
	assert_non_null(bed.s = issuers_new(&bed.conf));
	write_file(bed.file, "{\"keys\":[]}");
	assert_int_equal(issuers_apply(bed.s, &bed.conf), 0);
	assert_int_equal(verify(1, "a", ALICE), ISSUERS_GOOD);
	j = issuers_json(bed.s, NOW + 5);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(j, 0), "fault")),
	    "no key for Ed25519 or ES256 in it");
	assert_int_equal(
	    json_integer_value(json_object_get(json_array_get(j, 0), "age_s")),
	    5);
	json_decref(j);
}

/* ---- a new configuration */

static void
test_a_reload_holds_at_once(void **state)
{
	char text[512];

	(void)state;
	open_issuers();
	write_file(bed.file, set_of(text, "b", 2));
	assert_int_equal(issuers_apply(bed.s, &bed.conf), 0);
	assert_int_equal(verify(2, "b", ALICE), ISSUERS_GOOD);
	bed.issuers[0].audience = "other";
	assert_int_equal(issuers_apply(bed.s, &bed.conf), 0);
	assert_int_equal(verify(2, "b", ALICE), ISSUERS_BAD);
	bed.conf.auth.issuer_count = 0;
	assert_int_equal(issuers_apply(bed.s, &bed.conf), 0);
	assert_int_equal(verify(2, "b", ALICE), ISSUERS_UNKNOWN_ISSUER);
}

static void
test_the_first_issuer_may_come_with_a_reload(void **state)
{
	(void)state;
	bed.conf.auth.issuer_count = 0;
	open_issuers();
	assert_int_equal(verify(1, "a", ALICE), ISSUERS_UNKNOWN_ISSUER);
	bed.conf.auth.issuer_count = 2;
	assert_int_equal(issuers_apply(bed.s, &bed.conf), 0);
	assert_int_equal(verify(1, "a", ALICE), ISSUERS_GOOD);
	wait_verdict(3, "w", CAROL, ISSUERS_GOOD);
}

/* ---- by URL */

static void
test_a_url_is_fetched_when_it_starts(void **state)
{
	(void)state;
	open_issuers();
	wait_verdict(3, "w", CAROL, ISSUERS_GOOD);
	assert_int_equal(atomic_load(&bed.requests), 1);
}

static void
test_keys_outlive_their_issuer_and_a_restart(void **state)
{
	(void)state;
	open_issuers();
	wait_verdict(3, "w", CAROL, ISSUERS_GOOD);
	issuers_free(bed.s);
	stop_server();
	open_issuers();
	assert_int_equal(verify(3, "w", CAROL), ISSUERS_GOOD);
	/* also after it has been asked for in vain */
	assert_int_equal(verify(4, "x", CAROL), ISSUERS_UNKNOWN_KEY);
	assert_int_equal(verify(3, "w", CAROL), ISSUERS_GOOD);
}

static void
test_an_unknown_key_is_looked_for_but_not_all_the_time(void **state)
{
	char text[512];

	(void)state;
	open_issuers();
	wait_verdict(3, "w", CAROL, ISSUERS_GOOD);
	answer("200 OK", "", set_of(text, "x", 4));
	bed.now += ISSUERS_UNKNOWN_S * 1000;
	wait_verdict(4, "x", CAROL, ISSUERS_GOOD);
	assert_int_equal(atomic_load(&bed.requests), 2);
	/* no time has passed since: nobody asks again */
	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(verify(5, "y", CAROL), ISSUERS_UNKNOWN_KEY);
	/* but for a reload, which is the next to come */
	assert_int_equal(issuers_apply(bed.s, &bed.conf), 0);
	wait_requests(3);
	assert_int_equal(verify(4, "x", CAROL), ISSUERS_GOOD);
	assert_int_equal(atomic_load(&bed.requests), 3);
}

static void
expect_fault(const char *want)
{
	const char *fault = "";
	json_t *j = NULL;

	for (int ms = 0; ms < DEADLINE_MS && strstr(fault, want) == NULL;
	     ms += 5) {
		json_decref(j);
		j = issuers_json(bed.s, NOW);
		fault = json_string_value(
		    json_object_get(json_array_get(j, 1), "fault"));
		poll(NULL, 0, 5); /* poll interval */
	}
	if (strstr(fault, want) == NULL)
		fail_msg("%s", fault);
	json_decref(j);
}

static void
test_a_bad_answer_leaves_the_keys(void **state)
{
	static char huge[KEYSET_BYTES_MAX + 64];
	static const struct {
		const char *status, *headers, *body, *fault;
	} rows[] = {
		{ "500 No", "", "{\"keys\":[]}", "HTTP status 500" },
		{ "200 OK", "", "<html>", "it is no JWKS" },
		{ "200 OK", "", "{\"keys\":[]}", "no key" },
		{ "302 Found", "Location: /jwks\r\n", "", "HTTP status 302" },
		{ "200 OK", "", huge, "more than 64KiB" },
	};

	(void)state;
	memset(huge, ' ', sizeof(huge) - 1);
	open_issuers();
	wait_verdict(3, "w", CAROL, ISSUERS_GOOD);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer(rows[i].status, rows[i].headers, rows[i].body);
		assert_int_equal(issuers_apply(bed.s, &bed.conf), 0);
		expect_fault(rows[i].fault);
		assert_int_equal(verify(3, "w", CAROL), ISSUERS_GOOD);
	}
}

/* Ends within the deadline of the runner, though a fetch hangs. */
static void
test_a_server_that_does_not_answer_holds_nobody_up(void **state)
{
	(void)state;
	stop_server();
	bed.fd = socket(AF_INET, SOCK_STREAM, 0); /* accepts by the kernel */
	{
		struct sockaddr_in a = { .sin_family = AF_INET,
			.sin_port = htons((uint16_t)bed.port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		const int on = 1;

		setsockopt(bed.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		assert_int_equal(
		    bind(bed.fd, (struct sockaddr *)&a, sizeof(a)), 0);
		assert_int_equal(listen(bed.fd, 1), 0);
	}
	open_issuers();
	assert_int_equal(verify(3, "w", CAROL), ISSUERS_UNKNOWN_KEY);
	assert_int_equal(verify(1, "a", ALICE), ISSUERS_GOOD);
	/* removed while it is being fetched */
	bed.conf.auth.issuer_count = 1;
	assert_int_equal(issuers_apply(bed.s, &bed.conf), 0);
	close(bed.fd);
}

static void
test_max_age_is_read_out_of_its_header(void **state)
{
	static const struct {
		const char *line;
		int64_t want;
	} rows[] = {
		{ "Cache-Control: max-age=600\r\n", 600 },
		{ "cache-control:public,MAX-AGE=7, must-revalidate\r\n", 7 },
		{ "Cache-Control: max-age=\"60\"\r\n", 60 },
		{ "Cache-Control: max-age=99999999999999999999\r\n",
		    INT32_MAX },
		{ "Cache-Control: s-maxage=5\r\n", -1 },
		{ "Cache-Control: no-store\r\n", -1 },
		{ "Cache-Control: max-age=\r\n", -1 },
		{ "Cache-Control:", -1 },
		{ "X-Cache-Control: max-age=600\r\n", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    issuers_web_max_age(rows[i].line, strlen(rows[i].line)),
		    rows[i].want);
}

/* ---- threads, memory */

static void *
ask(void *arg)
{
	const _Atomic bool *is_over = arg;

	while (!atomic_load(is_over)) {
		verify(1, "a", ALICE);
		verify(4, "x", CAROL);
	}
	return NULL;
}

static void
test_threads_verify_while_keys_change(void **state)
{
	_Atomic bool is_over = false;
	pthread_t threads[THREADS];
	char text[512];

	(void)state;
	open_issuers();
	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, ask, &is_over);
	for (unsigned i = 0; i < 20; i++) {
		write_file(bed.file, set_of(text, "a", (uint8_t)(1 + i % 2)));
		bed.now += ISSUERS_UNKNOWN_S * 1000;
		assert_int_equal(issuers_apply(bed.s, &bed.conf), 0);
	}
	atomic_store(&is_over, true);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(verify(2, "a", ALICE), ISSUERS_GOOD);
}

static void
test_every_failing_allocation_is_survived(void **state)
{
	int rc = ENOMEM;

	(void)state;
	for (long n = 0; bed.s == NULL; n++) {
		mem_fail_at(n);
		bed.s = issuers_new(&bed.conf);
		assert_true(n < 100);
	}
	/* keys that could not be read for lack of memory come later */
	mem_fail_at(-1);
	assert_int_equal(issuers_apply(bed.s, &bed.conf), 0);
	assert_int_equal(verify(1, "a", ALICE), ISSUERS_GOOD);
	bed.issuers[0].audience = "other";
	for (long n = 0; rc != 0; n++) {
		mem_fail_at(n);
		rc = issuers_apply(bed.s, &bed.conf);
		if (rc != 0) {
			mem_fail_at(-1);
			assert_int_equal(verify(1, "a", ALICE), ISSUERS_GOOD);
		}
		assert_true(n < 100);
	}
	mem_fail_at(-1);
	assert_int_not_equal(verify(1, "a", ALICE), ISSUERS_GOOD);
}

#define WITH_BED(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_BED(test_a_token_of_an_issuer_names_its_bearer),
		WITH_BED(test_other_tokens_are_refused),
		WITH_BED(test_no_token_is_signed_by_nothing_or_by_a_public_key),
		WITH_BED(test_a_file_that_changed_is_read_for_an_unknown_key),
		WITH_BED(test_a_file_that_is_broken_leaves_the_keys),
		WITH_BED(test_a_reload_holds_at_once),
		WITH_BED(test_the_first_issuer_may_come_with_a_reload),
		WITH_BED(test_a_url_is_fetched_when_it_starts),
		WITH_BED(test_keys_outlive_their_issuer_and_a_restart),
		WITH_BED(
		    test_an_unknown_key_is_looked_for_but_not_all_the_time),
		WITH_BED(test_a_bad_answer_leaves_the_keys),
		WITH_BED(test_a_server_that_does_not_answer_holds_nobody_up),
		cmocka_unit_test(test_max_age_is_read_out_of_its_header),
		WITH_BED(test_threads_verify_while_keys_change),
		WITH_BED(test_every_failing_allocation_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
