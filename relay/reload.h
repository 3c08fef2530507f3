/*
 * reload: a new configuration while serving, all or nothing.
 *
 * The file is loaded and checked by the main thread, handed to every worker
 * and the old one freed when the last of them has let go.
 */
#ifndef RELAY_RELOAD_H
#define RELAY_RELOAD_H

#include "common/code.h"

struct reload;
struct server;

enum { RELOAD_TEXT_MAX = 8192 };

/*
 * Begins one.  Returns 0 and the changed keys in text, a line each; EINVAL
 * and what is wrong with the file (which changes nothing); EBUSY when one is
 * under way: another follows it; ENOMEM.  Logs either way.
 */
MUST_CHECK int reload_begin(struct server *s, char text[RELOAD_TEXT_MAX]);

/* After the workers have ended: frees what was in flight.  NULL is legal. */
void reload_free(struct reload *r);

#endif
