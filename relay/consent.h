/*
 * consent: may this host relay now, and how fast: the strictest of all who
 * have a say, and whose word it was.
 *
 * The configuration, the operator (relay off, drain), the site (policy), the
 * schedule and the quota each say their own; none can loosen what another
 * says.  The schedule belongs to the configuration: while a window with a
 * rate is open, that rate stands in the place of caps.rate, but of none that
 * the operator gave while running.  OWNER: main.
 */
#ifndef RELAY_CONSENT_H
#define RELAY_CONSENT_H

#include <stdbool.h>
#include <stdint.h>

struct consent;

/* Who has a say, in the order in which a tie is named. */
enum consent_who {
	CONSENT_CONFIG,
	CONSENT_OPERATOR,
	CONSENT_DRAIN,
	CONSENT_SITE,
	CONSENT_SCHEDULE,
	CONSENT_QUOTA,
	CONSENT_AUDIT,
	CONSENT_WHOS
};

enum { CONSENT_REASON_MAX = 120 };

struct consent_say {
	bool relay;
	uint64_t rate;   /* bit/s a direction; 0: no opinion */
	bool is_instead; /* of the configuration's rate; 0: unlimited */
	bool is_firm;    /* the configuration's: nobody's stands in its place */
	char reason[CONSENT_REASON_MAX];
};

struct consent_effect {
	bool relay;
	enum consent_who relay_by; /* the first that says no; when !relay */
	unsigned refusing;         /* all that say no: bit 1 << consent_who */
	uint64_t rate;             /* 0: unlimited */
	enum consent_who rate_by;
	const char *relay_reason; /* "" when it relays */
	const char *rate_reason;  /* "" when there is no cap */
};

/* Called whenever the effect has changed. */
typedef void consent_fn(void *arg, const struct consent_effect *now);

/* All say yes, without a rate.  NULL when memory is short. */
struct consent *consent_new(consent_fn *fn, void *arg);
void consent_free(struct consent *c);

/* Copies say. */
void consent_set(
    struct consent *c, enum consent_who who, const struct consent_say *say);
const struct consent_say *
consent_get(const struct consent *c, enum consent_who who);
/* Valid until the next consent_set. */
const struct consent_effect *consent_effect(const struct consent *c);

/* "configuration", "operator", "drain", "site", ... */
const char *consent_who_name(enum consent_who who);

#endif
