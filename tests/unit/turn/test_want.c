#include "tests/unit/turn/bed.h"
#include "turn/want.h"

enum { ATTRS_MAX = 4 };

/* An attribute of one byte that counts, of len bytes; type 0: none. */
struct attr {
	uint16_t type;
	uint8_t value;
	uint8_t len;
};

struct row {
	const char *what;
	struct attr attrs[ATTRS_MAX];
	int code;
};

#define TRANSPORT                                                    \
	{                                                            \
		STUN_ATTR_REQUESTED_TRANSPORT, STUN_TRANSPORT_UDP, 4 \
	}
#define REQUESTED  STUN_ATTR_REQUESTED_ADDRESS_FAMILY
#define ADDITIONAL STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY
#define EVEN       STUN_ATTR_EVEN_PORT
#define TOKEN                                                  \
	{                                                      \
		STUN_ATTR_RESERVATION_TOKEN, 1, STUN_TOKEN_LEN \
	}
#define PAIR 0x80

/* RFC 8656, section 7.2 */
static const struct row rows[] = {
	{ "nothing but the transport", { TRANSPORT }, 0 },
	{ "no transport", { { 0 } }, 400 },
	{ "a short transport", { { STUN_ATTR_REQUESTED_TRANSPORT, 17, 3 } },
	    400 },
	{ "TCP", { { STUN_ATTR_REQUESTED_TRANSPORT, 6, 4 } }, 442 },
	{ "IPv4", { TRANSPORT, { REQUESTED, 1, 4 } }, 0 },
	{ "IPv6", { TRANSPORT, { REQUESTED, 2, 4 } }, 0 },
	{ "a family nobody knows", { TRANSPORT, { REQUESTED, 3, 4 } }, 440 },
	{ "a short family", { TRANSPORT, { REQUESTED, 1, 2 } }, 400 },
	{ "both", { TRANSPORT, { ADDITIONAL, 2, 4 } }, 0 },
	{ "additional IPv4", { TRANSPORT, { ADDITIONAL, 1, 4 } }, 400 },
	{ "a short additional", { TRANSPORT, { ADDITIONAL, 2, 1 } }, 400 },
	{ "requested and additional",
	    { TRANSPORT, { REQUESTED, 1, 4 }, { ADDITIONAL, 2, 4 } }, 400 },
	{ "an even port", { TRANSPORT, { EVEN, 0, 1 } }, 0 },
	{ "a pair", { TRANSPORT, { EVEN, PAIR, 1 } }, 0 },
	{ "a long EVEN-PORT", { TRANSPORT, { EVEN, 0, 4 } }, 400 },
	{ "even ports of both",
	    { TRANSPORT, { EVEN, 0, 1 }, { ADDITIONAL, 2, 4 } }, 0 },
	{ "pairs of both",
	    { TRANSPORT, { EVEN, PAIR, 1 }, { ADDITIONAL, 2, 4 } }, 400 },
	{ "a token", { TRANSPORT, TOKEN }, 0 },
	{ "a short token", { TRANSPORT, { STUN_ATTR_RESERVATION_TOKEN, 1, 7 } },
	    400 },
	{ "a token and an even port", { TRANSPORT, TOKEN, { EVEN, 0, 1 } },
	    400 },
	{ "a token and a family", { TRANSPORT, TOKEN, { REQUESTED, 1, 4 } },
	    400 },
	{ "a token and another family",
	    { TRANSPORT, TOKEN, { ADDITIONAL, 2, 4 } }, 400 },
	{ "a short lifetime", { TRANSPORT, { STUN_ATTR_LIFETIME, 0, 2 } },
	    400 },
};

static struct stun_msg
build(struct bed_ask *q, const struct attr *attrs)
{
	struct stun_msg m;
	size_t len;

	bed_begin(q, STUN_ALLOCATE, STUN_REQUEST);
	for (unsigned i = 0; i < ATTRS_MAX && attrs[i].type != 0; i++) {
		const uint8_t bytes[STUN_TOKEN_LEN] = { attrs[i].value };

		stun_put(&q->pen, attrs[i].type, bytes, attrs[i].len);
	}
	len = stun_msg_end(&q->pen);
	assert_int_equal(stun_msg_parse(&m, q->mem, len), 0);
	return m;
}

static void
test_a_request_is_refused_as_the_rfc_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bed_ask q;
		struct turn_want want;
		const struct stun_msg m = build(&q, rows[i].attrs);
		const int code = turn_want_read(&want, &m);

		if (code != rows[i].code)
			fail_msg(
			    "%s: %d, not %d", rows[i].what, code, rows[i].code);
	}
}

static struct turn_want
read_one(struct bed_ask *q, const struct attr *attrs)
{
	const struct stun_msg m = build(q, attrs);
	struct turn_want want;

	assert_int_equal(turn_want_read(&want, &m), 0);
	return want;
}

static void
test_ipv4_is_meant_when_no_family_is_named(void **state)
{
	const struct attr plain[ATTRS_MAX] = { TRANSPORT };
	const struct attr six[ATTRS_MAX] = { TRANSPORT, { REQUESTED, 2, 4 } };
	const struct attr both[ATTRS_MAX] = { TRANSPORT, { ADDITIONAL, 2, 4 } };
	struct turn_want want;
	struct bed_ask q;

	(void)state;
	want = read_one(&q, plain);
	assert_true(want.v4 && !want.v6);
	want = read_one(&q, six);
	assert_true(!want.v4 && want.v6);
	want = read_one(&q, both);
	assert_true(want.v4 && want.v6);
}

static void
test_the_r_bit_asks_for_a_pair(void **state)
{
	const struct attr even[ATTRS_MAX] = { TRANSPORT, { EVEN, 0x7F, 1 } };
	const struct attr pair[ATTRS_MAX] = { TRANSPORT, { EVEN, PAIR, 1 } };
	struct bed_ask q;

	(void)state;
	assert_int_equal(read_one(&q, even).ports, TURN_PORTS_EVEN);
	assert_int_equal(read_one(&q, pair).ports, TURN_PORTS_PAIR);
}

struct lifetime_row {
	bool said, refresh;
	uint32_t asked, granted;
};

static void
test_a_lifetime_stays_between_ten_minutes_and_an_hour(void **state)
{
	static const struct lifetime_row lifetimes[] = {
		{ false, false, 0, 600 },
		{ true, false, 0, 600 },
		{ true, true, 0, 0 },
		{ false, true, 0, 600 },
		{ true, false, 599, 600 },
		{ true, true, 601, 601 },
		{ true, false, 3600, 3600 },
		{ true, true, 3601, 3600 },
		{ true, false, UINT32_MAX, 3600 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lifetimes) / sizeof(lifetimes[0]); i++) {
		const struct lifetime_row *row = &lifetimes[i];
		struct stun_msg m;
		struct bed_ask q;
		uint32_t s;
		size_t len;

		bed_begin(&q, STUN_REFRESH, STUN_REQUEST);
		if (row->said)
			stun_put_u32(&q.pen, STUN_ATTR_LIFETIME, row->asked);
		len = stun_msg_end(&q.pen);
		assert_int_equal(stun_msg_parse(&m, q.mem, len), 0);
		assert_int_equal(turn_want_lifetime(&s, &m, row->refresh), 0);
		assert_int_equal(s, row->granted);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_is_refused_as_the_rfc_says),
		cmocka_unit_test(test_ipv4_is_meant_when_no_family_is_named),
		cmocka_unit_test(test_the_r_bit_asks_for_a_pair),
		cmocka_unit_test(
		    test_a_lifetime_stays_between_ten_minutes_and_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
