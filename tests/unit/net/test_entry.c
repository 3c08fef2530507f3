#include "tests/unit/net/cert.h"

static void
test_http_that_nobody_serves_is_answered_and_closed(void **state)
{
	static const char get[] = "GET / HTTP/1.0\r\n\r\n";
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);
	char got[256];

	(void)state;
	bed_write(fd, get, sizeof(get) - 1);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_HTTP) == 1);
	bed_settle(bed);
	assert_true(recv(fd, got, sizeof(got), 0) > 12);
	assert_memory_equal(got, "HTTP/1.1 404", 12);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 0);
	close(fd);
	bed_free(bed);
}

static void
test_other_first_bytes_are_counted(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);

	(void)state;
	bed_write(fd, "\x80junk", 5);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_NOT_STUN) == 1);
	close(fd);
	/* PROXY from who may not */
	fd = bed_client(SOCK_STREAM, &bed->at);
	bed_write(fd, "\r\n\r\n", 4);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_PROXY) == 1);
	close(fd);
	bed_free(bed);
}

static void
test_proxy_header_names_the_client(void **state)
{
	static const uint8_t header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
					"\xc6\x33\x64\x01\xcb\x00\x71\x05"
					"\x10\x00\x0d\x96";
	struct bed *bed = bed_prepare(NET_TCP, "127.0.0.1:0");
	struct addr_prefix from;
	struct addr client;
	uint8_t stun[20];
	int fd;

	(void)state;
	assert_int_equal(addr_prefix_parse(&from, "127.0.0.0/8"), 0);
	bed->conf.listen.proxy.at = &from;
	bed->conf.listen.proxy.count = 1;
	bed_start(bed);
	fd = bed_client(SOCK_STREAM, &bed->at);
	bed_write(fd, header, 20);
	bed_settle(bed);
	bed_write(fd, header + 20, sizeof(header) - 1 - 20);
	bed_write(fd, stun, bed_stun(stun));
	bed_until(bed, &bed->messages, 1);
	assert_int_equal(addr_parse(&client, "198.51.100.1:4096"), 0);
	assert_true(addr_equal(&bed->flow.client, &client));
	close(fd);
	bed_free(bed);
}

static const uint8_t named[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
			       "\xc6\x33\x64\x01\xcb\x00\x71\x05"
			       "\x10\x00\x0d\x96";
enum { NAMED_LEN = sizeof(named) - 1 };

static void
trust_all(struct bed *bed, struct addr_prefix *from)
{
	assert_int_equal(addr_prefix_parse(from, "0.0.0.0/0"), 0);
	bed->conf.listen.proxy.at = from;
	bed->conf.listen.proxy.count = 1;
}

static void
test_proxy_header_may_come_byte_by_byte(void **state)
{
	struct bed *bed = bed_prepare(NET_TCP, "127.0.0.1:0");
	struct addr_prefix from;
	struct addr client;
	uint8_t all[NAMED_LEN + 20];
	int fd;

	(void)state;
	trust_all(bed, &from);
	bed_start(bed);
	memcpy(all, named, NAMED_LEN);
	bed_stun(all + NAMED_LEN);
	assert_int_equal(addr_parse(&client, "198.51.100.1:4096"), 0);
	for (size_t cut = 1; cut < sizeof(all); cut++) {
		const unsigned want = bed->messages + 1;

		fd = bed_client(SOCK_STREAM, &bed->at);
		bed_write(fd, all, cut);
		bed_turn(bed);
		bed_turn(bed);
		bed_write(fd, all + cut, sizeof(all) - cut);
		bed_until(bed, &bed->messages, want);
		assert_true(addr_equal(&bed->flow.client, &client));
		assert_int_equal(bed->len, 20);
		close(fd);
	}
	fd = bed_client(SOCK_STREAM, &bed->at);
	for (size_t i = 0; i < sizeof(all); i++) {
		const unsigned want = bed->messages + 1;

		bed_write(fd, all + i, 1);
		bed_turn(bed);
		if (i + 1 == sizeof(all))
			bed_until(bed, &bed->messages, want);
	}
	close(fd);
	bed_free(bed);
}

static void
test_second_and_faulty_proxy_headers_are_refused(void **state)
{
	struct bed *bed = bed_prepare(NET_TCP, "127.0.0.1:0");
	struct addr_prefix from;
	uint8_t bad[NAMED_LEN];
	int fd;

	(void)state;
	trust_all(bed, &from);
	bed_start(bed);
	fd = bed_client(SOCK_STREAM, &bed->at);
	bed_write(fd, named, NAMED_LEN);
	bed_write(fd, named, NAMED_LEN);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_PROXY) == 1);
	close(fd);
	memcpy(bad, named, NAMED_LEN);
	bad[12] = 0x31; /* version 3 */
	fd = bed_client(SOCK_STREAM, &bed->at);
	bed_write(fd, bad, NAMED_LEN);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_PROXY) == 2);
	close(fd);
	/* one that ends in the middle of it */
	fd = bed_client(SOCK_STREAM, &bed->at);
	bed_write(fd, named, 20);
	close(fd);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_PROXY) == 3);
	BED_UNTIL(bed, bed_counter(bed, STATS_CONNECTIONS) == 0);
	assert_int_equal(bed->closed, 0);
	bed_free(bed);
}

