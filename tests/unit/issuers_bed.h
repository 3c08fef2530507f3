/* What the tests of issuers stand on: issuers by file and by URL, a web server
 * of the test's own and the clock in its hand; included once. */
#ifndef TESTS_UNIT_ISSUERS_BED_H
#define TESTS_UNIT_ISSUERS_BED_H

#include "tests/unit/token_bed.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/mono.h"
#include "common/token/keyset.h"
#include "relay/issuers.h"
#include "relay/issuers_web.h"
#include "relay/snapshot.h"

enum {
	NOW = 1700000000,
	DEADLINE_MS = 20 * 1000,
	THREADS = 4,
	ANSWER_MAX = KEYSET_BYTES_MAX + 1024,
};

static struct {
	char dir[64];
	char file[96];
	struct snapshot conf;
	struct snapshot_issuer issuers[2];
	struct issuers *s;
	_Atomic mono_ms now;

	/* the web server */
	int fd;
	unsigned port;
	pthread_t thread;
	bool is_running;
	_Atomic unsigned requests; /* answered */
	_Atomic(const char *) answer;
} bed;

mono_ms
mono_now(void)
{
	return atomic_load(&bed.now);
}

int64_t
mono_now_us(void)
{
	return atomic_load(&bed.now) * 1000;
}

int64_t
mono_wall_s(void)
{
	return NOW;
}

int64_t
mono_wall_ms(void)
{
	return NOW * INT64_C(1000);
}

/* ---- web server */

static void
serve_one(int fd)
{
	const char *answer = atomic_load(&bed.answer);
	char head[4096];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(head) - 1) {
		if ((n = read(fd, head + len, sizeof(head) - 1 - len)) <= 0)
			return;
		len += (size_t)n;
		head[len] = '\0';
		if (strstr(head, "\r\n\r\n") != NULL)
			break;
	}
	for (len = strlen(answer); len > 0; len -= (size_t)n) {
		if ((n = send(fd, answer + strlen(answer) - len, len,
			 MSG_NOSIGNAL)) <= 0)
			break;
	}
	atomic_fetch_add(&bed.requests, 1);
}

static void *
serve(void *arg)
{
	int fd;

	(void)arg;
	/* shutdown(2) of the listener ends it */
	while ((fd = accept(bed.fd, NULL, NULL)) >= 0) {
		serve_one(fd);
		close(fd);
	}
	return NULL;
}

static void
listen_at(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	const int on = 1;

	bed.fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(bed.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(bed.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(bed.fd, 16), 0);
	getsockname(bed.fd, (struct sockaddr *)&a, &len);
	bed.port = ntohs(a.sin_port);
	pthread_create(&bed.thread, NULL, serve, NULL);
	bed.is_running = true;
}

static void
stop_server(void)
{
	if (!bed.is_running)
		return;
	shutdown(bed.fd, SHUT_RDWR);
	pthread_join(bed.thread, NULL);
	close(bed.fd);
	bed.is_running = false;
}

/* ---- the bed */

/* A set of one Ed25519 key. */
static const char *
set_of(char out[512], const char *kid, uint8_t which)
{
	char jwk[256];

	snprintf(out, 512, "{\"keys\":[{\"kid\":\"%s\",%s}]}", kid,
	    bed_ed25519_jwk(jwk, which));
	return out;
}

/* What the server answers from now on; kept to the end of the test. */
static void
answer(const char *status, const char *headers, const char *body)
{
	static char texts[8][ANSWER_MAX];
	static unsigned next;
	char *text = texts[next++ % 8];

	snprintf(text, ANSWER_MAX,
	    "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers,
	    strlen(body), body);
	atomic_store(&bed.answer, text);
}

static void
write_file(const char *path, const char *text)
{
	char beside[256];
	FILE *f;

	snprintf(beside, sizeof(beside), "%s.beside", path);
	f = fopen(beside, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(rename(beside, path), 0);
}

static int
set_up(void **state)
{
	static char url[128];
	char text[512];

	(void)state;
	memset(&bed, 0, sizeof(bed));
	bed.now = 1000 * 1000;
	strcpy(bed.dir, "/tmp/test_issuers.XXXXXX");
	if (mkdtemp(bed.dir) == NULL)
		return -1;
	snprintf(bed.file, sizeof(bed.file), "%s/login.jwks", bed.dir);
	write_file(bed.file, set_of(text, "a", 1));
	listen_at(0);
	answer("200 OK", "", set_of(text, "w", 3));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/jwks", bed.port);

	bed.issuers[0] = (struct snapshot_issuer){ "login", bed.file,
		"https://i", "sn", "sub" };
	bed.issuers[1] =
	    (struct snapshot_issuer){ "oidc", url, "https://o", "sn", "email" };
	bed.conf.node.state = bed.dir;
	bed.conf.auth.issuers = bed.issuers;
	bed.conf.auth.issuer_count = 2;
	return 0;
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	mem_fail_at(-1);
	issuers_free(bed.s);
	stop_server();
	snprintf(command, sizeof(command), "rm -r %s", bed.dir);
	return system(command);
}

static void
open_issuers(void)
{
	assert_non_null(bed.s = issuers_new(&bed.conf));
	assert_int_equal(issuers_start(bed.s), 0);
}

static enum issuers_verdict
verify_text(const char *text, struct issuers_identity *out)
{
	return issuers_verify(bed.s, text, strlen(text), NOW, out);
}

static enum issuers_verdict
verify(unsigned signer, const char *kid, const char *claims)
{
	struct issuers_identity id;
	enum issuers_verdict v;
	char header[128];
	char *text;

	snprintf(
	    header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", kid);
	text = bed_token(signer, header, claims);
	v = verify_text(text, &id);
	free(text);
	return v;
}

#define EXP   "\"exp\":1700000100"
#define ALICE "{\"iss\":\"https://i\",\"aud\":\"sn\",\"sub\":\"alice\"," EXP "}"
#define CAROL                                            \
	"{\"iss\":\"https://o\",\"aud\":[\"sn\",\"x\"]," \
	"\"email\":\"carol@example.org\"," EXP "}"

/* Asks until the verdict is that; each time as a client would. */
static void
wait_verdict(unsigned signer, const char *kid, const char *claims,
    enum issuers_verdict want)
{
	for (int ms = 0; ms < DEADLINE_MS; ms += 5) {
		if (verify(signer, kid, claims) == want)
			return;
		poll(NULL, 0, 5); /* poll interval */
	}
	fail_msg("no verdict %d for %s", want, kid);
}

static void
wait_requests(unsigned want)
{
	for (int ms = 0; ms < DEADLINE_MS; ms += 5) {
		if (atomic_load(&bed.requests) >= want)
			return;
		poll(NULL, 0, 5); /* poll interval */
	}
	fail_msg("%u requests, not %u", atomic_load(&bed.requests), want);
}

#endif
