/* Networks, schedules, and the keys that say who may relay how much. */
#include "tests/unit/snapshot_bed.h"

#define OK RATE SECRET "node { name = n }\n"
/* Its keys begin on line 5. */
#define CAMPUS OK "network campus { "
#define NIGHT  OK "schedule night { "

static const struct bad {
	const char *text;
	const char *where;
	const char *what;
} bad[] = {
	/* relay */
	{ "relay { members-only = all }",
	    "t.conf:1: relay.members-only: ", "\"one\" or \"both\"" },
	{ OK "relay {\nmembers-only = one }",
	    "t.conf:5: relay.members-only: ", "would relay for nobody" },
	{ CAMPUS "prefixes = {\"9.0.0.0/8\"} relay = no }"
		 "relay {\nmembers-only = both }",
	    "t.conf:5: relay.members-only: ", "would relay for nobody" },
	{ "relay { alternates = {\"relay.example\"} }",
	    "t.conf:1: relay.alternates: ", "must be an address" },
	{ "relay { alternates = {\"224.0.0.1\"} }",
	    "t.conf:1: relay.alternates: ", "must be an address" },
	/* caps */
	{ "caps { rate = \"11999bit/s\" }",
	    "t.conf:1: caps.rate: ", "at least 12kbit/s" },
	{ "caps { rate-per-user = \"11kbit/s\" }",
	    "t.conf:1: caps.rate-per-user: ", "at least 12kbit/s" },
	{ "caps { rate-per-allocation = 5 }",
	    "t.conf:1: caps.rate-per-allocation: ", "\"5\"" },
	{ "caps { burst = 0ms }", "t.conf:1: caps.burst: ", "1ms to 1m" },
	{ "caps { burst-per-user = 0B }",
	    "t.conf:1: caps.burst-per-user: ", "1500B" },
	{ OK "caps { rate-per-user = \"12kbit/s\"\nburst-per-user = 1ms }",
	    "t.conf:5: caps.burst-per-user: ", "1500B" },
	{ OK "caps { rate-per-allocation = \"12kbit/s\"\n"
	     "burst-per-allocation = 1ms }",
	    "t.conf:5: caps.burst-per-allocation: ", "1500B" },
	{ "caps { quota-day = 999kB }",
	    "t.conf:1: caps.quota-day: ", "at least 1MB" },
	{ "caps {\nquota-month = 0B }",
	    "t.conf:2: caps.quota-month: ", "at least 1MB" },
	{ "caps { quota-day-per-user = 1 }",
	    "t.conf:1: caps.quota-day-per-user: ", "units" },
	{ "caps { quota-month-per-user = 2000000TiB }",
	    "t.conf:1: caps.quota-month-per-user: ", "exabyte" },
	{ "caps { month-starts = 0 }",
	    "t.conf:1: caps.month-starts: ", "1 to 31" },
	{ "caps { month-starts = 32 }",
	    "t.conf:1: caps.month-starts: ", "1 to 31" },
	{ "caps { month-starts = '1 24:00' }",
	    "t.conf:1: caps.month-starts: ", "time of day" },
	{ "caps { month-starts = '1 6' }",
	    "t.conf:1: caps.month-starts: ", "time of day" },
	{ OK "caps {\ntime-zone = 'Europe/Atlantis' }",
	    "t.conf:5: caps.time-zone: ", "no time zone of this host" },
	{ OK "caps { time-zone = '../zoneinfo/UTC' }",
	    "t.conf:4: caps.time-zone: ", "no time zone" },
	{ OK "caps { time-zone = 'zone.tab' }",
	    "t.conf:4: caps.time-zone: ", "no time zone" },
	{ "caps { at-quota = on }", "t.conf:1: caps.at-quota: ", "trickle" },
	{ "caps { trickle = unlimited }",
	    "t.conf:1: caps.trickle: ", "no trickle" },
	{ "caps { trickle = \"1kbit/s\" }",
	    "t.conf:1: caps.trickle: ", "at least 12kbit/s" },
	/* network */
	{ CAMPUS "\n}", "t.conf:5: network.prefixes: ", "missing" },
	{ CAMPUS "prefixes = {} }", "t.conf:4: network.prefixes: ", "missing" },
	{ CAMPUS "prefixes = {\"9.0.0.1/8\"} }",
	    "t.conf:4: network.prefixes: ", "host bits" },
	{ CAMPUS "\nprefixes = {\"9.0.0.0/8\", \"9.0.0.0/8\"} }",
	    "t.conf:5: network.prefixes: ", "stands twice" },
	{ CAMPUS "prefixes = {\"9.0.0.0/8\"} }\nnetwork b {\n"
		 "prefixes = {\"9.0.0.0/16\", \"9.0.0.0/8\"} }",
	    "t.conf:6: network.prefixes: ", "network \"campus\" already" },
	{ CAMPUS "prefixes = {\"9.0.0.0/8\"} rate = \"12kbit/s\"\n"
		 "burst = 1ms }",
	    "t.conf:5: network.burst: ", "1500B" },
	{ CAMPUS "prefixes = {\"9.0.0.0/8\"} quota-day = 1kB }",
	    "t.conf:4: network.quota-day: ", "1MB" },
	{ CAMPUS "prefixes = {\"9.0.0.0/8\"} }\n"
		 "network campus { prefixes = {\"8.0.0.0/8\"} }",
	    "t.conf:5: ", "duplicate" },
	{ OK "network 'a b' { prefixes = {\"9.0.0.0/8\"} }",
	    "t.conf:4: network: ", "letters, digits" },
	{ OK "network '' { prefixes = {\"9.0.0.0/8\"} }",
	    "t.conf:4: network: ", "1 to 63" },
	{ OK "network { prefixes = {\"9.0.0.0/8\"} }", "t.conf:4: ", "" },
	{ CAMPUS "rat = x }", "t.conf:4: network: ", "'rat'" },
	/* schedule */
	{ NIGHT "from = '20:00' to = '06:00' }",
	    "t.conf:4: schedule.rate: ", "or relay = false" },
	{ NIGHT "from = '20:00' rate = \"1Mbit/s\"\n}",
	    "t.conf:5: schedule.to: ", "missing" },
	{ NIGHT "to = '20:00' rate = \"1Mbit/s\" }",
	    "t.conf:4: schedule.from: ", "missing" },
	{ NIGHT "to = '20:00'\nfrom = '20:00' relay = no }",
	    "t.conf:4: schedule.to: ", "never opens" },
	{ NIGHT "from = '24:00' }",
	    "t.conf:4: schedule.from: ", "time of day" },
	{ NIGHT "to = '24:01' }", "t.conf:4: schedule.to: ", "time of day" },
	{ NIGHT "to = '7:00' }", "t.conf:4: schedule.to: ", "time of day" },
	{ NIGHT "to = '07:60' }", "t.conf:4: schedule.to: ", "time of day" },
	{ NIGHT "days = '' }", "t.conf:4: schedule.days: ", "week" },
	{ NIGHT "days = 'mon-' }", "t.conf:4: schedule.days: ", "week" },
	{ NIGHT "days = 'mon,' }", "t.conf:4: schedule.days: ", "week" },
	{ NIGHT "days = 'monday' }", "t.conf:4: schedule.days: ", "week" },
	/* policy, audit */
	{ "policy { sites = {\"a..b\"} }", "t.conf:1: policy.sites: ", "DNS" },
	{ "policy { sites = {\"a.b.\"} }", "t.conf:1: policy.sites: ", "DNS" },
	{ "policy { sites = {\"a b\"} }", "t.conf:1: policy.sites: ", "DNS" },
	{ "policy { sites = {\"\"} }", "t.conf:1: policy.sites: ", "DNS" },
	{ "policy { resolver = dns.example }",
	    "t.conf:1: policy.resolver: ", "must be an address" },
	{ "audit { file = audit.log }", "t.conf:1: audit.file: ", "absolute" },
	{ "audit { subjects = some }", "t.conf:1: audit.subjects: ", "full" },
	{ "audit { retention = 90 }", "t.conf:1: audit.retention: ", "units" },
	{ "audit { retention = 59m }",
	    "t.conf:1: audit.retention: ", "at least 1h" },
	{ "audit { rotate = 4095B }",
	    "t.conf:1: audit.rotate: ", "at least 4KiB" },
	{ "audit { rotate = 10 }", "t.conf:1: audit.rotate: ", "units" },
	{ "audit { on-failure = panic }",
	    "t.conf:1: audit.on-failure: ", "continue" },
};

