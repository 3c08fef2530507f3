/* stream: who may open one, how long it waits for its other end, and that
 * both ends are under the caps. */
#include "tests/unit/signalling/stream_bed.h"

static const unsigned near = 0;

static enum proto_code
refusal(void)
{
	const struct signal_party a = { "alice", 1 }, b = { "bob", 2 };
	struct signal_ticket_pair pair;
	enum proto_code why = PROTO_INTERNAL;

	assert_false(signal_stream_begin(&bed.s[0], &a, &b, &pair, &why));
	return why;
}

/* ---- may there be one? */

static void
test_the_gate_has_a_code_for_each_reason(void **state)
{
	(void)state;
	atomic_store(&bed.shared.gate, SIGNALLING_GATE_OFF);
	assert_int_equal(refusal(), PROTO_RELAY_OFF);
	atomic_store(&bed.shared.gate, SIGNALLING_GATE_QUOTA);
	assert_int_equal(refusal(), PROTO_QUOTA_EXHAUSTED);
	atomic_store(&bed.shared.gate, SIGNALLING_GATE_DRAIN);
	assert_int_equal(refusal(), PROTO_DRAINING);
	atomic_store(&bed.shared.gate, SIGNALLING_GATE_OPEN);
	bed.s[0].is_draining = true;
	assert_int_equal(refusal(), PROTO_DRAINING);
}

static void
test_a_session_asks_for_so_many_and_no_more(void **state)
{
	(void)state;
	for (int i = 0; i < SIGNAL_TICKET_OPEN_MAX; i++)
		bed_tickets("alice", "bob");
	assert_int_equal(refusal(), PROTO_RATE_LIMITED);
}

static void
test_a_shut_gate_takes_no_ticket(void **state)
{
	struct signal_ticket_pair t = bed_tickets("alice", "bob");

	(void)state;
	atomic_store(&bed.shared.gate, SIGNALLING_GATE_OFF);
	assert_int_equal(bed_come(0, t.of[0])->status, 403);
	atomic_store(&bed.shared.gate, SIGNALLING_GATE_QUOTA);
	assert_int_equal(bed_come(0, t.of[0])->status, 503);
	atomic_store(&bed.shared.gate, SIGNALLING_GATE_OPEN);
	assert_int_equal(bed_come(0, t.of[0])->status, 101);
}

static void
test_a_ticket_opens_one_websocket(void **state)
{
	struct signal_ticket_pair t = bed_tickets("alice", "bob");

	(void)state;
	assert_int_equal(bed_come(0, t.of[0])->status, 101);
	assert_int_equal(bed_come(1, t.of[0])->status, 410);
	assert_int_equal(bed_come(0, "AAAAAAAAAAAAAAAAAAAAAA")->status, 404);
	assert_int_equal(bed_come(0, "")->status, 404);
	assert_int_equal(bed_dropped(STATS_DROP_TICKET), 3);
	bed_pass(SIGNAL_TICKET_MS);
	assert_int_equal(bed_come(0, t.of[1])->status, 410);
}

static void
test_what_is_no_websocket_takes_no_ticket(void **state)
{
	struct signal_ticket_pair t = bed_tickets("alice", "bob");
	struct net_web *w = &bed.webs[bed.web_count++];
	char path[64];
	const struct net_request r = {
		.flow = &w->flow, .method = "GET", .path = path, .protocols = ""
	};

	(void)state;
	snprintf(path, sizeof(path), "/stream/%s", t.of[0]);
	signal_stream_request(&bed.s[0], w, &r);
	assert_int_equal(w->status, 426);
	assert_int_equal(bed_come(0, t.of[0])->status, 101);
}

static void
test_ends_count_as_allocations(void **state)
{
	struct signal_ticket_pair t;
	struct net_web *first = NULL;

	(void)state;
	for (unsigned i = 0; i < bed.conf.caps.allocations_per_user; i++) {
		t = bed_tickets("alice", "bob");
		first = bed_come(0, t.of[0]);
		assert_int_equal(first->status, 101);
	}
	t = bed_tickets("alice", "bob");
	assert_int_equal(bed_come(0, t.of[0])->status, 429);
	/* her place is free when one is gone */
	bed_leave(first, 1001);
	t = bed_tickets("alice", "bob");
	assert_int_equal(bed_come(0, t.of[0])->status, 101);
}

