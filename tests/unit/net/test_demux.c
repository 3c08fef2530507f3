#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/demux.h"

/* RFC 7983, section 7, and the channels of RFC 5766: every first byte. */
static void
test_first_byte_of_a_datagram_decides(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		const uint8_t b = (uint8_t)i;
		enum net_demux want = i <= 3 ? NET_DEMUX_STUN
		    : i < 20                 ? NET_DEMUX_NONE
		    : i <= 63                ? NET_DEMUX_DTLS
		    : i <= 127               ? NET_DEMUX_CHANNEL
					     : NET_DEMUX_NONE;

		assert_int_equal(net_demux_datagram(&b, 1), want);
	}
	assert_int_equal(net_demux_datagram(NULL, 0), NET_DEMUX_NONE);
}

static void
test_first_byte_of_a_stream_decides(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		const uint8_t b = (uint8_t)i;
		enum net_demux want = i <= 3 ? NET_DEMUX_STUN
		    : i == 0x0d              ? NET_DEMUX_PROXY
		    : i == 0x16              ? NET_DEMUX_TLS
		    : i >= 'A' && i <= 'Z'   ? NET_DEMUX_HTTP
					     : NET_DEMUX_NONE;

		assert_int_equal(net_demux_stream(&b, 1), want);
	}
	assert_int_equal(net_demux_stream(NULL, 0), NET_DEMUX_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_byte_of_a_datagram_decides),
		cmocka_unit_test(test_first_byte_of_a_stream_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