static void
test_bad_input_is_refused_by_line_and_key(void **state)
{
	char why[SNAPSHOT_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct snapshot *s = NULL;
		const int rc =
		    snapshot_load_text(&s, "t.conf", bad[i].text, why);

		if (rc != EINVAL || s != NULL ||
		    strncmp(why, bad[i].where, strlen(bad[i].where)) != 0 ||
		    strstr(why, bad[i].what) == NULL)
			fail_msg("%s\nrc %d: %s", bad[i].text, rc, why);
	}
}

static void
test_defaults_ask_for_nothing(void **state)
{
	struct snapshot *s = load(OK);

	(void)state;
	assert_int_equal(s->relay.members_only, SNAPSHOT_ANYONE);
	assert_int_equal(s->relay.alternates.count, 0);
	assert_int_equal(s->caps.rate_per_user, 0);
	assert_int_equal(s->caps.burst_per_user, 0);
	assert_int_equal(s->caps.rate_per_allocation, 0);
	assert_int_equal(s->caps.burst_per_allocation, 0);
	assert_int_equal(s->caps.quota_day, 0);
	assert_int_equal(s->caps.quota_month, 0);
	assert_int_equal(s->caps.user_quota_day, 0);
	assert_int_equal(s->caps.user_quota_month, 0);
	assert_int_equal(s->caps.month_day, 1);
	assert_int_equal(s->caps.day_minute, 0);
	assert_string_equal(s->caps.time_zone, "");
	assert_int_equal(s->caps.at_quota, SNAPSHOT_TRICKLE);
	assert_int_equal(s->caps.trickle, 256000);
	assert_int_equal(s->network_count, 0);
	assert_int_equal(s->schedule_count, 0);
	assert_int_equal(s->policy.sites.count, 0);
	assert_true(addr_is_none(&s->policy.resolver));
	assert_string_equal(s->policy.file, "");
	assert_string_equal(s->audit.file, "");
	assert_int_equal(s->audit.subjects, SNAPSHOT_SUBJECTS_FULL);
	assert_int_equal(s->audit.retention_s, 90 * 86400);
	assert_int_equal(s->audit.on_failure, SNAPSHOT_CONTINUE);
	snapshot_free(s);
}

