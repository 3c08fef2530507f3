/*
 * issuers_web: fetches key sets over HTTPS, by libcurl, several at once.
 *
 * OWNER: issuers' thread, but for issuers_web_wake.
 */
#ifndef RELAY_ISSUERS_WEB_H
#define RELAY_ISSUERS_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

struct issuers_web;
struct issuers_web_call; /* one fetch under way */

struct issuers_web_answer {
	const char *why;  /* NULL: it was fetched; else a sentence */
	const char *text; /* terminated; until the call returns */
	size_t len;
	int64_t max_age_s; /* as Cache-Control says; -1: it does not */
};
/* Ends the call: it must not be cancelled any more. */
typedef void issuers_web_fn(void *arg, const struct issuers_web_answer *a);

/* Returns 0 or ENOMEM. */
MUST_CHECK int issuers_web_open(struct issuers_web **out);
/* Calls under way are not answered.  NULL is legal. */
void issuers_web_close(struct issuers_web *w);

/* Fetches url: nothing but 200 counts, no redirection is followed, at most
 * KEYSET_BYTES_MAX within ISSUERS_FETCH_S.  Returns NULL when memory is
 * short. */
struct issuers_web_call *issuers_web_get(
    struct issuers_web *w, const char *url, issuers_web_fn *fn, void *arg);
void issuers_web_cancel(struct issuers_web *w, struct issuers_web_call *c);

/* Does what is to be done, waits for more of it or for a wake, ms at most. */
void issuers_web_wait(struct issuers_web *w, int ms);
/* Any thread. */
void issuers_web_wake(struct issuers_web *w);

/* What max-age a header line states; -1: none.  Pure. */
int64_t issuers_web_max_age(const char *line, size_t len);

#endif
