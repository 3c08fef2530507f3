/* A ledger in a folder of its own, on a disk that fails when told to. */
#ifndef TESTS_UNIT_BUDGET_LEDGER_BED_H
#define TESTS_UNIT_BUDGET_LEDGER_BED_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "budget/ledger_file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/zone.h"

enum { AHEAD = 1000, DIR_MAX = 64, PATH_LEN = 128, FILE_LEN = 8192 };

/* ---- a disk that fails: the calls that make things last */

static int calls;      /* so far */
static int fail_from;  /* from this call on, -1: never */
static int fail_until; /* and again not from this one on */
static int fail_code;

static inline bool
fails(void)
{
	const int n = calls++;

	if (fail_from < 0 || n < fail_from || n >= fail_until)
		return false;
	errno = fail_code;
	return true;
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
	(void)fd; /* this test dies, the machine does not */
	return fails() ? -1 : 0;
}

int
fdatasync(int fd)
{
	(void)fd;
	return fails() ? -1 : 0;
}

int
rename(const char *from, const char *to)
{
	return fails()
	    ? -1
	    : (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

static inline void
disk_fails(int from, int until, int code)
{
	calls = 0;
	fail_from = from;
	fail_until = until;
	fail_code = code;
}

static inline void
disk_works(void)
{
	disk_fails(-1, -1, 0);
}

/* ---- a ledger in a folder of its own */

struct fixture {
	char dir[DIR_MAX];
	struct zone *zone;
	struct budget_calendar calendar;
	struct budget_ledger_file *file;
	struct budget_ledger *ledger;
	struct budget_ledger_found found;
	char why[BUDGET_LEDGER_WHY_MAX];
};

static inline int
setup(void **state)
{
	struct fixture *f = mem_must(1, sizeof(*f));

	disk_works();
	strcpy(f->dir, "/dev/shm/test_ledger.XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		strcpy(f->dir, "/tmp/test_ledger.XXXXXX");
	if ((f->dir[1] == 't' && mkdtemp(f->dir) == NULL) ||
	    zone_of_rule(&f->zone, "UTC0") != 0 ||
	    log_open(LOG_LEVEL_ERROR, "/dev/null") != 0)
		return -1;
	f->calendar = (struct budget_calendar){ f->zone, 1, 0 };
	*state = f;
	return 0;
}

static inline void
empty(const char *dir)
{
	char path[PATH_LEN + 256];
	struct dirent *e;
	DIR *d = opendir(dir);

	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		unlink(path);
	}
	closedir(d);
}

static inline void
shut(struct fixture *f)
{
	budget_ledger_file_close(f->file);
	budget_ledger_free(f->ledger);
	f->file = NULL;
	f->ledger = NULL;
}

static inline int
teardown(void **state)
{
	struct fixture *f = *state;

	disk_works();
	shut(f);
	empty(f->dir);
	rmdir(f->dir);
	zone_free(f->zone);
	mem_free(f);
	return 0;
}

static inline int
reopen(struct fixture *f)
{
	int rc;

	shut(f);
	rc = budget_ledger_file_open(&f->file, &f->found, f->dir, f->why);
	if (rc != 0)
		return rc;
	f->ledger = f->found.ledger;
	if (f->ledger == NULL)
		f->ledger = budget_ledger_new(&f->calendar, 0);
	return 0;
}

static inline uint64_t
used(const struct fixture *f)
{
	return budget_count_used(
	    &budget_ledger_host(f->ledger)->now[BUDGET_MONTH]);
}

static inline void
move(struct fixture *f, uint64_t bytes)
{
	const struct budget_count c = { .in = bytes, .counted = bytes };

	budget_ledger_add(f->ledger, budget_ledger_host(f->ledger), &c, 0);
	budget_ledger_add(
	    f->ledger, budget_ledger_user(f->ledger, "alice", 5), &c, 0);
}

/* Opens a ledger, moves 500 bytes under a charge of 1000, and dies. */
static inline void
live_and_die(struct fixture *f)
{
	assert_int_equal(reopen(f), 0);
	assert_int_equal(budget_ledger_file_save(f->file, f->ledger), 0);
	assert_int_equal(
	    budget_ledger_file_charge(f->file, f->ledger, AHEAD), 0);
	move(f, 500);
	assert_int_equal(budget_ledger_file_save(f->file, f->ledger), 0);
	shut(f);
}

static inline size_t
read_file(const struct fixture *f, const char *name, uint8_t data[FILE_LEN])
{
	char path[PATH_LEN];
	FILE *in;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	in = fopen(path, "rb");
	assert_non_null(in);
	n = fread(data, 1, FILE_LEN, in);
	fclose(in);
	return n;
}

static inline void
write_file(
    const struct fixture *f, const char *name, const void *data, size_t len)
{
	char path[PATH_LEN];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	out = fopen(path, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, len, out), len);
	fclose(out);
}

static inline void
remove_file(const struct fixture *f, const char *name)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	assert_int_equal(unlink(path), 0);
}

static inline bool
has_file(const struct fixture *f, const char *name)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return access(path, F_OK) == 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

#endif