#define WHOLE                                                              \
	OK "relay { members-only = both alternates = "                     \
	   "{\"198.51.100.7\", \"[2001:db8::7]:443\"} }"                   \
	   "caps { rate-per-user = \"4Mbit/s\" burst-per-user = 100ms "    \
	   "rate-per-allocation = \"1Mbit/s\" burst-per-allocation = 2kB " \
	   "quota-day = 10GB quota-month = 1TB quota-day-per-user = 1GB "  \
	   "quota-month-per-user = 9GB month-starts = '31 06:30' "         \
	   "time-zone = UTC at-quota = off trickle = \"64kbit/s\" }"       \
	   "network campus { prefixes = {\"198.18.0.0/15\"} "              \
	   "rate = \"20Mbit/s\" burst = 10ms quota-day = 5GB "             \
	   "quota-month = 100GB counts-to-quota = no }"                    \
	   "network lab { prefixes = {\"198.18.7.0/24\", "                 \
	   "\"2001:db8:7::/48\"} relay = no }"                             \
	   "schedule night { days = 'fri-mon,wed' from = '20:00' "         \
	   "to = '06:00' rate = unlimited }"                               \
	   "schedule exams { from = '00:00' to = '24:00' relay = no }"     \
	   "auth { anonymous = yes "                                       \
	   "issuer login { jwks = 'keys/login.jwks' "                      \
	   "issuer = 'https://login.example.org' audience = supernode } "  \
	   "issuer oidc { jwks = 'http://[::1]:8080/jwks?a=b' "            \
	   "issuer = 'https://oidc' audience = sn name-claim = email } }"  \
	   "policy { sites = {example.edu, \"cs.example.edu\"} "           \
	   "resolver = '192.0.2.53' file = '/etc/site' }"                  \
	   "audit { file = /a subjects = hashed retention = 30d "          \
	   "on-failure = stop-relaying }"

