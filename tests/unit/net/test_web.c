#include "tests/unit/net/web_bed.h"

#include "net/conn.h"

static void
both(void (*test)(bool tls))
{
	test(false);
	test(true);
}

static void
echo(struct web_bed *t, const struct net_web_data *d)
{
	assert_int_equal(net_web_send_part(t->web, d), 0);
}

/* ---- messages */

static void
check_echo(bool tls)
{
	static const size_t lengths[] = { 0, 1, 125, 126, 127, 1000, 4096,
		16384, 65535, 65536 };
	static uint8_t data[65536];
	struct web_bed *t = web_bed_opened(tls);

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = bed_pattern(i);
	t->on_message = echo;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		t->so_far = 0;
		web_bed_send(t, WS_BINARY, true, data, lengths[i]);
		web_bed_expect(t, WS_BINARY, data, lengths[i]);
		assert_int_equal(t->messages, i + 1);
		assert_true(t->last.is_last);
		assert_int_equal(t->last.kind, NET_WEB_BINARY);
		assert_int_equal(t->last.len, lengths[i]);
		assert_memory_equal(t->message, data, lengths[i]);
	}
	assert_true(t->bed->wire[STATS_IN][STATS_CLIENT_SIGNALLING] > 153000);
	assert_true(t->bed->wire[STATS_OUT][STATS_CLIENT_SIGNALLING] > 153000);
	assert_int_equal(bed_counter(t->bed, STATS_WEBSOCKETS), 1);
	web_bed_free(t);
}

static void
test_messages_of_all_lengths_pass(void **state)
{
	(void)state;
	both(check_echo);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_messages_of_all_lengths_pass),
};

int
main(void)
{
	return BED_RUN(tests);
}
