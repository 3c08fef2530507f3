/*
 * handshake: what the opening of a WebSocket is checked by (RFC 6455,
 * section 4).  Pure.
 */
#ifndef COMMON_WS_HANDSHAKE_H
#define COMMON_WS_HANDSHAKE_H

#include <stdbool.h>

enum {
	WS_KEY_LEN = 24,        /* base64 of 16 bytes */
	WS_ACCEPT_MAX = 28 + 1, /* base64 of SHA-1, and NUL */
};

/* Is text a Sec-WebSocket-Key: 16 bytes in canonical base64? */
bool ws_key_is_valid(const char *text);
/* Writes the Sec-WebSocket-Accept that answers key.  Returns out. */
const char *ws_key_accept(char out[WS_ACCEPT_MAX], const char *key);

/* Does the comma-separated list hold token?  Case is ignored. */
bool ws_list_has(const char *list, const char *token);

#endif
