/*
 * audit_subject: a user or an address as audit.subjects wants it shown:
 * in full, as a pseudonym that is the same on every line, or not at all.
 */
#ifndef RELAY_AUDIT_SUBJECT_H
#define RELAY_AUDIT_SUBJECT_H

#include <jansson.h>
#include <stddef.h>

#include "relay/snapshot.h"

struct addr;
struct audit_key;

struct audit_subject {
	enum snapshot_subjects how;
	const struct audit_key *key; /* borrowed */
};

/* NULL: not at all (or memory is short); else the caller's.  The pseudonym
 * of an address does not depend on its port. */
json_t *
audit_subject_user(const struct audit_subject *s, const char *user, size_t len);
json_t *audit_subject_addr(const struct audit_subject *s, const struct addr *a);

/* Replaces the members user, client and address of detail. */
void audit_subject_hide(const struct audit_subject *s, json_t *detail);

#endif
