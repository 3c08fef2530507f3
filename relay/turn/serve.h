/*
 * serve: what each request does (RFC 8489, section 3; RFC 8656, sections 7
 * to 12).
 *
 * Each answers success itself and returns 0, or returns the code with which
 * it is to be refused.  Those but Binding are called authenticated, those
 * but Binding and Allocate with rq->alloc of the same user.
 */
#ifndef RELAY_TURN_SERVE_H
#define RELAY_TURN_SERVE_H

#include "common/code.h"

struct turn_request;

MUST_CHECK int turn_serve_binding(struct turn_request *rq);
/* 400, 403, 437, 440, 442, 486, 508 */
MUST_CHECK int turn_serve_allocate(struct turn_request *rq);
/* 400, 440, 443; the allocation may be gone afterwards. */
MUST_CHECK int turn_serve_refresh(struct turn_request *rq);
/* 400, 403, 443, 508; all peers or none */
MUST_CHECK int turn_serve_permission(struct turn_request *rq);
/* 400, 403, 443, 508 */
MUST_CHECK int turn_serve_channel(struct turn_request *rq);

#endif
