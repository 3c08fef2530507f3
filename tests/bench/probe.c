/*
 * probe: a TURN client for scenarios, driven by lines on its input.
 *
 * Each line is a command and is answered by exactly one line: "ok" or
 * "error code=N", then key=value pairs.  Payloads that arrive between
 * commands are counted (and echoed, where asked) all the time.
 *
 *	open udp|tcp|tls|dtls SERVER	user NAME PASSWORD	rest SECRET NAME
 *	bind	allocate [KEY=VALUE...]	refresh SECONDS		permit PEER...
 *	channel NUMBER PEER		echo on|off		reset
 *	send WAY PEER COUNT SIZE [GAP_US]
 *		WAY: direct, indication, or the number of a channel
 *	flood CHANNEL COUNT SIZE GAP_US
 *		by UDP, COUNT messages of as many packets as one holds
 *	await KEY COUNT MS	(KEY: received or echoes)	stats
 *	request METHOD [TYPE=HEX...]	(never signed: "unsigned METHOD")
 *	raw HEX MS	trickle HEX GAP_MS MS	closed MS	close	quit
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/entropy.h"
#include "common/mem.h"
#include "common/stun/channel.h"
#include "common/token/turnrest.h"
#include "tests/support/caller.h"
#include "tests/support/phrase.h"
#include "tests/support/tally.h"
#include "tests/support/words.h"

enum {
	LINE_MAX_LEN = 262144,
	WORDS_MAX = 64,
	PEERS_MAX = 32,
	CREDENTIAL_S = 3600,
	OPEN_MS = 5000,
	FLOOD_BYTES = 60000, /* of a message that the kernel cuts */
	FLOOD_RUN = 60,
	NO_ANSWER = 408, /* printed for a time-out */
	CLOSED = 499,    /* printed when the connection is gone */
};

struct probe {
	struct caller caller;
	struct tally tally;
	bool is_echoing;
	uint64_t failed_echoes;
	int words;
	char *word[WORDS_MAX];
	char line[LINE_MAX_LEN];
	size_t have;
};

static void
take_payload(
    void *arg, const struct caller_path *path, const uint8_t *data, size_t len)
{
	static uint8_t copy[CALLER_PACKET_MAX];
	struct probe *p = arg;

	if (!tally_count(&p->tally, data, len, mono_now_us()) || !p->is_echoing)
		return;
	memcpy(copy, data, len);
	tally_make_echo(copy);
	if (caller_send(&p->caller, path, copy, len) != 0)
		p->failed_echoes++;
}

static const char *
word(const struct probe *p, int i)
{
	if (i >= p->words)
		words_die("%s: argument %d is missing", p->word[0], i);
	return p->word[i];
}

/* Begins the answer line. */
static void
answer(int rc)
{
	if (rc == 0)
		printf("ok");
	else
		printf("error code=%d",
		    rc == ETIMEDOUT   ? NO_ANSWER
			: rc == EPIPE ? CLOSED
				      : rc);
}

/* The answer line, with what stood in the reply if there was one. */
static void
answer_with_reply(struct probe *p, int rc)
{
	answer(rc);
	if (rc == 0 || rc >= 300) {
		phrase_print_reply(&p->caller.reply);
		printf(" request_bytes=%ld answer_bytes=%ld",
		    p->caller.sent_len, p->caller.reply_len);
	}
}

/* ---- commands */

static void
do_open(struct probe *p)
{
	const struct addr server = words_address(word(p, 2));
	enum wire_kind kind;
	struct addr local;
	int rc;

	if (wire_kind_parse(&kind, word(p, 1)) != 0)
		words_die("no transport %s", p->word[1]);
	wire_close(p->caller.wire);
	p->caller.wire = NULL;
	p->caller.nonce_len = 0;
	rc = wire_open(&p->caller.wire, kind, &server, mono_now() + OPEN_MS);
	answer(rc);
	if (rc != 0)
		return;
	wire_local(p->caller.wire, &local);
	phrase_print_addr("local", &local);
	if (kind == WIRE_TLS || kind == WIRE_DTLS)
		printf(" certificate=%s", wire_certificate(p->caller.wire));
}

static void
do_user(struct probe *p)
{
	struct caller *c = &p->caller;

	snprintf(c->user, sizeof(c->user), "%s", word(p, 1));
	snprintf(c->password, sizeof(c->password), "%s", word(p, 2));
	c->nonce_len = 0;
	answer(0);
}

