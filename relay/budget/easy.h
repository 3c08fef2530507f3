/*
 * easy: the usual packet: a datagram that no network, no account that is not
 * open and no shortage asks anything of.
 *
 * The meters of its user and allocation are told of it later, by a tab: what
 * one allocation passed since it was opened, in one turn.  While they have
 * more than half of their burst, a tab takes up to a BUDGET_PACE_PART of it;
 * below, packets take the long way and are told one by one.  So no meter is
 * overdrawn as long as BUDGET_PACE_PART / 2 tabs at most are open for one user:
 * those of 16 workers.
 */
#ifndef RELAY_BUDGET_EASY_H
#define RELAY_BUDGET_EASY_H

#include "budget/own.h"

/* Relays p as budget_relay; false: it is not easy, nothing was done. */
bool budget_easy_relay(struct budget *b, struct budget_chain *c,
    const struct budget_packet *p, int64_t now);
/* Tells the meters.  Before anybody else asks them, or their pace changes. */
void budget_easy_settle(struct budget *b);

#endif
