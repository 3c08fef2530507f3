/*
 * fair: max-min fair share, by filling water: everybody gets what he asks
 * for, or the share, whichever is less, and the share is as high as the
 * capacity lasts.
 */
#ifndef RELAY_BUDGET_FAIR_H
#define RELAY_BUDGET_FAIR_H

#include <stddef.h>
#include <stdint.h>

/*
 * The share s with sum(min(demand[i], s)) = capacity, rounded down.  When
 * all of it together is less, what is spare comes evenly on top of the
 * largest demand; of nobody the share is the capacity.  demand is put in
 * another order.
 */
uint64_t budget_fair_share(uint64_t *demand, size_t count, uint64_t capacity);

#endif