static void
do_rest(struct probe *p)
{
	struct caller *c = &p->caller;

	snprintf(c->user, sizeof(c->user), "%" PRId64 ":%s",
	    mono_wall_s() + CREDENTIAL_S, word(p, 2));
	turnrest_password(c->password, word(p, 1), c->user, strlen(c->user));
	c->nonce_len = 0;
	answer(0);
}

static void
do_bind(struct probe *p)
{
	int rc = caller_request(&p->caller, STUN_BINDING, NULL, NULL);

	answer_with_reply(p, rc);
}

static void
fill_allocate(struct pen *pen, const uint8_t *tid, void *arg)
{
	const struct probe *p = arg;

	(void)tid;
	phrase_put_allocate(pen, p->word + 1, p->words - 1);
}

static void
do_allocate(struct probe *p)
{
	int rc = caller_request(&p->caller, STUN_ALLOCATE, fill_allocate, p);

	answer_with_reply(p, rc);
}

static void
fill_refresh(struct pen *pen, const uint8_t *tid, void *arg)
{
	(void)tid;
	stun_put_u32(pen, STUN_ATTR_LIFETIME, *(uint32_t *)arg);
}

static void
do_refresh(struct probe *p)
{
	uint32_t seconds = (uint32_t)words_number(word(p, 1));
	int rc;

	rc = caller_request(&p->caller, STUN_REFRESH, fill_refresh, &seconds);
	answer_with_reply(p, rc);
}

static void
fill_permit(struct pen *pen, const uint8_t *tid, void *arg)
{
	const struct probe *p = arg;
	struct addr peer;

	for (int i = 1; i < p->words; i++) {
		peer = words_address(p->word[i]);
		stun_put_xor_addr(pen, STUN_ATTR_XOR_PEER_ADDRESS, &peer, tid);
	}
}

static void
do_permit(struct probe *p)
{
	answer(
	    caller_request(&p->caller, STUN_CREATE_PERMISSION, fill_permit, p));
}

static void
fill_channel(struct pen *pen, const uint8_t *tid, void *arg)
{
	const struct probe *p = arg;
	const struct addr peer = words_address(word(p, 2));

	stun_put_u32(pen, STUN_ATTR_CHANNEL_NUMBER,
	    (uint32_t)words_number(word(p, 1)) << 16);
	stun_put_xor_addr(pen, STUN_ATTR_XOR_PEER_ADDRESS, &peer, tid);
}

static void
do_channel(struct probe *p)
{
	answer(caller_request(&p->caller, STUN_CHANNEL_BIND, fill_channel, p));
}

static void
fill_raw(struct pen *pen, const uint8_t *tid, void *arg)
{
	const struct probe *p = arg;
	uint8_t value[1024];
	unsigned type;
	char *eq;

	(void)tid;
	for (int i = 2; i < p->words; i++) {
		if ((eq = strchr(p->word[i], '=')) == NULL ||
		    sscanf(p->word[i], "%4x", &type) != 1)
			words_die("not TYPE=HEX: %s", p->word[i]);
		stun_put(pen, (uint16_t)type, value,
		    words_hex(value, sizeof(value), eq + 1));
	}
}

/* A name as in the RFC, in any case, or a number. */
static enum stun_method
method(const char *name)
{
	for (int m = STUN_BINDING; m <= STUN_CONNECTION_ATTEMPT; m++) {
		if (strcasecmp(stun_method_name((enum stun_method)m), name) ==
		    0)
			return (enum stun_method)m;
	}
	return (enum stun_method)words_number(name);
}

static void
do_request(struct probe *p)
{
	int rc;

	p->caller.sign = strcmp(p->word[0], "request") == 0;
	rc = caller_request(&p->caller, method(word(p, 1)), fill_raw, p);
	p->caller.sign = true;
	answer_with_reply(p, rc);
}

static void
do_echo(struct probe *p)
{
	p->is_echoing = strcmp(word(p, 1), "on") == 0;
	answer(0);
}

static void
do_reset(struct probe *p)
{
	tally_reset(&p->tally);
	answer(0);
}

/* Takes what arrives until the time (us) has come. */
static int
pass_time(struct probe *p, int64_t until_us)
{
	int64_t now;
	int rc;

	do {
		now = mono_now_us();
		rc = caller_poll(
		    &p->caller, until_us - now >= 1000 ? mono_now() + 1 : 0);
	} while (rc >= 0 && mono_now_us() < until_us);
	return rc;
}

