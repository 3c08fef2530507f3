/*
 * share: how much of a limit is fair for each of its users, looked at ten
 * times a second from what they offered.
 */
#ifndef RELAY_BUDGET_SHARE_H
#define RELAY_BUDGET_SHARE_H

#include "budget/limit.h"

/*
 * Looks when it is due; else, and while another thread looks, nothing.  Any
 * thread, at the end of a turn: takes the locks of the limit's users.
 */
void budget_share_look(struct budget_limit *l, int64_t now);
/* The cap binds: look again soon if half of the reserve is gone, for then
 * somebody has come whose demand is not known yet. */
void budget_share_hurry(
    struct budget_limit *l, const struct budget_rate *r, int64_t now);

#endif
