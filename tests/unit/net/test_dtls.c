#include "net/conn.h"
#include "net/core.h"
#include "net/dtls.h"
#include "tests/unit/net/cert.h"

static void
echo(struct bed *bed, const struct net_flow *from, struct buf *b)
{
	net_send(bed->net, from, b);
}

static SSL_CTX *
client_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_client_method());

	assert_non_null(ctx);
	return ctx;
}

static void
test_messages_pass(void **state)
{
	struct cert cert;
	struct bed *bed = cert_bed(&cert, NET_UDP);
	SSL_CTX *ctx = client_context();
	int fd = bed_client(SOCK_DGRAM, &bed->at);
	SSL *ssl = cert_client(ctx, fd, true);
	uint8_t big[1400], got[2048];

	(void)state;
	bed->on_message = echo;
	assert_true(cert_shake(bed, ssl));
	assert_int_equal(SSL_version(ssl), DTLS1_2_VERSION);
	assert_int_equal(bed_counter(bed, STATS_DTLS_ASSOCIATIONS), 1);
	memset(big, 0x40, sizeof(big));
	for (unsigned i = 1; i <= 50; i++) {
		assert_int_equal(SSL_write(ssl, big, sizeof(big)), sizeof(big));
		bed_until(bed, &bed->messages, i);
		assert_int_equal(bed->len, sizeof(big));
		assert_int_equal(
		    cert_read(bed, ssl, got, sizeof(got)), sizeof(big));
	}
	assert_int_equal(bed->flow.transport, NET_DTLS);
	assert_true(bed->wire[STATS_OUT][STATS_CLIENT_DTLS] > 50 * 1428);
	assert_int_equal(bed->wire[STATS_OUT][STATS_CLIENT_UDP], 0);
	/* close_notify ends it */
	SSL_shutdown(ssl);
	bed_until(bed, &bed->closed, 1);
	assert_int_equal(net_dtls_count(bed->net->dtls), 0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	bed_free(bed);
	cert_remove(&cert);
}

static void
test_hello_without_cookie_makes_no_state(void **state)
{
	struct cert cert;
	struct bed *bed = cert_bed(&cert, NET_DTLS);
	SSL_CTX *ctx = client_context();
	int i;

	(void)state;
	for (i = 0; i < 200; i++) {
		int fd = bed_client(SOCK_DGRAM, &bed->at);
		SSL *ssl = cert_client(ctx, fd, true);
		char got[64];

		assert_int_equal(SSL_do_handshake(ssl), -1); /* hello is out */
		BED_UNTIL(bed, recv(fd, got, sizeof(got), MSG_PEEK) > 13);
		assert_int_equal(got[13], 3); /* HelloVerifyRequest */
		SSL_free(ssl);
		close(fd);
	}
	assert_int_equal(net_dtls_count(bed->net->dtls), 0);
	assert_int_equal(bed_counter(bed, STATS_DTLS_ASSOCIATIONS), 0);
	SSL_CTX_free(ctx);
	bed_free(bed);
	cert_remove(&cert);
}

static void
test_client_that_starts_anew_takes_over(void **state)
{
	struct cert cert;
	struct bed *bed = cert_bed(&cert, NET_DTLS);
	SSL_CTX *ctx = client_context();
	int fd = bed_client(SOCK_DGRAM, &bed->at);
	uint8_t stun[20];
	SSL *ssl;

	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		ssl = cert_client(ctx, fd, true);
		assert_true(cert_shake(bed, ssl));
		assert_int_equal(SSL_write(ssl, stun, (int)bed_stun(stun)), 20);
		bed_until(bed, &bed->messages, i);
		SSL_free(ssl); /* forgets, says nothing */
	}
	assert_int_equal(bed->closed, 2);
	assert_int_equal(net_dtls_count(bed->net->dtls), 1);
	SSL_CTX_free(ctx);
	close(fd);
	bed_free(bed);
	cert_remove(&cert);
}

static void
close_inside(struct bed *bed, const struct net_flow *from, struct buf *b)
{
	(void)b;
	net_close(bed->net, from);
}

static void
test_association_may_be_closed_by_its_own_message(void **state)
{
	struct cert cert;
	struct bed *bed = cert_bed(&cert, NET_DTLS);
	SSL_CTX *ctx = client_context();
	int fd = bed_client(SOCK_DGRAM, &bed->at);
	SSL *ssl = cert_client(ctx, fd, true);
	uint8_t stun[20], got[64];

	(void)state;
	bed->on_message = close_inside;
	assert_true(cert_shake(bed, ssl));
	assert_int_equal(SSL_write(ssl, stun, (int)bed_stun(stun)), 20);
	bed_until(bed, &bed->messages, 1);
	assert_int_equal(cert_read(bed, ssl, got, sizeof(got)), 0);
	assert_int_equal(bed->closed, 0);
	assert_int_equal(net_dtls_count(bed->net->dtls), 0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	bed_free(bed);
	cert_remove(&cert);
}

static void
test_silent_association_is_cut(void **state)
{
	struct cert cert;
	struct bed *bed = cert_bed(&cert, NET_DTLS);
	SSL_CTX *ctx = client_context();
	int fd = bed_client(SOCK_DGRAM, &bed->at);
	SSL *ssl = cert_client(ctx, fd, true);

	(void)state;
	assert_true(cert_shake(bed, ssl));
	assert_int_equal(net_dtls_count(bed->net->dtls), 1);
	bed->net->now_us = (mono_now() + CONN_FIRST_MS + 100) * 1000;
	wheel_advance(bed->wheel, net_now(bed->net));
	assert_int_equal(net_dtls_count(bed->net->dtls), 0);
	assert_int_equal(bed_drops(bed, STATS_DROP_STREAM_IDLE), 1);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	bed_free(bed);
	cert_remove(&cert);
}

static void
test_garbage_is_counted(void **state)
{
	struct cert cert;
	struct bed *bed = cert_bed(&cert, NET_DTLS);
	int fd = bed_client(SOCK_DGRAM, &bed->at);

	(void)state;
	assert_int_equal(send(fd, "\x17\xfe\xfd stray", 9, 0), 9);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_TLS_FAILED) == 1);
	close(fd);
	bed_free(bed);
	cert_remove(&cert);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_pass),
		cmocka_unit_test(test_hello_without_cookie_makes_no_state),
		cmocka_unit_test(test_client_that_starts_anew_takes_over),
		cmocka_unit_test(
		    test_association_may_be_closed_by_its_own_message),
		cmocka_unit_test(test_silent_association_is_cut),
		cmocka_unit_test(test_garbage_is_counted),
	};

	return BED_RUN(tests);
}
