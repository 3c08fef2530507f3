#include "tests/unit/snapshot_bed.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "budget/budget.h"
#include "relay/consent.h"
#include "relay/quota.h"

enum { MB = 1000 * 1000, PACKET = 1000, WALL = 1795694400 /* 2026-11-26 */ };

/* ---- a disk that is full while told so */

static int disk_code;

static bool
fails(void)
{
	errno = disk_code;
	return disk_code != 0;
}

ssize_t
write(int fd, const void *data, size_t len)
{
	return fails() ? -1 : syscall(SYS_write, fd, data, len);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	return fails() ? -1 : syscall(SYS_pwrite64, fd, data, len, at);
}

int
fsync(int fd)
{
	(void)fd;
	return 0;
}

int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}

/* ---- a quota over a budget with one worker */

struct fixture {
	char dir[64];
	struct snapshot *conf;
	struct budget_host *host;
	struct stats *stats;
	struct budget *budget;
	struct budget_chain chain;
	struct consent *consent;
	struct quota *quota;
	struct quota_clock clock;
	struct quota_wire wire;
};

static void
on_effect(void *arg, const struct consent_effect *now)
{
	(void)arg;
	(void)now;
}

static struct snapshot *
conf_of(const struct fixture *f, const char *caps)
{
	char text[1024];

	snprintf(text, sizeof(text),
	    "node { state = \"%s\" }\n" SECRET
	    "caps { rate = \"unlimited\"\n time-zone = \"UTC\"\n%s }\n",
	    f->dir, caps);
	return load(text);
}

static void
start(struct fixture *f, const char *caps)
{
	f->conf = conf_of(f, caps);
	f->host = budget_host_new(f->conf);
	f->consent = consent_new(on_effect, NULL);
	f->wire = (struct quota_wire){ 0, 0 };
	f->quota = quota_new(f->host, f->consent, f->conf, &f->clock);
	assert_non_null(f->quota);
	f->stats = mem_try_aligned(sizeof(*f->stats));
	f->budget = budget_new(f->host, f->stats);
	memset(&f->chain, 0, sizeof(f->chain));
	assert_int_equal(budget_admit(f->budget, &f->chain, "alice", 5), 0);
}

/* is_kill: as if by kill -9 */
static void
stop(struct fixture *f, bool is_kill)
{
	if (f->quota == NULL)
		return;
	budget_release(f->budget, &f->chain);
	budget_free(f->budget);
	if (!is_kill)
		quota_end(f->quota, &f->clock);
	quota_free(f->quota);
	consent_free(f->consent);
	budget_host_free(f->host);
	snapshot_free(f->conf);
	mem_free(f->stats);
	f->quota = NULL;
}

static int
setup(void **state)
{
	struct fixture *f = mem_must(1, sizeof(*f));

	disk_code = 0;
	strcpy(f->dir, "/tmp/test_quota.XXXXXX");
	if (mkdtemp(f->dir) == NULL ||
	    log_open(LOG_LEVEL_ERROR, "/dev/null") != 0)
		return -1;
	f->clock = (struct quota_clock){ 1000, WALL, 5000 };
	*state = f;
	return 0;
}

static void
remove_file(const struct fixture *f, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	unlink(path);
}

static int
teardown(void **state)
{
	static const char *const names[] = { "ledger", "ledger.charge",
		"ledger.charge.damaged", "ledger.2026-11", "ledger.2026-12" };
	struct fixture *f = *state;

	disk_code = 0;
	stop(f, true);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		remove_file(f, names[i]);
	rmdir(f->dir);
	mem_free(f);
	return 0;
}

static void
tick(struct fixture *f)
{
	f->clock.now += QUOTA_TICK_MS;
	quota_tick(f->quota, &f->wire, &f->clock);
}

/* Until everything that is due at times was done. */
static void
settle(struct fixture *f)
{
	for (int i = 0; i < 100; i++)
		tick(f);
}

static void
wait_s(struct fixture *f, int64_t s)
{
	f->clock.wall_s += s;
	f->clock.boot_s += s;
	f->clock.now += s * 1000;
	tick(f);
}

/* Alice sends packets until a tick has passed bytes, or one does not; returns
 * what got through, in and out. */
static uint64_t
relay(struct fixture *f, uint64_t bytes)
{
	const struct budget_packet p = { .out = PACKET };
	uint64_t passed = 0;

	while (passed < bytes) {
		if (!budget_take(f->budget, STATS_IN, STATS_CLIENT_UDP, PACKET,
			f->clock.now * 1000))
			break;
		f->wire.in += PACKET;
		if (!budget_relay(
			f->budget, &f->chain, &p, f->clock.now * 1000))
			break;
		if (!budget_take(f->budget, STATS_OUT, STATS_PEER, PACKET,
			f->clock.now * 1000))
			break;
		f->wire.out += PACKET;
		passed += 2 * PACKET;
	}
	tick(f);
	return passed;
}

