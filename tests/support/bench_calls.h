/*
 * bench_calls: how many system calls a process makes, as the kernel's
 * tracepoint raw_syscalls:sys_enter counts them.
 */
#ifndef TESTS_SUPPORT_BENCH_CALLS_H
#define TESTS_SUPPORT_BENCH_CALLS_H

#include <stdint.h>

#include "common/code.h"

struct bench_calls;

/* Starts counting for all threads that pid has now.  Returns 0 or an errno:
 * it needs root and a mounted tracefs. */
MUST_CHECK int bench_calls_open(struct bench_calls **out, int pid);
void bench_calls_close(struct bench_calls *c);
uint64_t bench_calls_count(const struct bench_calls *c);

#endif
