/* The networks of the host, which outlive configurations. */
#include <string.h>

#include "budget/own.h"
#include "common/log.h"
#include "common/mem.h"

struct budget_network *
budget_network_find(struct budget_host *h, const char *name)
{
	struct budget_network *n = atomic_load(&h->networks);

	while (n != NULL && strcmp(n->name, name) != 0)
		n = atomic_load(&n->next);
	return n;
}

struct budget_network *
budget_network_get(struct budget_host *h, const char *name)
{
	struct budget_network *n = budget_network_find(h, name);
	const size_t len = strlen(name);

	if (n != NULL || len > SNAPSHOT_TITLE_MAX)
		return n;
	if ((n = mem_try_aligned(sizeof(*n))) == NULL)
		return NULL;
	if (budget_limit_init(&n->limit) != 0) {
		mem_free(n);
		return NULL;
	}
	memcpy(n->name, name, len);
	atomic_store(&n->counts, true);
	atomic_store(&n->next, atomic_load(&h->networks));
	atomic_store(&h->networks, n);
	return n;
}

/* That of the configuration, or the trickle if that is less. */
static void
set_rate(struct budget_host *h, struct budget_network *n)
{
	const uint64_t trickle = atomic_load(&h->trickle);
	uint64_t rate = n->conf_rate, burst = n->conf_burst;

	if (atomic_load(&n->state) == BUDGET_TRICKLE &&
	    (rate == 0 || trickle < rate)) {
		rate = trickle;
		burst = budget_trickle_burst(trickle);
	}
	budget_limit_set(&n->limit, rate, burst);
}

static void
set(struct budget_host *h, struct budget_network *n,
    const struct snapshot_network *conf)
{
	atomic_store(&n->counts, conf->counts_to_quota);
	atomic_store(&n->is_configured, true);
	n->conf_rate = conf->rate;
	n->conf_burst = conf->burst;
	set_rate(h, n);
}

void
budget_network_apply(struct budget_host *h, const struct snapshot *conf)
{
	struct budget_network *n;

	for (n = atomic_load(&h->networks); n != NULL;
	     n = atomic_load(&n->next))
		atomic_store(&n->is_configured, false);
	for (size_t i = 0; i < conf->network_count; i++) {
		n = budget_network_get(h, conf->networks[i].name);
		if (n != NULL)
			set(h, n, &conf->networks[i]);
		else
			log_error("budget: no memory for a network, nothing "
				  "is relayed for it network=%s",
			    conf->networks[i].name);
	}
	atomic_store(&h->has_networks, conf->network_count > 0);
}

void
budget_network_free_all(struct budget_host *h)
{
	struct budget_network *n = atomic_load(&h->networks), *next;

	for (; n != NULL; n = next) {
		next = atomic_load(&n->next);
		budget_limit_fini(&n->limit);
		mem_free(n);
	}
}

/* ---- accounts */

void
budget_host_networks(struct budget_host *h, budget_account_fn *fn, void *arg)
{
	struct budget_network *n = atomic_load(&h->networks);

	for (; n != NULL; n = atomic_load(&n->next)) {
		const struct budget_limit *l = &n->limit;
		struct budget_account a = { .name = n->name,
			.len = strlen(n->name),
			.dropped = atomic_load(&n->dropped),
			.state = (enum budget_state)atomic_load(&n->state),
			.rate = atomic_load(&l->rate) };

		if (!atomic_load(&n->is_configured))
			continue;
		if (a.rate != 0 && atomic_load(&l->binds))
			a.share = atomic_load(&l->share);
		for (unsigned dir = 0; dir < STATS_DIRS; dir++)
			a.bytes[dir] = atomic_load(&n->bytes[dir]);
		fn(arg, &a);
	}
}

/* Has every worker look at states; they stay looked at. */
static void
note_state(struct budget_host *h, enum budget_state state)
{
	if (state == BUDGET_OPEN || atomic_exchange(&h->has_states, true))
		return;
	budget_limit_set(&h->limit, atomic_load(&h->limit.rate),
	    atomic_load(&h->limit.burst));
}

void
budget_host_set_network(
    struct budget_host *h, const char *name, enum budget_state state)
{
	struct budget_network *n = budget_network_find(h, name);

	if (n == NULL)
		return;
	if (atomic_exchange(&n->state, (int)state) != (int)state)
		set_rate(h, n);
	note_state(h, state);
}

static void
set_state(void *arg, struct budget_party *p)
{
	atomic_store(&p->state, *(const int *)arg);
}

void
budget_host_set_user(struct budget_host *h, const char *user, size_t len,
    enum budget_state state)
{
	int word = (int)state;

	budget_scope_find(h->limit.users, user, len, set_state, &word);
	note_state(h, state);
}
