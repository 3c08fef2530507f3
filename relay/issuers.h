/*
 * issuers: who may sign tokens (auth.issuer), and by which keys.
 *
 * Keys come from a file or a URL.  One thread of its own reads files that
 * changed and fetches URLs; what it fetched is kept, in memory and in
 * node.state, while the issuer is away.  A token with an unknown key lets it
 * look again.
 *
 * SHARED: lock issuers.
 */
#ifndef RELAY_ISSUERS_H
#define RELAY_ISSUERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/code.h"
#include "common/token/jws.h"
#include "relay/stats.h"

struct issuers;
struct snapshot;

enum {
	ISSUERS_CHECK_S = 60,      /* a file's time stamp is looked at */
	ISSUERS_AGE_MIN_S = 60,    /* bounds of a URL's max-age */
	ISSUERS_AGE_MAX_S = 86400, /* one day */
	ISSUERS_AGE_S = 900,       /* without one */
	ISSUERS_RETRY_S = 30,      /* after a failure, doubling */
	ISSUERS_RETRY_MAX_S = 900,
	ISSUERS_UNKNOWN_S = 10, /* between looks for an unknown key */
	ISSUERS_FETCH_S = 10,   /* that a fetch may take */
};

/* What a guest's name begins with, and no token's. */
#define ISSUERS_GUEST "guest-"

enum issuers_verdict {
	ISSUERS_GOOD,
	ISSUERS_BAD, /* malformed, forged, or not for us */
	ISSUERS_EXPIRED,
	ISSUERS_NOT_YET,
	ISSUERS_UNKNOWN_ISSUER,
	ISSUERS_UNKNOWN_KEY, /* it is being looked for: try again soon */
};

/* Whom a token stands for: a plain value.  subject.name is a legal name that
 * is no guest's: printable ASCII without blank, quote, backslash. */
struct issuers_identity {
	struct jws_subject subject;
	char kid[JWS_KID_MAX + 1];
	char issuer[64]; /* its title in the configuration */
};

/*
 * Reads what files and node.state hold.  base URLs are fetched once it was
 * started.  Returns NULL when memory is short.  Main thread, like start,
 * apply and free.
 */
struct issuers *issuers_new(const struct snapshot *conf);
/* Starts the thread.  Returns 0 or an errno. */
MUST_CHECK int issuers_start(struct issuers *s);
/* New configuration: files are read again, URLs fetched again.  Returns 0, or
 * ENOMEM: nothing has changed. */
MUST_CHECK int issuers_apply(struct issuers *s, const struct snapshot *conf);
/* Ends the thread; at most what a fetch under way needs to be cut off. */
void issuers_free(struct issuers *s);

/* Any thread; never waits for file or network.  *out is set only with
 * ISSUERS_GOOD.  A proof of possession (subject.binding) is the caller's to
 * ask for: jws_is_proved. */
enum issuers_verdict issuers_verify(struct issuers *s, const char *token,
    size_t len, int64_t now_s, struct issuers_identity *out);
/* As what a refusal is counted. */
enum stats_auth issuers_verdict_counter(enum issuers_verdict v);
/* In words, for clients. */
const char *issuers_verdict_text(enum issuers_verdict v);

/* An array for `supernodectl status`: title, keys, age, what is wrong.  Main
 * thread. */
json_t *issuers_json(struct issuers *s, int64_t now_s);
void issuers_metrics(struct issuers *s, FILE *out);

#endif
