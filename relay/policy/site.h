/*
 * site: what a network says about supernodes inside it.
 *
 *	v=supernode1; relay=no
 *	v=supernode1; rate=20Mbit/s; month=100GB; contact=noc@example.edu
 *
 * In DNS this is a TXT record of _supernode.<domain>; in a file a line, where
 * empty ones and those that begin with # say nothing.  Several records all
 * count: the strictest of each key holds.  Unknown keys are ignored.  What is
 * meant for us and cannot be understood is read as strictly as can be: it
 * says relay=no, and fault tells why.  Pure.
 */
#ifndef RELAY_POLICY_SITE_H
#define RELAY_POLICY_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	POLICY_SITE_CONTACT_MAX = 128,
	POLICY_SITE_FAULT_MAX = 160,
};

struct policy_site {
	unsigned records; /* that were meant for us; 0: nothing was said */
	bool relay;       /* may we? */
	uint64_t rate;    /* bit/s a direction, 0: nothing said */
	uint64_t month;   /* bytes, 0: nothing said */
	char contact[POLICY_SITE_CONTACT_MAX]; /* printable; "" none */
	char fault[POLICY_SITE_FAULT_MAX];     /* printable; "" none */
	bool is_newer; /* there was a record of another version */
};

/* Nothing was said. */
void policy_site_init(struct policy_site *s);
/* Adds a record, or all of a file. */
void policy_site_add(struct policy_site *s, const char *text, size_t len);
void policy_site_add_file(struct policy_site *s, const char *text, size_t len);
/* Behind the last record: a network that has words for later versions only
 * is read strictly. */
void policy_site_end(struct policy_site *s);

/* The stricter of both into sum. */
void policy_site_merge(struct policy_site *sum, const struct policy_site *one);

#endif