static void
do_send(struct probe *p)
{
	static uint8_t data[CALLER_PACKET_MAX];
	struct caller_path path = { .way = CALLER_CHANNEL };
	const long count = words_number(word(p, 3)),
		   size = words_number(word(p, 4));
	const long gap_us = p->words > 5 ? words_number(p->word[5]) : 1000;
	const int64_t start = mono_now_us();
	long failed = 0;

	if (size < TALLY_HEADER || size > 65000)
		words_die("send: size %ld", size);
	if (strcmp(word(p, 1), "direct") == 0)
		path.way = CALLER_DIRECT;
	else if (strcmp(p->word[1], "indication") == 0)
		path.way = CALLER_INDICATION;
	else
		path.channel = (uint16_t)words_number(p->word[1]);
	if (path.way != CALLER_CHANNEL)
		path.peer = words_address(word(p, 2));
	for (long i = 0; i < count; i++) {
		tally_next(&p->tally, data, (size_t)size, mono_now_us());
		failed +=
		    caller_send(&p->caller, &path, data, (size_t)size) != 0;
		if (pass_time(p, start + (i + 1) * gap_us) < 0)
			break;
	}
	answer(0);
	printf(" failed=%ld ", failed);
	tally_print(&p->tally, stdout);
}

/* As many frames as one message holds leave at once, cut by the kernel. */
static void
do_flood(struct probe *p)
{
	static uint8_t data[CALLER_PACKET_MAX];
	const long count = words_number(word(p, 2)),
		   size = words_number(word(p, 3)),
		   gap_us = words_number(word(p, 4));
	const int fd = wire_fd(p->caller.wire);
	const int cut = STUN_CHANNEL_HEADER_LEN + (int)size;
	const long run =
	    FLOOD_BYTES / cut < FLOOD_RUN ? FLOOD_BYTES / cut : FLOOD_RUN;
	const int64_t start = mono_now_us();
	long failed = 0;

	for (long i = 0; i < run; i++)
		stun_channel_header(data + i * cut,
		    (uint16_t)words_number(word(p, 1)), (size_t)size);
	if (setsockopt(fd, SOL_UDP, UDP_SEGMENT, &cut, sizeof(cut)) != 0)
		words_die("flood: no UDP_SEGMENT");
	for (long i = 0; i < count; i++) {
		failed +=
		    wire_send(p->caller.wire, data, (size_t)(run * cut)) != 0;
		if (pass_time(p, start + (i + 1) * gap_us) < 0)
			break;
	}
	setsockopt(fd, SOL_UDP, UDP_SEGMENT, &(int){ 0 }, sizeof(int));
	answer(0);
	printf(" failed=%ld run=%ld", failed, run);
}

static void
do_stats(struct probe *p)
{
	answer(0);
	printf(" ");
	tally_print(&p->tally, stdout);
}

static void
do_await(struct probe *p)
{
	const bool echoes = strcmp(word(p, 1), "echoes") == 0;
	const uint64_t *have = echoes ? &p->tally.echoes : &p->tally.received;
	const uint64_t want = (uint64_t)words_number(word(p, 2));
	const mono_ms start = mono_now(),
		      end = start + words_number(word(p, 3));
	int rc = 0;

	while (*have < want && rc >= 0 && mono_now() < end)
		rc = caller_poll(&p->caller, end);
	answer(*have >= want ? 0 : rc < 0 ? EPIPE : ETIMEDOUT);
	printf(" after_ms=%" PRId64 " ", mono_now() - start);
	tally_print(&p->tally, stdout);
}

static void
print_raw(struct probe *p, mono_ms deadline)
{
	uint8_t out[4096];
	long n = wire_recv_raw(p->caller.wire, out, sizeof(out), deadline);

	answer(n == 0 ? ETIMEDOUT : n < 0 ? EPIPE : 0);
	printf(" len=%ld", n > 0 ? n : 0);
	if (n > 0)
		printf(" answer=");
	for (long i = 0; i < n; i++)
		printf("%02x", out[i]);
}

