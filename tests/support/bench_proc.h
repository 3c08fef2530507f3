/*
 * bench_proc: what a process has cost so far, as the kernel accounts it.
 */
#ifndef TESTS_SUPPORT_BENCH_PROC_H
#define TESTS_SUPPORT_BENCH_PROC_H

#include <stdint.h>
#include <time.h>

enum { BENCH_PROC_MAX = 4 };

/* Processes that are charged together: a server, and the kernel thread that
 * takes over its packets when a core is busy. */
struct bench_proc {
	int pids[BENCH_PROC_MAX];
	unsigned count;
};

static inline int64_t
bench_proc_now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* Time on a CPU, of all threads, user and kernel; from schedstat (ns), or
 * where the kernel has none from stat (ticks of 10 ms). */
int64_t bench_proc_cpu_ns(const struct bench_proc *p);
/* Time in which threads of the first process were ready and others ran. */
int64_t bench_proc_waited_ns(const struct bench_proc *p);
/* CPU time of the calling process. */
int64_t bench_proc_own_cpu_ns(void);
/* Resident memory of the first process; anonymous: without mapped files. */
int64_t bench_proc_rss(const struct bench_proc *p);
int64_t bench_proc_anonymous(const struct bench_proc *p);

#endif
