/*
 * chain: lines of JSON of which none can be changed, taken out, added or
 * moved unseen.
 *
 *	{"seq":7,"time":"...","event":"...",...,"hash":"<64 digits>"}
 *
 * hash is SHA-256 over the hash of the line before and this line's bytes up
 * to ,"hash":.  Each file begins with a line "open" that repeats the hash
 * before it and names the public key.  A line "checkpoint" carries an Ed25519
 * signature over the hash before it: who rewrites a line and all hashes behind
 * it cannot rewrite that.  Pure; a line here has no newline.
 */
#ifndef COMMON_CHAIN_H
#define COMMON_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"
#include "common/signature.h"

enum {
	CHAIN_HASH_LEN = 32,
	CHAIN_LINE_MAX = 8 * 1024,
	CHAIN_TIME_MAX = 32,
};

/* The last line there is; seq 0: none. */
struct chain {
	uint64_t seq;
	uint8_t hash[CHAIN_HASH_LEN];
};

/* What a signature vouches for: the chain up to a line, that one too. */
struct chain_seal {
	struct chain at;
	uint8_t signature[SIGNATURE_LEN];
};

/* "2026-11-23T20:31:05.123Z" */
const char *chain_time(int64_t wall_ms, char out[CHAIN_TIME_MAX]);

/*
 * Appends to c and writes the whole line: event, then members, which is the
 * inside of a JSON object ("" or "\"a\":1,\"b\":2") on one line.  Returns its
 * length, or 0 when it would be longer than CHAIN_LINE_MAX: c stays.
 */
size_t chain_append(struct chain *c, char out[CHAIN_LINE_MAX + 1],
    const char *time, const char *event, const char *members);

/* Signs c as it stands.  Returns 0 or ENOMEM. */
MUST_CHECK int chain_sign(struct chain_seal *out, const struct chain *c,
    const uint8_t seed[SIGNATURE_SEED_LEN]);
bool chain_is_signed(
    const struct chain_seal *s, const uint8_t key[SIGNATURE_PUBLIC_LEN]);

/* Reads seq and hash of a line, unproved.  Returns 0 or EINVAL. */
MUST_CHECK int chain_read(struct chain *out, const char *line, size_t len);

/* A seal as one line of JSON, and back.  Returns 0 or EINVAL. */
enum { CHAIN_SEAL_MAX = 320 };
const char *
chain_seal_write(const struct chain_seal *s, char out[CHAIN_SEAL_MAX]);
MUST_CHECK int chain_seal_read(struct chain_seal *out, const char *text);

/* ---- checking */

enum chain_fault {
	CHAIN_GOOD,
	CHAIN_NO_LINE,       /* no line of a chain at all */
	CHAIN_CHANGED,       /* this line, or the one before it */
	CHAIN_MISSING,       /* lines before this one */
	CHAIN_MOVED,         /* this line stood elsewhere, or twice */
	CHAIN_NOT_OPEN,      /* the first line is no "open" */
	CHAIN_OTHER_KEY,     /* "open" names another than was given */
	CHAIN_BAD_SIGNATURE, /* lines since the last checkpoint changed */
	CHAIN_CUT,           /* the end is missing: a seal tells of more */
};

struct chain_check {
	struct chain at; /* the last line that was fed */
	bool has_key;
	uint8_t key[SIGNATURE_PUBLIC_LEN];
	bool is_key_given;   /* not taken from the first line */
	uint64_t first;      /* seq of the first line; 0: none was fed */
	uint64_t sealed_seq; /* the last checkpoint; 0: none yet */
	uint64_t expected;   /* with CHAIN_MISSING and CHAIN_MOVED: seq */
	bool has_seal;       /* from elsewhere */
	bool met_seal;       /* its line was fed, and is as it was */
	struct chain_seal seal;
};

/* key NULL: the one that the first line names. */
void chain_check_init(struct chain_check *k, const uint8_t *key);
/* Before the first line: more than the files should tell of the end. */
void chain_check_expect(struct chain_check *k, const struct chain_seal *s);
/* Goes on behind a fault, so that every one is found. */
enum chain_fault
chain_check_line(struct chain_check *k, const char *line, size_t len);
/* Behind the last line: what the seal that was expected says. */
enum chain_fault chain_check_end(const struct chain_check *k);

/* "line changed", ... */
const char *chain_fault_text(enum chain_fault f);

#endif
