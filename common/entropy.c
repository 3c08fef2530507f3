#include "common/entropy.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/rand.h>

void
entropy_fill(void *out, size_t len)
{
	assert(len <= INT_MAX);
	if (RAND_bytes(out, (int)len) == 1)
		return;
	fputs("entropy: random generator failed\n", stderr);
	abort();
}

/*
 * Lemire's multiply and shift: the high half of r * limit is the result,
 * uniform once the first 2^32 mod limit values of the low half are refused.
 */
uint32_t
entropy_below(uint32_t limit)
{
	uint32_t r, refuse;
	uint64_t wide;

	assert(limit > 0);
	refuse = (uint32_t)-limit % limit;
	do {
		entropy_fill(&r, sizeof(r));
		wide = (uint64_t)r * limit;
	} while ((uint32_t)wide < refuse);
	return (uint32_t)(wide >> 32);
}
