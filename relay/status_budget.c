#include "relay/status_budget.h"

#include <string.h>

#include "budget/budget.h"
#include "relay/stats.h"

/* A copy: accounts are shown under a lock, for the time of the call. */
struct top {
	struct user {
		struct budget_account account;
		char name[BUDGET_NAME_MAX];
	} user[STATUS_BUDGET_USERS];
	unsigned count;
};

static uint64_t
bytes_of(const struct budget_account *a)
{
	return a->bytes[STATS_IN] + a->bytes[STATS_OUT];
}

/* Keeps the largest, in falling order. */
static void
take_user(void *arg, const struct budget_account *a)
{
	struct top *t = arg;
	unsigned at = t->count;

	while (at > 0 && bytes_of(&t->user[at - 1].account) < bytes_of(a))
		at--;
	if (at == STATUS_BUDGET_USERS)
		return;
	if (t->count < STATUS_BUDGET_USERS)
		t->count++;
	memmove(&t->user[at + 1], &t->user[at],
	    (t->count - at - 1) * sizeof(t->user[0]));
	t->user[at].account = *a;
	if (t->user[at].account.len > BUDGET_NAME_MAX)
		t->user[at].account.len = BUDGET_NAME_MAX;
	memcpy(t->user[at].name, a->name, t->user[at].account.len);
}

static json_t *
rate_json(uint64_t bits)
{
	return bits == 0 ? json_null() : json_integer((json_int_t)bits);
}

static json_t *
account_json(const struct budget_account *a, const char *name)
{
	static const char *const states[] = { [BUDGET_OPEN] = "open",
		[BUDGET_TRICKLE] = "trickle",
		[BUDGET_BARRED] = "barred" };

	return json_pack("{s:s%,s:I,s:I,s:I,s:s,s:o,s:o}", "name", name, a->len,
	    "in_bytes", (json_int_t)a->bytes[STATS_IN], "out_bytes",
	    (json_int_t)a->bytes[STATS_OUT], "dropped", (json_int_t)a->dropped,
	    "state", states[a->state], "rate_bit_s", rate_json(a->rate),
	    "share_bit_s", rate_json(a->share));
}

static void
add_network(void *arg, const struct budget_account *a)
{
	json_array_append_new(arg, account_json(a, a->name));
}

json_t *
status_budget_networks(struct budget_host *h)
{
	json_t *networks = json_array();

	budget_host_networks(h, add_network, networks);
	return networks;
}

json_t *
status_budget_users(struct budget_host *h)
{
	json_t *users = json_array();
	struct top top = { 0 };

	budget_host_users(h, take_user, &top);
	for (unsigned i = 0; i < top.count; i++)
		json_array_append_new(users,
		    account_json(&top.user[i].account, top.user[i].name));
	return users;
}