/* Who has come is not left waiting for someone that has no place. */
static void
test_who_waits_for_one_without_a_place_is_told(void **state)
{
	struct signal_ticket_pair t = bed_tickets("alice", "bob");
	struct net_web *a = bed_come(0, t.of[0]), *b = &bed.webs[1];

	(void)state;
	b->fails = true;
	assert_ptr_equal(bed_come(1, t.of[1]), b);
	assert_int_equal(b->status, 503);
	bed_turn();
	bed_pass(100);
	assert_int_equal(a->code, PROTO_CLOSE_DRAIN);
}

/* ---- waiting */

static void
test_an_end_waits_for_its_partner_until_the_ticket_ends(void **state)
{
	struct signal_ticket_pair t = bed_tickets("alice", "bob");
	struct net_web *w;

	(void)state;
	bed_pass(10 * 1000);
	w = bed_come(0, t.of[0]);
	bed_pass(20 * 1000);
	assert_int_equal(w->code, 0);
	bed_pass(2000);
	assert_int_equal(w->code, PROTO_CLOSE_TRY_LATER);
	assert_int_equal(bed_dropped(STATS_DROP_SPLICE_ALONE), 1);
	assert_int_equal(bed_come(1, t.of[1])->status, 410);
}

static void
test_an_end_that_answers_no_ping_is_closed(void **state)
{
	struct bed_pair p = bed_stream(state);

	for (int i = 0; i < 4; i++) {
		bed_pass(SIGNAL_STREAM_PING_MS + 20);
		if (p.b->ops != NULL)
			p.b->ops->pong(p.b->owner, NULL, 0);
	}
	assert_true(p.a->pings >= SIGNAL_STREAM_MISSED_MAX);
	assert_int_equal(p.a->code, PROTO_CLOSE_DRAIN);
	assert_int_equal(p.b->code, PROTO_CLOSE_DRAIN);
}

/* ---- being ended */

static void
test_a_kick_ends_the_streams_of_a_name(void **state)
{
	struct bed_pair p = bed_stream(state), q = bed_stream(state);

	assert_int_equal(signal_stream_kick(&bed.s[0], "eve", 3), 0);
	/* at the same worker the other ends go with them */
	assert_int_equal(signal_stream_kick(&bed.s[0], "alice", 5), 2);
	assert_int_equal(p.a->code, PROTO_CLOSE_POLICY);
	assert_int_equal(q.a->code, PROTO_CLOSE_POLICY);
	assert_int_equal(p.b->code, PROTO_CLOSE_DRAIN);
	assert_int_equal(q.b->code, PROTO_CLOSE_DRAIN);
}

static void
test_relaying_that_is_over_ends_all(void **state)
{
	struct bed_pair p = bed_stream(state);
	struct signal_ticket_pair t = bed_tickets("alice", "bob");
	struct net_web *w = bed_come(0, t.of[0]);

	signal_stream_end_all(&bed.s[0], PROTO_CLOSE_POLICY, "relaying is off");
	assert_int_equal(p.a->code, PROTO_CLOSE_POLICY);
	assert_true(p.b->code != 0);
	assert_int_equal(w->code, PROTO_CLOSE_POLICY);
	assert_int_equal(bed_come(1, t.of[1])->status, 410);
}

/* ---- caps */

static void
test_room_is_what_the_users_cap_leaves(void **state)
{
	struct bed_pair p;
	size_t room = 0;

	bed.conf.caps.rate_per_user = BED_RATE;
	bed.conf.caps.burst_per_user = 10000;
	budget_host_apply(bed.host, &bed.conf);
	p = bed_stream(state);
	assert_true(signal_stream_room(p.a->s, &p.a->flow, STATS_IN, &room));
	assert_in_range(room, 9000, 10000);
	signal_stream_charge(p.a->s, &p.a->flow, STATS_IN, 10000);
	signal_stream_charge(p.b->s, &p.b->flow, STATS_OUT, 10000);
	assert_true(signal_stream_room(p.a->s, &p.a->flow, STATS_IN, &room));
	assert_int_equal(room, 0);
	assert_true(signal_stream_room(p.b->s, &p.b->flow, STATS_OUT, &room));
	assert_int_equal(room, 0);
	bed.now += 5; /* 5000 bytes at 1 MB/s */
	assert_true(signal_stream_room(p.a->s, &p.a->flow, STATS_IN, &room));
	assert_in_range(room, 4000, 5000);
}

