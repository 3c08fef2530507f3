/* client: asks the server over its control socket. */
#ifndef RELAY_CTL_CLIENT_H
#define RELAY_CTL_CLIENT_H

#include <jansson.h>
#include <stddef.h>

#include "common/code.h"

enum { CTL_CLIENT_TIMEOUT_S = 15 };

/* Sends request (borrowed) and returns the answer in *out, owned by
 * the caller.  Returns 0, or an errno with a sentence in why. */
MUST_CHECK int ctl_client_ask(json_t **out, const char *path,
    const json_t *request, char *why, size_t why_size);

#endif
