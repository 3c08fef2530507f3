/*
 * entropy: the CSPRNG (OpenSSL's per-thread DRBG, seeded by the kernel).
 * Never returns weak bytes: failure ends the program.
 */
#ifndef COMMON_ENTROPY_H
#define COMMON_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

void entropy_fill(void *out, size_t len);
/* Uniform in [0, limit), without modulo bias; limit > 0. */
uint32_t entropy_below(uint32_t limit);

#endif
