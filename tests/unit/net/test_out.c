#include "net/core.h"
#include "net/out.h"
#include "net/slots.h"
#include "tests/unit/net/bed.h"

/* A sending socket and one that receives. */
static void
open_pair(struct net_sock *s, int *to, struct addr *at)
{
	assert_int_equal(addr_parse(at, "127.0.0.1:0"), 0);
	*to = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(*to, &at->u.sa, addr_len(at)), 0);
	bed_name(*to, at);
	memset(s, 0, sizeof(*s));
	s->family = AF_INET;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
}

static void
push(struct bed *bed, struct net_sock *s, const struct addr *to, uint32_t tag)
{
	const struct net_out_packet p = { .to = *to, .kind = STATS_PEER };
	struct buf b;

	assert_true(net_buf(bed->net, &b, sizeof(tag)));
	memcpy(buf_put(&b, sizeof(tag)), &tag, sizeof(tag));
	net_out_push(bed->net->out, s, &p, &b);
}

static void
test_queue_that_is_full_sends_itself(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	struct net_sock a, b;
	struct addr at_a, at_b;
	int to_a, to_b;
	uint32_t got, next = 0;

	(void)state;
	open_pair(&a, &to_a, &at_a);
	open_pair(&b, &to_b, &at_b);
	/* 3 x the queue; readers keep up every 100 */
	for (uint32_t i = 0; i < 3 * OUT_QUEUE; i++) {
		push(bed, i % 2 == 0 ? &a : &b, i % 2 == 0 ? &at_a : &at_b, i);
		if (i % 100 != 99)
			continue;
		while (recv(to_a, &got, 4, MSG_DONTWAIT) == 4) {
			assert_int_equal(got, next); /* in order */
			next += 2;
		}
		while (recv(to_b, &got, 4, MSG_DONTWAIT) == 4)
			continue;
	}
	assert_true(next > OUT_QUEUE); /* some left already */
	net_turn_end(bed->net);
	while (recv(to_a, &got, 4, MSG_DONTWAIT) == 4)
		next += 2;
	assert_int_equal(next, 3 * OUT_QUEUE);
	/* every slot is back but those of the receive batch */
	assert_true(net_slots_spare(bed->net->slots) >= SLOT_COUNT - BATCH_MAX);
	assert_int_equal(
	    bed_counter(bed, STATS_SYSCALLS_SEND), 3 * OUT_QUEUE / OUT_BATCH);
	close(a.fd);
	close(b.fd);
	close(to_a);
	close(to_b);
	bed_free(bed);
}

static void
test_refused_packet_is_counted_and_the_rest_sent(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	struct net_sock s;
	struct addr at, bad;
	uint32_t got;
	int to;

	(void)state;
	open_pair(&s, &to, &at);
	bad = at;
	addr_set_port(&bad, 0); /* EINVAL */
	push(bed, &s, &at, 1);
	push(bed, &s, &bad, 2);
	push(bed, &s, &at, 3);
	net_turn_end(bed->net);
	assert_int_equal(recv(to, &got, 4, MSG_DONTWAIT), 4);
	assert_int_equal(got, 1);
	assert_int_equal(recv(to, &got, 4, MSG_DONTWAIT), 4);
	assert_int_equal(got, 3);
	assert_int_equal(bed_drops(bed, STATS_DROP_SEND_ERROR), 1);
	close(s.fd);
	close(to);
	bed_free(bed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue_that_is_full_sends_itself),
		cmocka_unit_test(
		    test_refused_packet_is_counted_and_the_rest_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
