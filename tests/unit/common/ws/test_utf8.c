#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/ws/utf8.h"

/* By the definition: the code points of RFC 3629, section 3. */
static bool
is_utf8(const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		const unsigned more = *at < 0x80 ? 0
		    : *at >= 0xf8                ? 9
		    : *at >= 0xf0                ? 3
		    : *at >= 0xe0                ? 2
		    : *at >= 0xc0                ? 1
						 : 9;
		static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
		uint32_t c;

		if (more == 9 || (size_t)(end - at) <= more)
			return false;
		c = more == 0 ? *at : *at & (0x3fu >> more);
		for (unsigned i = 1; i <= more; i++) {
			if ((at[i] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (at[i] & 0x3f);
		}
		if (c < least[more] || c > 0x10ffff ||
		    (c >= 0xd800 && c <= 0xdfff))
			return false;
		at += more + 1;
	}
	return true;
}

/* In two pieces. */
static bool
feed(const uint8_t *data, size_t len, size_t cut)
{
	struct ws_utf8 u = { 0 };

	return ws_utf8_feed(&u, data, cut) &&
	    ws_utf8_feed(&u, data + cut, len - cut) && ws_utf8_is_whole(&u);
}

/* All of one and two bytes, and of three and four those at each border. */
static void
test_all_that_is_utf8_and_nothing_else_passes(void **state)
{
	static const uint8_t next[] = { 0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
		0xbf, 0xc0, 0xff };
	enum { NEXT = sizeof(next) };
	uint8_t data[4];

	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		data[0] = (uint8_t)first;
		assert_int_equal(feed(data, 1, 0), is_utf8(data, data + 1));
		for (unsigned second = 0; second < 256; second++) {
			data[1] = (uint8_t)second;
			assert_int_equal(
			    feed(data, 2, 1), is_utf8(data, data + 2));
			for (unsigned i = 0; i < NEXT * NEXT; i++) {
				data[2] = next[i % NEXT];
				data[3] = next[i / NEXT];
				assert_int_equal(feed(data, 3, i % 4),
				    is_utf8(data, data + 3));
				assert_int_equal(feed(data, 4, i % 5),
				    is_utf8(data, data + 4));
			}
		}
	}
}

static void
test_a_text_may_be_cut_anywhere(void **state)
{
	static const char text[] = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce"
				   "\xb5 plain for a while \xf0\x9f\x98\x80";
	static const char faulty[] = "plain for a while \xed\xa0\x80 and more";
	const size_t len = sizeof(text) - 1, faulty_len = sizeof(faulty) - 1;

	(void)state;
	for (size_t cut = 0; cut <= len; cut++)
		assert_true(feed((const uint8_t *)text, len, cut));
	for (size_t cut = 0; cut <= faulty_len; cut++)
		assert_false(feed((const uint8_t *)faulty, faulty_len, cut));
}

/* What cannot become right is refused at once. */
static void
test_the_first_faulty_byte_is_enough(void **state)
{
	struct ws_utf8 u = { 0 };

	(void)state;
	assert_true(ws_utf8_feed(&u, (const uint8_t *)"\xf4", 1));
	assert_false(ws_utf8_is_whole(&u));
	assert_false(ws_utf8_feed(&u, (const uint8_t *)"\x90", 1));
}

/* A faulty byte is found wherever it stands among the eight that are looked
 * at together. */
static void
test_every_place_is_looked_at(void **state)
{
	uint8_t data[40];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++) {
		memset(data, 'a', sizeof(data));
		data[i] = 0x80;
		assert_false(feed(data, sizeof(data), 0));
		assert_true(feed(data, i, 0));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_that_is_utf8_and_nothing_else_passes),
		cmocka_unit_test(test_a_text_may_be_cut_anywhere),
		cmocka_unit_test(test_the_first_faulty_byte_is_enough),
		cmocka_unit_test(test_every_place_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