/* Moves so much, a tick at a time. */
static uint64_t
relay_all(struct fixture *f, uint64_t bytes)
{
	uint64_t passed = 0;

	for (int i = 0; i < 10000 && passed < bytes; i++) {
		uint64_t part = bytes - passed;

		part = part > 100 * PACKET ? 100 * PACKET : part;
		passed += relay(f, part);
	}
	return passed;
}

static uint64_t
used(struct fixture *f, int period)
{
	json_t *all = quota_json(f->quota, &f->clock);
	const json_t *p =
	    json_array_get(json_object_get(all, "periods"), (size_t)period);
	const uint64_t n =
	    (uint64_t)json_integer_value(json_object_get(p, "used"));

	json_decref(all);
	return n;
}

/* Bytes of a user in this month's report, or of all. */
static uint64_t
reported(struct fixture *f, const char *user)
{
	char why[QUOTA_WHY_MAX];
	json_t *all = quota_report(f->quota, NULL, &f->clock, why);
	const json_t *row = json_object_get(all, "total");
	uint64_t n;

	if (user != NULL)
		row = json_array_get(json_object_get(all, "users"), 0);
	n = (uint64_t)json_integer_value(json_object_get(row, "bytes"));
	json_decref(all);
	return n;
}

static const struct consent_say *
said(const struct fixture *f)
{
	return consent_get(f->consent, CONSENT_QUOTA);
}

/* ---- tests */

static void
test_nothing_passes_beyond_the_quota(void **state)
{
	struct fixture *f = *state;
	uint64_t passed;

	start(f, "quota-day = \"4MB\" at-quota = \"signalling\"");
	assert_true(said(f)->relay);
	passed = relay_all(f, 10 * MB);
	assert_in_range(passed, 4 * MB - 70 * 1000, 4 * MB + 2 * PACKET);
	settle(f);
	assert_false(said(f)->relay);
	assert_non_null(strstr(said(f)->reason, "quota-day of 4MB"));
	assert_non_null(strstr(said(f)->reason, "2026-11-27T00:00:00"));
	assert_true(relay(f, MB) == 0);
}

static void
test_a_trickle_goes_on(void **state)
{
	struct fixture *f = *state;

	start(f, "quota-day = \"2MB\" trickle = \"64kbit/s\"");
	relay_all(f, 3 * MB);
	settle(f);
	assert_true(said(f)->relay);
	assert_int_equal(said(f)->rate, 64000);
	/* the rate is consent's; what it lets through is charged all the same
	 */
	assert_true(relay_all(f, MB) == MB);
	assert_true(used(f, 0) >= 3 * MB);
}

static void
test_off_lets_nothing_through(void **state)
{
	struct fixture *f = *state;

	start(f, "quota-month = \"2MB\" at-quota = \"off\"");
	relay_all(f, 3 * MB);
	settle(f);
	assert_false(said(f)->relay);
	assert_int_equal(said(f)->rate, 1);
	assert_non_null(strstr(said(f)->reason, "2026-12-01T00:00:00"));
}

static void
test_the_next_period_opens_it_again(void **state)
{
	struct fixture *f = *state;

	start(f, "quota-day = \"2MB\" at-quota = \"signalling\"");
	relay_all(f, 3 * MB);
	settle(f);
	assert_false(said(f)->relay);
	wait_s(f, 86400);
	settle(f);
	assert_true(said(f)->relay && relay_all(f, MB) == MB);
}

static void
test_a_jump_of_the_clock_does_not(void **state)
{
	struct fixture *f = *state;

	start(f, "quota-day = \"2MB\" at-quota = \"signalling\"");
	relay_all(f, 3 * MB);
	settle(f);
	f->clock.wall_s += 40 * 86400;
	settle(f);
	assert_false(said(f)->relay);
	f->clock.wall_s -= 80 * 86400;
	settle(f);
	assert_false(said(f)->relay);
	assert_true(relay(f, MB) == 0);
}

static void
test_kills_never_lose_a_byte(void **state)
{
	struct fixture *f = *state;
	uint64_t passed = 0;

	for (int i = 1; i <= 20; i++) {
		start(f, "quota-month = \"1GB\"");
		passed += relay_all(f, 300 * PACKET);
		stop(f, true);
		start(f, "quota-month = \"1GB\"");
		assert_in_range(
		    used(f, 1), passed, passed + (uint64_t)i * 2 * MB);
		stop(f, false);
	}
}

