/*
 * pair: two workers, and two clients of theirs who talk by the hairpin;
 * included once by each test of relay/turn/hairpin.c.
 */
#ifndef UNIT_TURN_PAIR_H
#define UNIT_TURN_PAIR_H

#include "relay/mailbox.h"
#include "tests/unit/turn/bed.h"
#include "turn/hairpin.h"

/* alice is worker 0's, bob worker 0's or 1's */
enum { PORT_MIN = 50000, BIG = 1900, NUMBER = 0x4001 };

static struct {
	struct stats stats;
	struct budget *budget;
	struct mailbox *mailbox;
	struct turn *turn;
} second;

static struct mailbox *first_mailbox;
static struct turn *first_turn;

static struct net_flow alice, bob;
/* as the world sees them, as they are bound */
static char alice_out[ADDR_TEXT_MAX], bob_out[ADDR_TEXT_MAX];
static struct addr alice_in, bob_in;

static inline struct turn *
make(unsigned worker, struct stats *stats, struct budget *budget,
    struct mailbox *mailbox)
{
	const struct turn_config config = { .net = &fake.net,
		.wheel = bed.wheel,
		.stats = stats,
		.budget = budget,
		.shared = bed.shared,
		.conf = &bed_conf,
		.policy = bed.policy,
		.worker = worker,
		.mailbox = mailbox };

	return turn_new(&config);
}

static inline int
set_up_at(uint16_t ports)
{
	bed_configure();
	bed_conf.node.workers = 2;
	bed_conf.relay.hairpin = true;
	bed_conf.relay.port_max = (uint16_t)(PORT_MIN + ports - 1);
	bed_open();
	turn_free(bed.turn);
	memset(&second, 0, sizeof(second));
	first_mailbox = mailbox_new(4);
	second.mailbox = mailbox_new(4);
	second.budget = budget_new(bed.host, &second.stats);
	first_turn = bed.turn = make(0, &bed.stats, bed.budget, first_mailbox);
	second.turn = make(1, &second.stats, second.budget, second.mailbox);
	alice = bob = bed.flow;
	bob.client = bed_addr("198.51.100.6:4000");
	return first_turn == NULL || second.turn == NULL ||
	    first_mailbox == NULL || second.mailbox == NULL;
}

static inline int
set_up(void **state)
{
	(void)state;
	return set_up_at(1000);
}

static inline int
set_up_two_ports(void **state)
{
	(void)state;
	return set_up_at(2);
}

static inline int
tear_down(void **state)
{
	int rc;

	turn_free(second.turn);
	bed.turn = first_turn;
	rc = bed_tear_down(state);
	budget_free(second.budget);
	mailbox_free(second.mailbox);
	mailbox_free(first_mailbox);
	return rc;
}

/* From now on the client of flow speaks, to t. */
static inline void
be(const struct net_flow *flow, struct turn *t)
{
	bed.flow = *flow;
	bed.turn = t;
}

static inline void
allocate(struct addr *in, char out[ADDR_TEXT_MAX])
{
	struct addr a;

	assert_int_equal(bed_allocate(), 0);
	a = bed_answer_addr(STUN_ATTR_XOR_RELAYED_ADDRESS);
	addr_format(&a, out);
	turn_ports_inside(bed.shared->ports, &a);
	*in = a;
}

/* Both allocate and let each other in; alice is to speak. */
static inline void
meet(struct turn *of_bob)
{
	be(&alice, first_turn);
	allocate(&alice_in, alice_out);
	be(&bob, of_bob);
	allocate(&bob_in, bob_out);
	assert_int_equal(bed_permit(alice_out), 0);
	be(&alice, first_turn);
	assert_int_equal(bed_permit(bob_out), 0);
	fake.sent_count = 0;
}

/* The end of both workers' turns: what one told the other is taken in. */
static inline void
turn_both(void)
{
	turn_turn_end(first_turn);
	turn_turn_end(second.turn);
	mailbox_drain(first_mailbox, NULL);
	mailbox_drain(second.mailbox, NULL);
}

static inline void
assert_indicated(const struct net_flow *to, const char *peer, const char *text)
{
	const struct addr from = bed_addr(peer);
	const struct addr shown = bed_answer_addr(STUN_ATTR_XOR_PEER_ADDRESS);
	const struct stun_attr *data;
	struct stun_msg m;

	assert_false(bed_last()->to_peer);
	assert_true(addr_equal(&bed_last()->flow.client, &to->client));
	bed_answer(&m);
	data = stun_msg_find(&m, STUN_ATTR_DATA);
	assert_int_equal(m.method, STUN_DATA);
	assert_true(addr_equal(&shown, &from));
	assert_non_null(data);
	assert_int_equal(data->len, strlen(text));
	assert_memory_equal(data->value, text, data->len);
}

static inline uint64_t
peer_bytes(const struct stats *s, enum stats_dir dir)
{
	return s->wire_bytes[dir][STATS_PEER];
}

/* Spends all that may pass in direction dir, by worker 0. */
static inline void
spend(enum stats_dir dir)
{
	while (
	    budget_take(bed.budget, dir, STATS_CLIENT_UDP, 1, bed.now * 1000))
		;
	bed.stats.drop[STATS_DROP_CAP_IN] = 0;
	bed.stats.drop[STATS_DROP_CAP_OUT] = 0;
}

#define HAIRPIN_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
