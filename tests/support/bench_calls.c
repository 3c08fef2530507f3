#include "tests/support/bench_calls.h"

#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/mem.h"

enum { THREADS_MAX = 64, PATH_BYTES = 64 };

struct bench_calls {
	int fds[THREADS_MAX];
	unsigned count;
};

static int
read_event_id(uint64_t *out)
{
	static const char path[] =
	    "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id";
	unsigned long long id;
	FILE *f = fopen(path, "re");
	int rc = ENOENT;

	if (f == NULL)
		return errno;
	if (fscanf(f, "%llu", &id) == 1) {
		*out = id;
		rc = 0;
	}
	fclose(f);
	return rc;
}

static int
count_thread(struct bench_calls *c, uint64_t event, int tid)
{
	struct perf_event_attr what = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(what),
		.config = event,
	};
	const long fd = syscall(
	    SYS_perf_event_open, &what, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return errno;
	c->fds[c->count++] = (int)fd;
	return 0;
}

static int
count_threads(struct bench_calls *c, uint64_t event, int pid)
{
	const struct dirent *d;
	char path[PATH_BYTES];
	DIR *tasks;
	int rc = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	if ((tasks = opendir(path)) == NULL)
		return errno;
	while (
	    rc == 0 && c->count < THREADS_MAX && (d = readdir(tasks)) != NULL) {
		if (d->d_name[0] != '.')
			rc = count_thread(c, event, atoi(d->d_name));
	}
	closedir(tasks);
	return rc;
}

int
bench_calls_open(struct bench_calls **out, int pid)
{
	struct bench_calls *c = mem_must(1, sizeof(*c));
	uint64_t event = 0;
	int rc;

	if ((rc = read_event_id(&event)) != 0 ||
	    (rc = count_threads(c, event, pid)) != 0) {
		bench_calls_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void
bench_calls_close(struct bench_calls *c)
{
	if (c == NULL)
		return;
	while (c->count > 0)
		close(c->fds[--c->count]);
	mem_free(c);
}

uint64_t
bench_calls_count(const struct bench_calls *c)
{
	uint64_t sum = 0, n;

	for (unsigned i = 0; i < c->count; i++) {
		if (read(c->fds[i], &n, sizeof(n)) == sizeof(n))
			sum += n;
	}
	return sum;
}
