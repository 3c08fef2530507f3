/*
 * issuers_source: one issuer: what its tokens say, and its keys, which come
 * from a file, or from a URL and are then kept in a file of node.state.
 *
 * Counted: whoever verifies by it holds it.  SHARED: lock source.
 */
#ifndef RELAY_ISSUERS_SOURCE_H
#define RELAY_ISSUERS_SOURCE_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/digest.h"
#include "common/mono.h"
#include "common/token/keyset.h"

struct issuers_web_call;
struct snapshot_issuer;

enum { ISSUERS_FAULT_MAX = 160 };

struct issuers_source {
	/* FROZEN */
	char *title;
	char *jwks;
	char *issuer;
	char *audience;
	char *name_claim;
	char *path; /* of the file: jwks, or where a URL's keys are kept */
	bool is_url;

	/* SHARED: atomic */
	_Atomic unsigned users;
	_Atomic bool is_wanted; /* a token named a key that is not there */
	_Atomic bool is_asked;  /* by a reload: look at once */

	pthread_rwlock_t lock; /* source: all up to the next line */
	struct keyset *keys;   /* ours; NULL: none yet */
	unsigned key_count;
	int64_t heard_s; /* wall clock: when they came; 0: never */
	char fault[ISSUERS_FAULT_MAX];   /* of the last look; "": none */
	struct stat stamp;               /* of the file that was read */
	uint8_t hash[DIGEST_SHA256_LEN]; /* of its text */

	/* OWNER: issuers' thread */
	bool is_known;  /* to the thread */
	mono_ms due;    /* the next look */
	mono_ms looked; /* the last one */
	unsigned failures;
	struct issuers_web_call *call; /* under way, or NULL */
};

/* Reads what its file holds.  state: node.state, borrowed.  Returns NULL when
 * memory is short. */
struct issuers_source *
issuers_source_new(const struct snapshot_issuer *conf, const char *state);
struct issuers_source *issuers_source_get(struct issuers_source *e);
void issuers_source_put(struct issuers_source *e); /* NULL is legal */

/* Was e made of the same words? */
bool issuers_source_is(
    const struct issuers_source *e, const struct snapshot_issuer *conf);

/* Copies the key of that name.  False: there is none. */
bool issuers_source_key(struct issuers_source *e, const char *kid,
    enum jws_alg alg, struct jws_key *out);

/* Is its file another than the one that was read? */
bool issuers_source_has_changed(struct issuers_source *e);
void issuers_source_read(struct issuers_source *e);
/* Takes over what was fetched, and keeps it.  Returns 0, or a code: the old
 * keys stay. */
MUST_CHECK int
issuers_source_take(struct issuers_source *e, const char *text, size_t len);
/* The last look failed: why, in words. */
void issuers_source_fail(struct issuers_source *e, const char *why);

bool issuers_source_fails(struct issuers_source *e);
json_t *issuers_source_json(struct issuers_source *e, int64_t now_s);

#endif
