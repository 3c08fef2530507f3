/* status_budget: who uses how much, for `supernodectl status`. */
#ifndef RELAY_STATUS_BUDGET_H
#define RELAY_STATUS_BUDGET_H

#include <jansson.h>

struct budget_host;

enum { STATUS_BUDGET_USERS = 10 };

/* Each network; NULL when memory is short. */
json_t *status_budget_networks(struct budget_host *h);
/* The users who have relayed most since their first allocation of those they
 * hold.  For the control socket: names are nobody else's business. */
json_t *status_budget_users(struct budget_host *h);

#endif
