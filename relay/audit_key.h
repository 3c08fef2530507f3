/*
 * audit_key: what the audit log is signed with, and what turns a subject into
 * a pseudonym.
 *
 * One file, made at the first start, mode 0600.  A damaged one is never
 * replaced: a log under a new key would hide what was done to the old one.
 */
#ifndef RELAY_AUDIT_KEY_H
#define RELAY_AUDIT_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/code.h"
#include "common/signature.h"

enum { AUDIT_KEY_SUBJECTS_LEN = 32 };

struct audit_key {
	uint8_t seed[SIGNATURE_SEED_LEN];
	uint8_t public_key[SIGNATURE_PUBLIC_LEN];
	uint8_t subjects[AUDIT_KEY_SUBJECTS_LEN];
};

/* Reads path, or makes it where it does not exist.  Returns 0; EINVAL
 * (damaged) or another errno, with a sentence in why. */
MUST_CHECK int audit_key_load(
    struct audit_key *out, const char *path, char *why, size_t why_size);
/* Forgets it. */
void audit_key_wipe(struct audit_key *k);

#endif
