#include "tests/unit/net/cert.h"

static void
echo(struct bed *bed, const struct net_flow *from, struct buf *b)
{
	net_send(bed->net, from, b);
}

static void
check_version(int version, const char *alpn)
{
	struct cert cert;
	struct bed *bed = cert_bed(&cert, NET_TLS);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int fd = bed_client(SOCK_STREAM, &bed->at);
	uint8_t stun[20], got[64];
	const unsigned char *chosen;
	unsigned len;
	SSL *ssl;

	SSL_CTX_set_max_proto_version(ctx, version);
	if (alpn != NULL)
		SSL_CTX_set_alpn_protos(
		    ctx, (const unsigned char *)alpn, (unsigned)strlen(alpn));
	ssl = cert_client(ctx, fd, false);
	bed->on_message = echo;
	assert_true(cert_shake(bed, ssl));
	assert_int_equal(SSL_version(ssl), version);
	SSL_get0_alpn_selected(ssl, &chosen, &len);
	assert_int_equal(len, alpn != NULL ? strlen(alpn) - 1 : 0);
	assert_int_equal(SSL_write(ssl, stun, (int)bed_stun(stun)), 20);
	bed_until(bed, &bed->messages, 1);
	assert_int_equal(bed->flow.transport, NET_TLS);
	assert_memory_equal(bed->data, stun, 20);
	assert_int_equal(cert_read(bed, ssl, got, sizeof(got)), 20);
	assert_memory_equal(got, stun, 20);
	/* at least what the kernel carried */
	assert_true(bed->wire[STATS_IN][STATS_CLIENT_TLS] >=
	    BIO_number_written(SSL_get_wbio(ssl)));
	assert_true(bed->wire[STATS_OUT][STATS_CLIENT_TLS] >=
	    BIO_number_read(SSL_get_rbio(ssl)));
	/* a graceful end is told to the client */
	net_close(bed->net, &bed->flow);
	assert_int_equal(cert_read(bed, ssl, got, sizeof(got)), 0);
	assert_int_equal(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN, 2);
	assert_int_equal(bed->closed, 0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	bed_free(bed);
	cert_remove(&cert);
}

static void
test_messages_pass_in_both_versions(void **state)
{
	(void)state;
	check_version(TLS1_3_VERSION, NULL);
	check_version(TLS1_2_VERSION, NULL);
	check_version(TLS1_3_VERSION, "\x09stun.turn");
}

static void
test_old_versions_are_refused(void **state)
{
	struct cert cert;
	struct bed *bed = cert_bed(&cert, NET_TCP);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int fd = bed_client(SOCK_STREAM, &bed->at);
	SSL *ssl;

	(void)state;
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	ssl = cert_client(ctx, fd, false);
	assert_false(cert_shake(bed, ssl));
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_TLS_FAILED) == 1);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	bed_free(bed);
	cert_remove(&cert);
}

static void
test_garbage_and_no_certificate_are_counted(void **state)
{
	struct cert cert;
	struct bed *with = cert_bed(&cert, NET_TLS);
	struct bed *without = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &with->at);

	(void)state;
	assert_int_equal(send(fd, "\x16garbage of TLS", 15, 0), 15);
	BED_UNTIL(with, bed_drops(with, STATS_DROP_TLS_FAILED) == 1);
	close(fd);
	fd = bed_client(SOCK_STREAM, &without->at);
	assert_int_equal(send(fd, "\x16\x03\x01", 3, 0), 3);
	BED_UNTIL(without, bed_drops(without, STATS_DROP_TLS_FAILED) == 1);
	close(fd);
	bed_free(without);
	bed_free(with);
	cert_remove(&cert);
}

static void
test_faulty_files_are_named(void **state)
{
	struct snapshot conf = { 0 };
	struct net_tls *t = NULL;
	struct cert cert;
	char why[256];
	long n;

	(void)state;
	cert_make(&cert);
	conf.listen.certificate = (char *)"/nonexistent.pem";
	conf.listen.private_key = cert.key;
	assert_int_equal(net_tls_load(&t, &conf, why, sizeof(why)), EINVAL);
	assert_non_null(strstr(why, "listen.certificate /nonexistent.pem"));
	conf.listen.certificate = cert.crt;
	conf.listen.private_key = cert.crt;
	assert_int_equal(net_tls_load(&t, &conf, why, sizeof(why)), EINVAL);
	assert_non_null(strstr(why, "listen.private-key"));
	conf.listen.private_key = cert.key;
	for (n = 0; t == NULL; n++) {
		mem_fail_at(n);
		(void)!net_tls_load(&t, &conf, why, sizeof(why));
	}
	mem_fail_at(-1);
	assert_int_equal(n, 2);
	assert_ptr_equal(net_tls_get(t), t);
	net_tls_put(t);
	net_tls_put(t);
	cert_remove(&cert);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_pass_in_both_versions),
		cmocka_unit_test(test_old_versions_are_refused),
		cmocka_unit_test(test_garbage_and_no_certificate_are_counted),
		cmocka_unit_test(test_faulty_files_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
