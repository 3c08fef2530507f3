/*
 * web: the page `GET /call`.  Its HTML, CSS and JavaScript are compiled in,
 * each file of this folder under its own name.
 *
 * No state.
 */
#ifndef RELAY_WEB_H
#define RELAY_WEB_H

#include <stdbool.h>

#include "net/web.h"

/*
 * Is r for the page, `/call` or below?  Then it is answered: 200, 304 (the
 * client has it), 404 (no such file) or 405 (neither GET nor HEAD).
 */
bool web_page_serve(struct net_web *w, const struct net_request *r);

#endif