static void
test_an_orderly_end_is_exact(void **state)
{
	struct fixture *f = *state;
	uint64_t passed;

	start(f, "quota-month = \"1GB\"");
	passed = relay_all(f, 777 * PACKET);
	stop(f, false);
	start(f, "quota-month = \"1GB\"");
	assert_int_equal(used(f, 1), passed);
}

static void
test_a_full_disk_ends_relaying_and_says_so(void **state)
{
	struct fixture *f = *state;
	char *text = NULL;
	size_t size;
	FILE *out;

	start(f, "quota-month = \"1GB\"");
	relay_all(f, MB);
	disk_code = ENOSPC;
	assert_true(relay_all(f, 500 * (uint64_t)MB) < 40 * MB);
	settle(f);
	assert_false(said(f)->relay);
	assert_non_null(strstr(said(f)->reason, "No space left"));
	out = open_memstream(&text, &size);
	quota_metrics(f->quota, out);
	fclose(out);
	assert_non_null(strstr(text, "supernode_ledger_works 0\n"));
	free(text);
	disk_code = 0;
	settle(f);
	assert_true(said(f)->relay && relay_all(f, MB) == MB);
}

static void
test_without_a_quota_a_full_disk_stops_nothing(void **state)
{
	struct fixture *f = *state;

	disk_code = EROFS;
	start(f, "");
	settle(f);
	assert_true(said(f)->relay);
	assert_true(relay_all(f, MB) == MB);
	disk_code = 0;
	settle(f);
	/* what moved meanwhile is not lost */
	assert_true(used(f, 1) >= MB);
}

static void
test_a_damaged_ledger_fails_closed_until_it_is_moved_away(void **state)
{
	struct fixture *f = *state;
	char path[128];
	FILE *out;

	start(f, "quota-month = \"1GB\"");
	relay_all(f, MB);
	stop(f, false);
	snprintf(path, sizeof(path), "%s/ledger", f->dir);
	out = fopen(path, "r+");
	fputs("x", out);
	fclose(out);
	start(f, "quota-month = \"1GB\"");
	settle(f);
	assert_false(said(f)->relay);
	assert_non_null(strstr(said(f)->reason, "checksum"));
	assert_true(relay(f, MB) == 0);
	remove_file(f, "ledger");
	remove_file(f, "ledger.charge");
	settle(f);
	assert_true(said(f)->relay);
}

static void
test_a_user_is_held_to_his_quota(void **state)
{
	struct fixture *f = *state;
	json_t *all;

	start(f, "quota-day-per-user = \"1MB\" at-quota = \"signalling\"");
	relay_all(f, 2 * MB);
	settle(f);
	assert_true(said(f)->relay);
	assert_true(relay(f, MB) == 0);
	/* and neither by coming back nor by a restart of the server */
	budget_release(f->budget, &f->chain);
	assert_int_equal(budget_admit(f->budget, &f->chain, "alice", 5), 0);
	assert_true(relay(f, MB) == 0);
	stop(f, false);
	start(f, "quota-day-per-user = \"1MB\" at-quota = \"signalling\"");
	settle(f);
	assert_true(relay(f, MB) == 0);
	all = quota_json(f->quota, &f->clock);
	assert_true(json_is_true(json_object_get(
	    json_array_get(json_object_get(all, "users"), 0), "used_up")));
	json_decref(all);
	wait_s(f, 86400);
	settle(f);
	assert_true(relay(f, MB / 2) >= MB / 2);
}

static void
test_what_a_user_moved_counts_once_however_often_he_leaves(void **state)
{
	struct fixture *f = *state;
	uint64_t passed = 0;

	start(f, "");
	for (int i = 0; i < 20; i++) {
		passed += relay_all(f, 137 * PACKET);
		settle(f);
		/* a chain tells its user a little later */
		assert_true(reported(f, "alice") <= passed);
		assert_true(
		    reported(f, "alice") + 2 * BUDGET_CHAIN_SLACK >= passed);
		budget_release(f->budget, &f->chain);
		memset(&f->chain, 0, sizeof(f->chain));
		assert_int_equal(
		    budget_admit(f->budget, &f->chain, "alice", 5), 0);
		passed += relay_all(f, 11 * PACKET);
	}
	budget_release(f->budget, &f->chain);
	settle(f);
	assert_int_equal(reported(f, "alice"), passed);
	assert_int_equal(reported(f, NULL), passed);
	memset(&f->chain, 0, sizeof(f->chain));
}