static void
test_values_reach_their_fields(void **state)
{
	struct snapshot *s = load(WHOLE);
	char text[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(s->relay.members_only, SNAPSHOT_BOTH_ENDS);
	assert_string_equal(
	    addr_format(&s->relay.alternates.at[0], text), "198.51.100.7:3478");
	assert_string_equal(
	    addr_format(&s->relay.alternates.at[1], text), "[2001:db8::7]:443");
	assert_int_equal(s->caps.rate_per_user, 4000000);
	assert_int_equal(s->caps.burst_per_user, 50000);
	assert_int_equal(s->caps.rate_per_allocation, 1000000);
	assert_int_equal(s->caps.burst_per_allocation, 2000);
	assert_int_equal(s->caps.quota_day, 10 * 1000000000ll);
	assert_int_equal(s->caps.quota_month, 1000 * 1000000000ll);
	assert_int_equal(s->caps.user_quota_day, 1000000000);
	assert_int_equal(s->caps.user_quota_month, 9 * 1000000000ll);
	assert_int_equal(s->caps.month_day, 31);
	assert_int_equal(s->caps.day_minute, 6 * 60 + 30);
	assert_string_equal(s->caps.time_zone, "UTC");
	assert_int_equal(s->caps.at_quota, SNAPSHOT_OFF);
	assert_int_equal(s->caps.trickle, 64000);
	assert_string_equal(s->policy.sites.at[1], "cs.example.edu");
	assert_string_equal(
	    addr_format(&s->policy.resolver, text), "192.0.2.53:53");
	assert_string_equal(s->policy.file, "/etc/site");
	assert_string_equal(s->audit.file, "/a");
	assert_int_equal(s->audit.subjects, SNAPSHOT_SUBJECTS_HASHED);
	assert_int_equal(s->audit.retention_s, 30 * 86400);
	assert_int_equal(s->audit.on_failure, SNAPSHOT_STOP_RELAYING);
	snapshot_free(s);
}

static void
test_networks_hold_their_own_values(void **state)
{
	struct snapshot *s = load(WHOLE);
	const struct snapshot_network *n = s->networks;

	(void)state;
	assert_int_equal(s->network_count, 2);
	assert_string_equal(n[0].name, "campus");
	assert_int_equal(n[0].prefixes.count, 1);
	assert_int_equal(n[0].rate, 20000000);
	assert_int_equal(n[0].burst, 25000);
	assert_int_equal(n[0].quota_day, 5 * 1000000000ll);
	assert_int_equal(n[0].quota_month, 100 * 1000000000ll);
	assert_false(n[0].counts_to_quota);
	assert_true(n[0].relay);
	/* and defaults */
	assert_string_equal(n[1].name, "lab");
	assert_int_equal(n[1].prefixes.count, 2);
	assert_int_equal(n[1].rate, 0);
	assert_int_equal(n[1].burst, 0);
	assert_int_equal(n[1].quota_day, 0);
	assert_true(n[1].counts_to_quota);
	assert_false(n[1].relay);
	snapshot_free(s);
}

static void
test_schedules_hold_their_own_values(void **state)
{
	struct snapshot *s = load(WHOLE);
	const struct snapshot_schedule *w = s->schedules;

	(void)state;
	assert_int_equal(s->schedule_count, 2);
	assert_string_equal(w[0].name, "night");
	assert_int_equal(w[0].days, 0x75); /* all but Tuesday, Thursday */
	assert_int_equal(w[0].from, 20 * 60);
	assert_int_equal(w[0].to, 6 * 60);
	assert_true(w[0].has_rate);
	assert_int_equal(w[0].rate, 0);
	assert_true(w[0].relay);
	assert_int_equal(w[1].days, 0x7f);
	assert_int_equal(w[1].to, 24 * 60);
	assert_false(w[1].has_rate);
	assert_false(w[1].relay);
	snapshot_free(s);
}

static void
test_issuers_hold_their_own_values(void **state)
{
	struct snapshot *s = load(WHOLE);

	(void)state;
	assert_true(s->auth.anonymous);
	assert_int_equal(s->auth.issuer_count, 2);
	assert_string_equal(s->auth.issuers[0].title, "login");
	assert_string_equal(s->auth.issuers[0].jwks, "keys/login.jwks");
	assert_string_equal(
	    s->auth.issuers[0].issuer, "https://login.example.org");
	assert_string_equal(s->auth.issuers[0].audience, "supernode");
	assert_string_equal(s->auth.issuers[0].name_claim, "sub");
	/* a URL is not taken relative to the file */
	assert_string_equal(
	    s->auth.issuers[1].jwks, "http://[::1]:8080/jwks?a=b");
	assert_string_equal(s->auth.issuers[1].name_claim, "email");
	snapshot_free(s);
}

static char *
dump(const struct snapshot *s)
{
	char *text = NULL, *at;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	snapshot_dump(s, f);
	fclose(f);
	at = strstr(text, "\"***\"");
	assert_non_null(at);
	memcpy(at, "\"s\"  ", 5);
	return text;
}

static char *
diff(const struct snapshot *a, const struct snapshot *b)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	snapshot_diff(a, b, f);
	fclose(f);
	return text;
}

