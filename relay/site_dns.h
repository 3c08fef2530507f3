/*
 * site_dns: asks for the TXT record _supernode.<domain>, by c-ares in the
 * main thread's loop: nothing blocks, ids and source ports are random, an
 * answer must fit its question, a truncated one is fetched by TCP.
 *
 * OWNER: main.
 */
#ifndef RELAY_SITE_DNS_H
#define RELAY_SITE_DNS_H

#include <stddef.h>
#include <stdint.h>

#include "common/code.h"
#include "policy/policy.h"

struct addr;
struct event_base;
struct site_dns;

enum site_dns_outcome {
	SITE_DNS_FOUND,  /* the name has TXT records; none may be for us */
	SITE_DNS_NONE,   /* it has none, or does not exist */
	SITE_DNS_FAILED, /* nobody knows: no answer, SERVFAIL, nonsense */
};

/* word is valid until return; why is for SITE_DNS_FAILED. */
typedef void site_dns_fn(void *arg, enum site_dns_outcome outcome,
    const struct policy_site *word, const char *why);

/* resolver NULL or none: those of the host.  Returns 0 or an errno, with a
 * sentence in why. */
MUST_CHECK int site_dns_open(struct site_dns **out, struct event_base *base,
    const struct addr *resolver, char *why, size_t why_size);
/* Questions under way are not answered.  NULL is legal. */
void site_dns_close(struct site_dns *d);

/* Calls fn once, perhaps before it returns. */
void site_dns_ask(
    struct site_dns *d, const char *domain, site_dns_fn *fn, void *arg);

/* What an answer from the network says.  Pure. */
enum site_dns_outcome site_dns_read(struct policy_site *out, const char **why,
    const uint8_t *answer, size_t len);

#endif
