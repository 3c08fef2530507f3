#include "net/core.h"
#include "net/listeners.h"
#include "net/stream.h"
#include "tests/unit/net/cert.h"

/* A TLS client of a bed. */
struct peer {
	struct cert cert;
	struct bed *bed;
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
	unsigned records; /* of application data, read */
};

static void
on_record(int is_write, int version, int type, const void *data, size_t len,
    SSL *ssl, void *arg)
{
	struct peer *p = arg;

	(void)version;
	(void)ssl;
	if (!is_write && type == SSL3_RT_HEADER && len == 5 &&
	    *(const uint8_t *)data == SSL3_RT_APPLICATION_DATA)
		p->records++;
}

static void
set_up(struct peer *p, int version)
{
	const int small = 4096;
	uint8_t stun[20];

	memset(p, 0, sizeof(*p));
	p->bed = cert_bed(&p->cert, NET_TLS);
	setsockopt(net_listeners_fd(p->bed->listeners, 0, 0), SOL_SOCKET,
	    SO_SNDBUF, &small, sizeof(small));
	p->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(p->ctx, version);
	SSL_CTX_set_mode(p->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE);
	p->fd = bed_client(SOCK_STREAM, &p->bed->at);
	p->ssl = cert_client(p->ctx, p->fd, false);
	assert_true(cert_shake(p->bed, p->ssl));
	assert_int_equal(SSL_write(p->ssl, stun, (int)bed_stun(stun)), 20);
	bed_until(p->bed, &p->bed->messages, 1);
	net_keep(p->bed->net, &p->bed->flow, true);
	SSL_set_msg_callback(p->ssl, on_record);
	SSL_set_msg_callback_arg(p->ssl, p);
}

static void
tear_down(struct peer *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	if (p->fd >= 0)
		close(p->fd);
	bed_free(p->bed);
	cert_remove(&p->cert);
}

/* Reads len bytes while the loop turns; returns how many came. */
static size_t
drain(struct peer *p, uint8_t *out, size_t len)
{
	size_t at = 0;
	int n;

	while (at < len) {
		n = cert_read(p->bed, p->ssl, out + at, (int)(len - at));
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	return at;
}

static void
write_all(struct peer *p, const uint8_t *data, size_t len)
{
	const mono_ms end = mono_now() + BED_DEADLINE_MS;

	while (len > 0 && mono_now() < end) {
		int n = SSL_write(p->ssl, data, (int)len);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
		bed_turn(p->bed);
	}
	assert_int_equal(len, 0);
}

static void
fill(struct peer *p, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct buf b;

		assert_true(net_buf(p->bed->net, &b, 1004));
		bed_channel(buf_put(&b, 1004), 1000, i);
		net_send(p->bed->net, &p->bed->flow, &b);
	}
}

static void
check_filling(const uint8_t *got, size_t count)
{
	uint8_t want[1004];

	for (size_t i = 0; i < count; i++) {
		bed_channel(want, 1000, i);
		assert_memory_equal(got + i * 1004, want, 1004);
	}
}

enum { FILLING = 250 };
static uint8_t received[FILLING * 1004];

static void
test_frames_share_a_record(void **state)
{
	struct peer p;

	(void)state;
	set_up(&p, TLS1_3_VERSION);
	fill(&p, 8);
	assert_int_equal(drain(&p, received, 8 * 1004), 8 * 1004);
	check_filling(received, 8);
	assert_int_equal(p.records, 1);
	/* 16 KiB are the most that one may carry */
	fill(&p, 20);
	assert_int_equal(drain(&p, received, 20 * 1004), 20 * 1004);
	check_filling(received, 20);
	assert_int_equal(p.records, 3);
	tear_down(&p);
}

static void
check_slow_reader(int version)
{
	struct peer p;

	set_up(&p, version);
	fill(&p, FILLING);
	bed_settle(p.bed);
	/* it was blocked in the middle of a record */
	assert_true(
	    p.bed->wire[STATS_OUT][STATS_CLIENT_TLS] < sizeof(received));
	assert_int_equal(
	    drain(&p, received, sizeof(received)), sizeof(received));
	check_filling(received, FILLING);
	tear_down(&p);
}