static void
do_raw(struct probe *p)
{
	static uint8_t data[LINE_MAX_LEN / 2];
	const size_t n = words_hex(data, sizeof(data), word(p, 1));

	if (wire_send(p->caller.wire, data, n) != 0) {
		answer(EPIPE);
		return;
	}
	print_raw(p, mono_now() + words_number(word(p, 2)));
}

/* One byte at a time. */
static void
do_trickle(struct probe *p)
{
	uint8_t data[4096];
	const size_t n = words_hex(data, sizeof(data), word(p, 1));
	const mono_ms gap = words_number(word(p, 2));

	for (size_t i = 0; i < n; i++) {
		if (wire_send(p->caller.wire, data + i, 1) != 0) {
			answer(EPIPE);
			printf(" sent=%zu", i);
			return;
		}
		if (i + 1 < n)
			(void)poll(NULL, 0, (int)gap);
	}
	print_raw(p, mono_now() + words_number(word(p, 3)));
}

static void
do_closed(struct probe *p)
{
	const mono_ms start = mono_now(),
		      end = start + words_number(word(p, 1));
	uint8_t out[4096];
	long n;

	do
		n = wire_recv_raw(p->caller.wire, out, sizeof(out), end);
	while (n > 0);
	answer(n < 0 ? 0 : ETIMEDOUT);
	printf(" after_ms=%" PRId64, mono_now() - start);
}

static void
do_close(struct probe *p)
{
	wire_close(p->caller.wire);
	p->caller.wire = NULL;
	answer(0);
}

static const struct command {
	const char *name;
	void (*run)(struct probe *p);
	bool needs_wire;
} commands[] = {
	{ "open", do_open, false },
	{ "user", do_user, false },
	{ "rest", do_rest, false },
	{ "bind", do_bind, true },
	{ "allocate", do_allocate, true },
	{ "refresh", do_refresh, true },
	{ "permit", do_permit, true },
	{ "channel", do_channel, true },
	{ "request", do_request, true },
	{ "unsigned", do_request, true },
	{ "echo", do_echo, false },
	{ "reset", do_reset, false },
	{ "send", do_send, true },
	{ "flood", do_flood, true },
	{ "await", do_await, true },
	{ "stats", do_stats, false },
	{ "raw", do_raw, true },
	{ "trickle", do_trickle, true },
	{ "closed", do_closed, true },
	{ "close", do_close, false },
};

static void
run_line(struct probe *p, char *line)
{
	char *save = NULL;

	p->words = 0;
	for (char *w = strtok_r(line, " \t", &save); w != NULL;
	     w = strtok_r(NULL, " \t", &save)) {
		if (p->words == WORDS_MAX)
			words_die("too many words");
		p->word[p->words++] = w;
	}
	if (p->words == 0)
		return;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, p->word[0]) != 0)
			continue;
		if (commands[i].needs_wire && p->caller.wire == NULL)
			answer(EPIPE);
		else
			commands[i].run(p);
		putchar('\n');
		fflush(stdout);
		return;
	}
	if (strcmp(p->word[0], "quit") == 0)
		exit(0);
	words_die("no command %s", p->word[0]);
}

/* Runs every whole line that has been read. */
static void
run_lines(struct probe *p)
{
	char *end;

	while ((end = memchr(p->line, '\n', p->have)) != NULL) {
		size_t n = (size_t)(end - p->line) + 1;
		char *line = strndup(p->line, n - 1);

		memmove(p->line, p->line + n, p->have - n);
		p->have -= n;
		run_line(p, line);
		free(line);
	}
}

int
main(void)
{
	struct probe *p = mem_must(1, sizeof(*p));
	struct pollfd fds[2] = { { .fd = 0, .events = POLLIN } };
	long n;

	p->caller.sink = take_payload;
	p->caller.arg = p;
	p->caller.sign = true;
	p->tally.id = entropy_below(UINT32_MAX - 1) + 1;
	for (;;) {
		fds[1].fd = p->caller.wire ? wire_fd(p->caller.wire) : -1;
		fds[1].events = POLLIN;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return 1;
		if (fds[1].revents != 0) {
			while ((n = caller_poll(&p->caller, 0)) > 0)
				;
			if (n < 0) {
				wire_close(p->caller.wire);
				p->caller.wire = NULL;
			}
		}
		if (fds[0].revents == 0)
			continue;
		n = read(0, p->line + p->have, sizeof(p->line) - p->have);
		if (n <= 0)
			return 0;
		p->have += (size_t)n;
		run_lines(p);
	}
}
