/*
 * mono: the monotonic clock.
 *
 * Time is an argument everywhere else: only loops and mains call mono_now.
 */
#ifndef COMMON_MONO_H
#define COMMON_MONO_H

#include <stdint.h>

typedef int64_t mono_ms; /* CLOCK_MONOTONIC, milliseconds */

enum { MONO_NEVER_MS = INT32_MAX }; /* as a delay: no timer is set */

/* Now, in milliseconds and in microseconds. */
mono_ms mono_now(void);
int64_t mono_now_us(void);

/* Seconds since the machine started, those it was suspended included. */
int64_t mono_boot_s(void);

/* Wall clock in seconds since 1970, for credentials and nonces. */
int64_t mono_wall_s(void);
/* The same in milliseconds, for records. */
int64_t mono_wall_ms(void);

#endif
