#include "turn/refusals.h"

#include <string.h>

#include "common/mem.h"
#include "common/stun/msg.h"
#include "net/net.h"
#include "relay/stats.h"
#include "turn/request.h"

enum { LOOK_BACK = 16 }; /* for the same one */

struct turn_refusals {
	unsigned next; /* place of the next one */
	unsigned used;
	struct turn_refusal ring[TURN_REFUSALS_MAX];
};

struct turn_refusals *
turn_refusals_new(void)
{
	return mem_try(1, sizeof(struct turn_refusals));
}

void
turn_refusals_free(struct turn_refusals *r)
{
	mem_free(r);
}

/* The i-th latest, from 0. */
static unsigned
place(const struct turn_refusals *r, unsigned i)
{
	return (r->next + TURN_REFUSALS_MAX - 1 - i) % TURN_REFUSALS_MAX;
}

static bool
is_matter_of_course(const struct turn_request *rq, int code)
{
	return (code == 401 && rq->auth_failure == STATS_AUTH_CHALLENGED) ||
	    (code == 438 && rq->auth_failure == STATS_AUTH_STALE_NONCE);
}

/* Who asked: proved, or as they say. */
static void
put_user(struct turn_refusal *out, const struct turn_request *rq)
{
	const struct stun_attr *said =
	    stun_msg_find(&rq->msg, STUN_ATTR_USERNAME);
	const void *user = NULL;
	size_t len = 0;

	if (rq->is_authenticated) {
		user = rq->id.user;
		len = rq->id.user_len;
	} else if (said != NULL) {
		user = said->value;
		len = said->len;
	}
	if (len > TURN_REFUSALS_USER_MAX)
		len = TURN_REFUSALS_USER_MAX;
	if (len > 0)
		memcpy(out->user, user, len);
	out->user_len = (uint8_t)len;
	out->is_proved = rq->is_authenticated;
}

static bool
is_same(const struct turn_refusal *a, const struct turn_refusal *b)
{
	return a->code == b->code && a->method == b->method &&
	    a->reason == b->reason && a->is_proved == b->is_proved &&
	    a->user_len == b->user_len &&
	    memcmp(a->user, b->user, a->user_len) == 0 &&
	    addr_equal_host(&a->client, &b->client);
}

void
turn_refusals_add(
    struct turn_refusals *r, const struct turn_request *rq, int code)
{
	struct turn_refusal one = { .at = rq->now,
		.client = rq->flow->client,
		.count = 1,
		.method = (uint16_t)rq->msg.method,
		.code = (int16_t)code };

	if (is_matter_of_course(rq, code))
		return;
	if (rq->auth_failure != STATS_AUTH_COUNT)
		one.reason = stats_auth_label(rq->auth_failure);
	put_user(&one, rq);
	for (unsigned i = 0; i < LOOK_BACK && i < r->used; i++) {
		struct turn_refusal *old = &r->ring[place(r, i)];

		if (!is_same(old, &one))
			continue;
		old->at = one.at;
		old->client = one.client;
		old->count += old->count < UINT32_MAX;
		return;
	}
	r->ring[r->next] = one;
	r->next = (r->next + 1) % TURN_REFUSALS_MAX;
	r->used += r->used < TURN_REFUSALS_MAX;
}

void
turn_refusals_each(
    const struct turn_refusals *r, turn_refusal_fn *fn, void *arg)
{
	for (unsigned i = 0; i < r->used; i++)
		fn(arg, &r->ring[place(r, i)]);
}