static void
test_tls_follows_a_proxy_header_in_the_same_piece(void **state)
{
	struct cert cert;
	struct bed *bed = cert_prepare(&cert, NET_TCP);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct addr_prefix from;
	struct addr client;
	uint8_t stun[20];
	SSL *ssl;
	int fd;

	(void)state;
	trust_all(bed, &from);
	bed_start(bed);
	fd = bed_client(SOCK_STREAM, &bed->at);
	/* with the ClientHello behind it */
	assert_int_equal(
	    send(fd, named, NAMED_LEN, MSG_MORE | MSG_NOSIGNAL), NAMED_LEN);
	ssl = cert_client(ctx, fd, false);
	assert_true(cert_shake(bed, ssl));
	assert_int_equal(SSL_write(ssl, stun, (int)bed_stun(stun)), 20);
	bed_until(bed, &bed->messages, 1);
	assert_int_equal(bed->flow.transport, NET_TLS);
	assert_int_equal(addr_parse(&client, "198.51.100.1:4096"), 0);
	assert_true(addr_equal(&bed->flow.client, &client));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	bed_free(bed);
	cert_remove(&cert);
}

static void
test_inside_of_tls_the_first_byte_decides_again(void **state)
{
	struct cert cert;
	struct bed *bed = cert_bed(&cert, NET_TLS);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	static const char get[] = "GET / HTTP/1.0\r\n\r\n";
	const int len = sizeof(get) - 1;
	char got[256];

	(void)state;
	for (int i = 0; i < 2; i++) {
		int fd = bed_client(SOCK_STREAM, &bed->at);
		SSL *ssl = cert_client(ctx, fd, false);

		assert_true(cert_shake(bed, ssl));
		if (i == 0) {
			assert_int_equal(SSL_write(ssl, get, len), len);
			assert_true(cert_read(bed, ssl, got, sizeof(got)) > 12);
			assert_memory_equal(got, "HTTP/1.1 404", 12);
			assert_int_equal(bed_drops(bed, STATS_DROP_HTTP), 1);
		} else {
			assert_int_equal(SSL_write(ssl, "\x16\3\1", 3), 3);
			BED_UNTIL(
			    bed, bed_drops(bed, STATS_DROP_NOT_STUN) == 1);
		}
		SSL_free(ssl);
		close(fd);
	}
	SSL_CTX_free(ctx);
	bed_free(bed);
	cert_remove(&cert);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_http_that_nobody_serves_is_answered_and_closed),
		cmocka_unit_test(test_other_first_bytes_are_counted),
		cmocka_unit_test(test_proxy_header_names_the_client),
		cmocka_unit_test(test_proxy_header_may_come_byte_by_byte),
		cmocka_unit_test(
		    test_second_and_faulty_proxy_headers_are_refused),
		cmocka_unit_test(
		    test_tls_follows_a_proxy_header_in_the_same_piece),
		cmocka_unit_test(
		    test_inside_of_tls_the_first_byte_decides_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
