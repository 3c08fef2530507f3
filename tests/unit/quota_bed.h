/* A quota over a budget with one worker, on a disk that is full when told. */
#ifndef TESTS_UNIT_QUOTA_BED_H
#define TESTS_UNIT_QUOTA_BED_H

#include "tests/unit/snapshot_bed.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "budget/budget.h"
#include "relay/consent.h"
#include "relay/quota.h"

enum { MB = 1000 * 1000, PACKET = 1000, WALL = 1795694400 /* 2026-11-26 */ };

/* ---- a disk that is full while told so */

static int disk_code;

static inline bool
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

static inline void
on_effect(void *arg, const struct consent_effect *now)
{
	(void)arg;
	(void)now;
}

static inline struct snapshot *
conf_of(const struct fixture *f, const char *caps)
{
	char text[1024];

	snprintf(text, sizeof(text),
	    "node { state = \"%s\" }\n" SECRET
	    "caps { rate = \"unlimited\"\n time-zone = \"UTC\"\n%s }\n",
	    f->dir, caps);
	return load(text);
}

/* Alice's allocation: 0, or 486. */
static inline int
admit(struct fixture *f)
{
	memset(&f->chain, 0, sizeof(f->chain));
	return budget_admit(f->budget, &f->chain, "alice", 5);
}

static inline void
start(struct fixture *f, const char *caps)
{
	int rc;

	f->conf = conf_of(f, caps);
	f->host = budget_host_new(f->conf);
	f->consent = consent_new(on_effect, NULL);
	f->wire = (struct quota_wire){ 0, 0 };
	f->quota = quota_new(f->host, f->consent, f->conf, &f->clock);
	assert_non_null(f->quota);
	f->stats = mem_try_aligned(sizeof(*f->stats));
	f->budget = budget_new(f->host, f->stats);
	rc = admit(f);
	assert_true(rc == 0 || rc == 486);
}

/* is_kill: as if by kill -9 */
static inline void
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

static inline int
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

static inline void
remove_file(const struct fixture *f, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	unlink(path);
}

static inline int
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

static inline void
tick(struct fixture *f)
{
	f->clock.now += QUOTA_TICK_MS;
	quota_tick(f->quota, &f->wire, &f->clock);
}

/* Until everything that is due at times was done. */
static inline void
settle(struct fixture *f)
{
	for (int i = 0; i < 100; i++)
		tick(f);
}

static inline void
wait_s(struct fixture *f, int64_t s)
{
	f->clock.wall_s += s;
	f->clock.boot_s += s;
	f->clock.now += s * 1000;
	tick(f);
}

/* Alice sends packets until a tick has passed bytes, or one does not; returns
 * what got through, in and out. */
static inline uint64_t
relay(struct fixture *f, uint64_t bytes)
{
	const struct budget_packet p = { .out = PACKET };
	uint64_t passed = 0;

	if (f->chain.user == NULL)
		return 0; /* not admitted */

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
static inline uint64_t
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

static inline uint64_t
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
static inline uint64_t
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

static inline const struct consent_say *
said(const struct fixture *f)
{
	return consent_get(f->consent, CONSENT_QUOTA);
}

static inline void
apply(struct fixture *f, const char *caps)
{
	struct snapshot *old = f->conf;

	f->conf = conf_of(f, caps);
	quota_configure(f->quota, f->conf, &f->clock);
	snapshot_free(old);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

#endif