static void
test_slow_reader_gets_all_in_order(void **state)
{
	(void)state;
	check_slow_reader(TLS1_3_VERSION);
	check_slow_reader(TLS1_2_VERSION);
}

/* The budget changes between two tries of one record. */
static void
test_blocked_record_is_repeated_as_it_was(void **state)
{
	static const size_t rooms[] = { 16384, 0, 600, 5000, 0, 512, 100000 };
	struct peer p;
	size_t at = 0;

	(void)state;
	set_up(&p, TLS1_3_VERSION);
	fill(&p, FILLING);
	for (size_t i = 0; at < sizeof(received) && i < 5000; i++) {
		int n;

		p.bed->room = rooms[i % 7];
		bed_turn(p.bed);
		n = SSL_read(p.ssl, received + at, 1500);
		at += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(at, sizeof(received));
	check_filling(received, FILLING);
	tear_down(&p);
}

/* The loop takes all there is of them: no event will tell. */
static void
test_records_that_came_together_are_all_read(void **state)
{
	uint8_t frame[400];
	struct peer p;

	(void)state;
	set_up(&p, TLS1_3_VERSION);
	for (size_t i = 0; i < 40; i++) {
		const size_t len = bed_channel(frame, 100 + i, i);
		const size_t cut = i % len;

		if (cut > 0)
			assert_int_equal(
			    SSL_write(p.ssl, frame, (int)cut), cut);
		assert_int_equal(
		    SSL_write(p.ssl, frame + cut, (int)(len - cut)), len - cut);
	}
	bed_until(p.bed, &p.bed->messages, 41);
	assert_memory_equal(p.bed->data, frame, 139 + 4);
	tear_down(&p);
}

static void
test_large_record_is_read_in_pieces(void **state)
{
	static uint8_t frame[66000];
	const uint64_t *in;
	struct peer p;
	size_t len;
	uint64_t was;

	(void)state;
	set_up(&p, TLS1_3_VERSION);
	in = &p.bed->wire[STATS_IN][STATS_CLIENT_TLS];
	len = bed_channel(frame, 65000, 1);
	p.bed->room = 700;
	was = *in;
	assert_int_equal(SSL_write(p.ssl, frame, 16000), 16000);
	for (size_t i = 0; i < 1000 && *in - was < 16000; i++) {
		const uint64_t before = *in;

		bed_turn(p.bed);
		assert_true(*in - before <= 700 + 4 * (NET_WIRE_TCP4 + 12));
	}
	assert_true(*in - was >= 16000);
	p.bed->room = 1 << 20;
	write_all(&p, frame + 16000, len - 16000);
	bed_until(p.bed, &p.bed->messages, 2);
	assert_int_equal(p.bed->len, 65004);
	assert_memory_equal(p.bed->data, frame, 65004);
	tear_down(&p);
}

static void
test_half_closed_client_gets_its_answers(void **state)
{
	struct peer p;

	(void)state;
	set_up(&p, TLS1_3_VERSION);
	fill(&p, FILLING);
	assert_int_equal(SSL_shutdown(p.ssl), 0); /* close_notify, no FIN */
	bed_until(p.bed, &p.bed->closed, 1);
	assert_int_equal(
	    drain(&p, received, sizeof(received)), sizeof(received));
	check_filling(received, FILLING);
	assert_int_equal(cert_read(p.bed, p.ssl, received, 1), 0);
	assert_int_equal(SSL_get_shutdown(p.ssl) & SSL_RECEIVED_SHUTDOWN, 2);
	BED_UNTIL(p.bed, bed_counter(p.bed, STATS_CONNECTIONS) == 0);
	assert_int_equal(p.bed->closed, 1);
	tear_down(&p);
}

static void
test_last_message_counts_even_with_the_end_behind_it(void **state)
{
	uint8_t frame[104];
	struct peer p;

	(void)state;
	set_up(&p, TLS1_3_VERSION);
	p.bed->on_message = bed_echo;
	assert_int_equal(
	    SSL_write(p.ssl, frame, (int)bed_channel(frame, 100, 0)), 104);
	assert_int_equal(SSL_shutdown(p.ssl), 0);
	/* no FIN: no other event will come */
	bed_until(p.bed, &p.bed->closed, 1);
	assert_int_equal(p.bed->messages, 2);
	assert_int_equal(drain(&p, received, 104), 104);
	assert_memory_equal(received, frame, 104);
	tear_down(&p);
}

static void
test_end_without_farewell_is_told_once(void **state)
{
	struct peer p;

	(void)state;
	set_up(&p, TLS1_3_VERSION);
	close(p.fd);
	p.fd = -1;
	bed_until(p.bed, &p.bed->closed, 1);
	bed_settle(p.bed);
	assert_int_equal(p.bed->closed, 1);
	assert_int_equal(bed_drops(p.bed, STATS_DROP_TLS_FAILED), 0);
	tear_down(&p);
}

static void
test_broken_record_ends_the_connection(void **state)
{
	static const uint8_t bad[] = "\x17\x03\x03\x00\x20 32 bytes that no "
				     "key has made..";
	struct peer p;

	(void)state;
	set_up(&p, TLS1_3_VERSION);
	bed_write(p.fd, bad, sizeof(bad) - 1);
	bed_until(p.bed, &p.bed->closed, 1);
	assert_int_equal(p.bed->messages, 1);
	assert_int_equal(bed_counter(p.bed, STATS_CONNECTIONS), 0);
	tear_down(&p);
}

static void
test_keys_may_be_renewed_on_the_way(void **state)
{
	uint8_t frame[104];
	struct peer p;

	(void)state;
	set_up(&p, TLS1_3_VERSION);
	p.bed->on_message = bed_echo;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(
		    SSL_key_update(p.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(
		    SSL_write(p.ssl, frame, (int)bed_channel(frame, 100, i)),
		    104);
		bed_until(p.bed, &p.bed->messages, 2 + i);
		assert_int_equal(drain(&p, received, 104), 104);
		assert_memory_equal(received, frame, 104);
	}
	tear_down(&p);
}

/* The refusal may cost this client its connection, and nobody else his. */
static void
test_renegotiation_is_refused(void **state)
{
	struct peer p;
	uint8_t c;

	(void)state;
	set_up(&p, TLS1_2_VERSION);
	assert_int_equal(SSL_renegotiate(p.ssl), 1);
	for (int i = 0; i < 20; i++) {
		(void)SSL_read(p.ssl, &c, 1);
		bed_turn(p.bed);
	}
	assert_false(
	    SSL_is_init_finished(p.ssl) && SSL_renegotiate_pending(p.ssl));
	assert_int_equal(p.bed->messages, 1);
	ERR_clear_error();
	tear_down(&p);
}

static void
test_idle_connection_keeps_no_buffers(void **state)
{
	struct peer p;

	(void)state;
	set_up(&p, TLS1_3_VERSION);
	fill(&p, 3);
	assert_int_equal(drain(&p, received, 3 * 1004), 3 * 1004);
	bed_settle(p.bed);
	/* chunks lie in the bank, one for the worker */
	assert_true(p.bed->stats.memory.use[MEMORY_CONNECTIONS].bytes <
	    sizeof(struct net_stream) + 2 * QUEUE_CHUNK);
	tear_down(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_share_a_record),
		cmocka_unit_test(test_slow_reader_gets_all_in_order),
		cmocka_unit_test(test_blocked_record_is_repeated_as_it_was),
		cmocka_unit_test(test_records_that_came_together_are_all_read),
		cmocka_unit_test(test_large_record_is_read_in_pieces),
		cmocka_unit_test(test_half_closed_client_gets_its_answers),
		cmocka_unit_test(
		    test_last_message_counts_even_with_the_end_behind_it),
		cmocka_unit_test(test_end_without_farewell_is_told_once),
		cmocka_unit_test(test_broken_record_ends_the_connection),
		cmocka_unit_test(test_keys_may_be_renewed_on_the_way),
		cmocka_unit_test(test_renegotiation_is_refused),
		cmocka_unit_test(test_idle_connection_keeps_no_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