static void
test_a_dump_loads_again(void **state)
{
	struct snapshot *s = load(WHOLE), *again;
	char *text = dump(s), *second;

	(void)state;
	again = load(text);
	second = dump(again);
	assert_string_equal(text, second);
	assert_non_null(strstr(text, "days = \"mon,wed,fri-sun\""));
	assert_int_equal(again->schedules[1].has_rate, false);
	free(text);
	text = diff(s, again);
	assert_string_equal(text, "auth.secret: changed\n");
	free(text);
	free(second);
	snapshot_free(s);
	snapshot_free(again);
}

static void
test_a_difference_names_the_network(void **state)
{
	struct snapshot *a =
	    load(OK "network a { prefixes = {\"9.0.0.0/8\"} }"
		    "network b { prefixes = {\"8.0.0.0/8\"} }");
	struct snapshot *b =
	    load(OK "network c { prefixes = {\"9.0.0.0/8\"} }"
		    "network b { prefixes = {\"8.0.0.0/8\"} relay = no "
		    "quota-day = 1GB }");
	char *text = diff(a, b);

	(void)state;
	assert_string_equal(text,
	    "network c: added\n"
	    "network b.quota-day:  -> 1GB\n"
	    "network b.relay: true -> false\n"
	    "network a: removed\n");
	free(text);
	snapshot_free(a);
	snapshot_free(b);
}

static void
test_a_difference_names_the_issuer(void **state)
{
	struct snapshot *a =
	    load(OK "auth { issuer l { jwks = k issuer = i audience = a } }");
	struct snapshot *b =
	    load(OK "auth { issuer l { jwks = k issuer = i audience = b } "
		    "issuer m { jwks = k issuer = j audience = a } }");
	char *text = diff(a, b);

	(void)state;
	assert_string_equal(
	    text, "auth.issuer l.audience: a -> b\nauth.issuer m: added\n");
	free(text);
	text = diff(b, a);
	assert_non_null(strstr(text, "auth.issuer m: removed\n"));
	free(text);
	snapshot_free(a);
	snapshot_free(b);
}

static void
test_networks_change_without_a_restart(void **state)
{
	struct snapshot *a = load(OK), *b = load(WHOLE);
	char why[SNAPSHOT_ERROR_MAX];

	(void)state;
	assert_int_equal(snapshot_may_replace(a, b, why), 0);
	snapshot_free(a);
	snapshot_free(b);
}

static void
test_loading_survives_every_failing_allocation(void **state)
{
	char why[SNAPSHOT_ERROR_MAX];
	struct snapshot *s = NULL;
	int rc = EINVAL;
	long n;

	(void)state;
	for (n = 0; rc != 0 && n < 1000; n++) {
		mem_fail_at(n);
		rc = snapshot_load_text(&s, "t", WHOLE, why);
		mem_fail_at(-1);
		if (rc != 0)
			assert_non_null(strstr(why, "out of memory"));
	}
	assert_int_equal(rc, 0);
	assert_true(n > 40);
	snapshot_free(s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_input_is_refused_by_line_and_key),
		cmocka_unit_test(test_defaults_ask_for_nothing),
		cmocka_unit_test(test_values_reach_their_fields),
		cmocka_unit_test(test_networks_hold_their_own_values),
		cmocka_unit_test(test_schedules_hold_their_own_values),
		cmocka_unit_test(test_issuers_hold_their_own_values),
		cmocka_unit_test(test_a_dump_loads_again),
		cmocka_unit_test(test_a_difference_names_the_issuer),
		cmocka_unit_test(test_a_difference_names_the_network),
		cmocka_unit_test(test_networks_change_without_a_restart),
		cmocka_unit_test(
		    test_loading_survives_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