static void
test_warnings_come_at_80_and_95(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *line;
	} rows[] = {
		{ 3900 * 1000, "{period=\"day\"} 0\n" },
		{ 200 * 1000, "{period=\"day\"} 80\n" },
		{ 700 * 1000, "{period=\"day\"} 95\n" },
		{ 1000 * 1000, "{period=\"day\"} 100\n" },
	};
	struct fixture *f = *state;

	start(f, "quota-day = \"5MB\"");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		relay_all(f, rows[i].bytes);
		quota_metrics(f->quota, out);
		fclose(out);
		assert_non_null(strstr(text, rows[i].line));
		free(text);
	}
}

static void
test_months_are_reported_when_they_are_over(void **state)
{
	struct fixture *f = *state;
	char why[QUOTA_WHY_MAX];
	uint64_t passed;
	json_t *r;

	start(f, "quota-month = \"1GB\"");
	passed = relay_all(f, MB);
	settle(f);
	wait_s(f, 10 * 86400);
	settle(f);
	assert_int_equal(used(f, 1), 0);
	r = quota_report(f->quota, "2026-11", &f->clock, why);
	assert_non_null(r);
	assert_int_equal(json_integer_value(json_object_get(
			     json_object_get(r, "total"), "bytes")),
	    passed);
	assert_true(json_is_true(json_object_get(r, "complete")));
	json_decref(r);
	assert_null(quota_report(f->quota, "2026-10", &f->clock, why));
	assert_string_equal(why, "no report of 2026-10 is kept");
	assert_null(quota_report(f->quota, "November", &f->clock, why));
	r = quota_report(f->quota, NULL, &f->clock, why);
	assert_string_equal(
	    json_string_value(json_object_get(r, "month")), "2026-12");
	json_decref(r);
}

static void
apply(struct fixture *f, const char *caps)
{
	struct snapshot *old = f->conf;

	f->conf = conf_of(f, caps);
	quota_configure(f->quota, f->conf, &f->clock);
	snapshot_free(old);
}

static void
test_a_reload_changes_the_limit_at_once(void **state)
{
	struct fixture *f = *state;

	start(f, "quota-day = \"2MB\" at-quota = \"signalling\"");
	relay_all(f, 3 * MB);
	settle(f);
	assert_false(said(f)->relay);
	apply(f, "quota-day = \"5MB\" at-quota = \"signalling\"");
	settle(f);
	assert_true(said(f)->relay);
	assert_true(relay_all(f, 9 * MB) <= 3 * MB + 10 * PACKET);
	apply(f, "");
	settle(f);
	assert_true(said(f)->relay);
	assert_true(relay_all(f, 9 * MB) == 9 * MB);
	apply(f, "quota-day = \"5MB\" at-quota = \"signalling\"");
	settle(f);
	assert_false(said(f)->relay);
}

/* What the network around the host says: the stricter holds. */
static void
test_the_sites_month_holds_where_it_is_stricter(void **state)
{
	struct fixture *f = *state;

	start(f, "at-quota = \"signalling\"");
	assert_true(relay_all(f, 3 * MB) == 3 * MB);
	quota_site(f->quota, 5 * MB, &f->clock);
	settle(f);
	assert_true(said(f)->relay);
	assert_true(relay_all(f, 9 * MB) <= 2 * MB + 10 * PACKET);
	settle(f);
	assert_false(said(f)->relay);
	/* looser, then no word at all */
	quota_site(f->quota, 8 * MB, &f->clock);
	settle(f);
	assert_true(said(f)->relay);
	apply(f, "quota-month = \"6MB\" at-quota = \"signalling\"");
	settle(f);
	assert_true(relay_all(f, 9 * MB) <= 1 * MB + 10 * PACKET);
	settle(f);
	assert_false(said(f)->relay);
	apply(f, "");
	quota_site(f->quota, 0, &f->clock);
	settle(f);
	assert_true(relay_all(f, 9 * MB) == 9 * MB);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_passes_beyond_the_quota),
		TEST(a_trickle_goes_on),
		TEST(off_lets_nothing_through),
		TEST(the_next_period_opens_it_again),
		TEST(a_jump_of_the_clock_does_not),
		TEST(kills_never_lose_a_byte),
		TEST(an_orderly_end_is_exact),
		TEST(a_full_disk_ends_relaying_and_says_so),
		TEST(without_a_quota_a_full_disk_stops_nothing),
		TEST(a_damaged_ledger_fails_closed_until_it_is_moved_away),
		TEST(a_user_is_held_to_his_quota),
		TEST(what_a_user_moved_counts_once_however_often_he_leaves),
		TEST(warnings_come_at_80_and_95),
		TEST(months_are_reported_when_they_are_over),
		TEST(a_reload_changes_the_limit_at_once),
		TEST(the_sites_month_holds_where_it_is_stricter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