static void
test_other_flows_are_none_of_ours(void **state)
{
	struct net_flow flow = { .conn = NULL };
	size_t room = 7;

	(void)state;
	assert_false(signal_stream_room(&bed.s[0], &flow, STATS_IN, &room));
	assert_int_equal(room, 7);
	signal_stream_charge(&bed.s[0], &flow, STATS_IN, 100);
}

struct seen {
	uint64_t in, out;
};

static void
see(void *arg, const struct budget_account *a)
{
	struct seen *seen = arg;

	if (a->len == 5 && memcmp(a->name, "alice", 5) == 0)
		seen->in += a->bytes[STATS_IN];
	else
		seen->out += a->bytes[STATS_OUT];
}

static void
test_each_end_is_charged_to_its_user(void **state)
{
	struct bed_pair p = bed_stream(state);
	struct seen seen = { 0, 0 };

	signal_stream_charge(p.a->s, &p.a->flow, STATS_IN, 40000);
	signal_stream_charge(p.b->s, &p.b->flow, STATS_OUT, 50000);
	budget_host_users(bed.host, see, &seen);
	assert_int_equal(seen.in, 40000);
	assert_int_equal(seen.out, 50000);
}

static void
test_a_user_without_quota_is_cut(void **state)
{
	struct bed_pair p = bed_stream(state);

	struct signal_ticket_pair t = bed_tickets("alice", "bob");
	size_t room = 7;

	budget_host_set_user(bed.host, "bob", 3, BUDGET_BARRED);
	assert_true(signal_stream_room(p.b->s, &p.b->flow, STATS_IN, &room));
	assert_int_equal(room, 0);
	assert_int_equal(bed_come(0, t.of[1])->status, 429);
	bed_pass(1100);
	bed_pass(100);
	assert_int_equal(p.b->code, PROTO_CLOSE_QUOTA);
	assert_int_equal(p.a->code, PROTO_CLOSE_DRAIN);
}

static void
test_without_a_grant_there_is_no_room(void **state)
{
	struct bed_pair p = bed_stream(state);
	size_t room = 7;

	budget_host_quota(bed.host, true);
	assert_true(signal_stream_room(p.a->s, &p.a->flow, STATS_IN, &room));
	assert_int_equal(room, 0);
	budget_host_grant(bed.host, 20000);
	assert_true(signal_stream_room(p.a->s, &p.a->flow, STATS_IN, &room));
	assert_in_range(room, 1000, 20000);
}

#define TEST(test)                                              \
	{                                                       \
#test, test, bed_open, bed_close, (void *)&near \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_gate_has_a_code_for_each_reason),
		TEST(test_a_session_asks_for_so_many_and_no_more),
		TEST(test_a_shut_gate_takes_no_ticket),
		TEST(test_a_ticket_opens_one_websocket),
		TEST(test_what_is_no_websocket_takes_no_ticket),
		TEST(test_ends_count_as_allocations),
		TEST(test_who_waits_for_one_without_a_place_is_told),
		TEST(test_an_end_waits_for_its_partner_until_the_ticket_ends),
		TEST(test_an_end_that_answers_no_ping_is_closed),
		TEST(test_a_kick_ends_the_streams_of_a_name),
		TEST(test_relaying_that_is_over_ends_all),
		TEST(test_room_is_what_the_users_cap_leaves),
		TEST(test_other_flows_are_none_of_ours),
		TEST(test_each_end_is_charged_to_its_user),
		TEST(test_a_user_without_quota_is_cut),
		TEST(test_without_a_grant_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
