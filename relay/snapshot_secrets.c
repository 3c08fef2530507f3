#include <string.h>

#include "relay/snapshot.h"

/* A file of its own: who asks only this needs none of the rest. */
bool
snapshot_has_same_secrets(const struct snapshot *a, const struct snapshot *b)
{
	if (a->auth.secret_count != b->auth.secret_count)
		return false;
	for (size_t i = 0; i < a->auth.secret_count; i++) {
		if (strcmp(a->auth.secrets[i], b->auth.secrets[i]) != 0)
			return false;
	}
	return true;
}
