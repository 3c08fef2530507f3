/*
 * reload: a new configuration while serving, all or nothing.
 *
 * The file is loaded and checked by the main thread, handed to every worker
 * and the old one freed when the last of them has let go.
 */
#ifndef RELAY_RELOAD_H
#define RELAY_RELOAD_H

#include "common/code.h"

struct net_tls;
struct reload;
struct server;
struct snapshot;

enum { RELOAD_TEXT_MAX = 8192 };

/*
 * Begins one.  Returns 0 and the changed keys in text, a line each; EINVAL
 * and what is wrong with the file (which changes nothing); EBUSY when one is
 * under way: another follows it; ENOMEM.  Logs either way.
 */
MUST_CHECK int reload_begin(struct server *s, char text[RELOAD_TEXT_MAX]);

/*
 * Hands conf, which was checked, to the workers, with the policy of now.
 * Takes conf and tls, whatever it returns; area, a constant, is for the log.
 * Returns 0, or ENOMEM and nothing has changed.  None may be under way.
 */
MUST_CHECK int reload_publish(struct server *s, const char *area,
    struct snapshot *conf, struct net_tls *tls);

/* After the workers have ended: frees what was in flight.  NULL is legal. */
void reload_free(struct reload *r);

#endif
