/*
 * tally: numbered test payloads, and what became of them.
 *
 *	"PRB1" | sender u32 | number u32 | flags u32 | sent us u64 | filler
 */
#ifndef TESTS_SUPPORT_TALLY_H
#define TESTS_SUPPORT_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	TALLY_HEADER = 24,
	TALLY_SENDERS = 16,
	TALLY_NUMBERS = 1 << 17, /* of one sender */
	TALLY_ECHOES = 1 << 17,  /* round trips kept */
};

struct tally_sender {
	uint32_t id; /* 0: free */
	uint8_t seen[TALLY_NUMBERS / 8];
};

struct tally {
	uint32_t id; /* ours */
	uint32_t sent;
	uint64_t received, dup, bytes, foreign; /* of others' payloads */
	uint64_t echoes;                        /* of ours that came back */
	uint64_t echo_dup;
	struct tally_sender echoed;
	struct tally_sender senders[TALLY_SENDERS];
	uint32_t trip_us[TALLY_ECHOES];
};

/* Writes our next payload; size >= TALLY_HEADER. */
void tally_next(struct tally *t, uint8_t *out, size_t size, int64_t now_us);

/* Counts a payload that arrived.  Returns true when it is another's first
 * sight and not an echo: the caller may then echo it. */
bool
tally_count(struct tally *t, const uint8_t *data, size_t len, int64_t now_us);
/* Marks a payload as an echo in place. */
void tally_make_echo(uint8_t *data);

/* "sent=.. received=.. lost=..": one line without its end; lost and the round
 * trips count echoes. */
void tally_print(struct tally *t, FILE *out);
void tally_reset(struct tally *t);

#endif
