#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/addr.h"
#include "common/cursor.h"
#include "common/mem.h"
#include "relay/site_dns.h"

enum { MAX = 4096, CLASS_IN = 1, TYPE_TXT = 16, TYPE_CNAME = 5 };

/* "_supernode.x." */
static const char NAME[] = "\012_supernode\001x";

static uint8_t answer[MAX];
static struct pen p;

static void
begin(uint16_t flags, uint16_t answers)
{
	pen_init(&p, answer, sizeof(answer));
	pen_u16(&p, 7);
	pen_u16(&p, flags);
	pen_u16(&p, 1);
	pen_u16(&p, answers);
	pen_u32(&p, 0);
	pen_bytes(&p, NAME, sizeof(NAME));
	pen_u16(&p, TYPE_TXT);
	pen_u16(&p, CLASS_IN);
}

/* A record of two strings; len: of its data, if not the right one. */
static void
add_txt(const char *a, const char *b, int len)
{
	const size_t na = strlen(a), nb = strlen(b);

	pen_u16(&p, 0xC00C);
	pen_u16(&p, TYPE_TXT);
	pen_u16(&p, CLASS_IN);
	pen_u32(&p, 60);
	pen_u16(&p, (uint16_t)(len >= 0 ? (size_t)len : na + nb + 2));
	pen_u8(&p, (uint8_t)na);
	pen_bytes(&p, a, na);
	pen_u8(&p, (uint8_t)nb);
	pen_bytes(&p, b, nb);
}

static enum site_dns_outcome
read_answer(struct policy_site *word, size_t len)
{
	/* exactly as long as it is */
	uint8_t *exact = malloc(len + 1);
	const char *why = NULL;
	enum site_dns_outcome o;

	assert_non_null(exact);
	memcpy(exact, answer, len);
	o = site_dns_read(word, &why, exact, len);
	assert_non_null(why);
	free(exact);
	return o;
}

static void
test_strings_of_a_record_are_joined(void **state)
{
	struct policy_site word;

	(void)state;
	begin(0x8180, 3);
	add_txt("v=spf1", " -all", -1);
	add_txt("v=supernode1; ra", "te=5Mbit/s", -1);
	add_txt("v=supernode1; month=1GB", "", -1);
	assert_int_equal(read_answer(&word, pen_len(&p)), SITE_DNS_FOUND);
	assert_int_equal(word.records, 2);
	assert_int_equal(word.rate, 5000000);
	assert_int_equal(word.month, 1000000000);
	assert_true(word.relay);
}

static void
test_no_record_is_no_word(void **state)
{
	struct policy_site word;

	(void)state;
	begin(0x8180, 0);
	assert_int_equal(read_answer(&word, pen_len(&p)), SITE_DNS_NONE);
	assert_int_equal(word.records, 0);
}

/* Cut anywhere, and with any byte changed, it is an answer or a failure:
 * never another word than relay, and never more than what was there. */
static void
test_hostile_answers_are_survived(void **state)
{
	struct policy_site word;
	size_t len;

	(void)state;
	begin(0x8180, 2);
	add_txt("v=supernode1; relay=no", "", -1);
	add_txt("v=supernode1; rate=5Mbit/s", "; x=y", -1);
	len = pen_len(&p);
	for (size_t i = 0; i < len; i++) {
		(void)read_answer(&word, i);
		for (unsigned bit = 0; bit < 8; bit++) {
			answer[i] ^= (uint8_t)(1 << bit);
			(void)read_answer(&word, len);
			answer[i] ^= (uint8_t)(1 << bit);
		}
	}
	assert_int_equal(read_answer(&word, len), SITE_DNS_FOUND);
	assert_false(word.relay);
}

static void
test_lengths_that_lie_fail(void **state)
{
	static const int lens[] = { 0, 1, 5, 22, 500, 65535 };
	struct policy_site word;

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		begin(0x8180, 1);
		add_txt("v=supernode1; relay=yes", "", lens[i]);
		if (read_answer(&word, pen_len(&p)) == SITE_DNS_FOUND)
			assert_int_equal(word.rate, 0);
	}
	/* a count that is larger than what follows */
	begin(0x8180, 60000);
	add_txt("v=supernode1; rate=1Mbit/s", "", -1);
	assert_int_equal(read_answer(&word, pen_len(&p)), SITE_DNS_FAILED);
}

static void
test_a_name_that_points_to_itself_ends(void **state)
{
	struct policy_site word;

	(void)state;
	begin(0x8180, 1);
	pen_u16(&p, (uint16_t)(0xC000 | pen_len(&p)));
	pen_u16(&p, TYPE_CNAME);
	pen_u16(&p, CLASS_IN);
	pen_u32(&p, 60);
	pen_u16(&p, 2);
	pen_u16(&p, 0xC00C);
	assert_int_equal(read_answer(&word, pen_len(&p)), SITE_DNS_FAILED);
}

static void
test_short_memory_is_a_failure(void **state)
{
	struct policy_site word;

	(void)state;
	begin(0x8180, 1);
	add_txt("v=supernode1", "", -1);
	mem_fail_at(0);
	assert_int_equal(read_answer(&word, pen_len(&p)), SITE_DNS_FAILED);
	mem_fail_at(-1);
}

/* ---- over the wire, on loopback */

struct bed {
	struct event_base *base;
	struct site_dns *dns;
	struct addr at; /* of the fake server */
	int fd;
	struct event *question;
	unsigned mode;
	unsigned questions, answers;
	enum site_dns_outcome outcome;
	struct policy_site word;
	uint16_t ids[8], ports[8];
};

static void
on_answer(void *arg, enum site_dns_outcome outcome,
    const struct policy_site *word, const char *why)
{
	struct bed *b = arg;

	(void)why;
	b->answers++;
	b->outcome = outcome;
	b->word = *word;
	event_base_loopbreak(b->base);
}

enum { MODE_RIGHT, MODE_WRONG_FIRST, MODE_SERVFAIL, MODE_NXDOMAIN };

static void
reply(struct bed *b, const uint8_t *question, size_t len, uint16_t id,
    const struct sockaddr_in *to)
{
	static const uint16_t flags[] = { 0x8180, 0x8180, 0x8182, 0x8183 };
	uint8_t out[MAX];
	struct pen q;

	pen_init(&q, out, sizeof(out));
	pen_u16(&q, id);
	pen_u16(&q, flags[b->mode]);
	pen_u16(&q, 1);
	pen_u16(&q, b->mode <= MODE_WRONG_FIRST);
	pen_u32(&q, 0);
	pen_bytes(&q, question + 12, len - 12);
	if (b->mode <= MODE_WRONG_FIRST) {
		const bool is_right =
		    id == (uint16_t)(question[0] << 8 | question[1]);
		const char *text = is_right ? "v=supernode1; rate=5Mbit/s"
					    : "v=supernode1; relay=no    ";

		pen_u16(&q, 0xC00C);
		pen_u16(&q, TYPE_TXT);
		pen_u16(&q, CLASS_IN);
		pen_u32(&q, 60);
		pen_u16(&q, (uint16_t)(strlen(text) + 1));
		pen_u8(&q, (uint8_t)strlen(text));
		pen_bytes(&q, text, strlen(text));
	}
	assert_true(sendto(b->fd, out, pen_len(&q), 0,
			(const struct sockaddr *)to, sizeof(*to)) > 0);
}

static void
on_question(evutil_socket_t fd, short what, void *arg)
{
	struct bed *b = arg;
	uint8_t in[MAX];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t n;
	uint16_t id;

	(void)what;
	n = recvfrom(
	    fd, in, sizeof(in), 0, (struct sockaddr *)&from, &from_len);
	assert_true(n > 12);
	id = (uint16_t)(in[0] << 8 | in[1]);
	if (b->questions < 8) {
		b->ids[b->questions] = id;
		b->ports[b->questions] = ntohs(from.sin_port);
	}
	b->questions++;
	if (b->mode == MODE_WRONG_FIRST)
		for (uint16_t k = 1; k < 50; k++)
			reply(b, in, (size_t)n, (uint16_t)(id + k), &from);
	reply(b, in, (size_t)n, id, &from);
}

static int
setup(void **state)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in4);
	struct bed *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return -1;
	b->base = event_base_new();
	b->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (bind(b->fd, (struct sockaddr *)&in4, sizeof(in4)) < 0 ||
	    getsockname(b->fd, (struct sockaddr *)&in4, &len) < 0)
		return -1;
	addr_from_sockaddr(&b->at, (struct sockaddr *)&in4, len);
	b->question =
	    event_new(b->base, b->fd, EV_READ | EV_PERSIST, on_question, b);
	event_add(b->question, NULL);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bed *b = *state;

	site_dns_close(b->dns);
	event_free(b->question);
	close(b->fd);
	event_base_free(b->base);
	free(b);
	return 0;
}

static void
ask(struct bed *b)
{
	const struct timeval deadline = { 20, 0 };
	const unsigned before = b->answers;
	char why[128];

	if (b->dns == NULL)
		assert_int_equal(
		    site_dns_open(&b->dns, b->base, &b->at, why, sizeof(why)),
		    0);
	site_dns_ask(b->dns, "example.edu", on_answer, b);
	event_base_loopexit(b->base, &deadline);
	while (b->answers == before && !event_base_got_exit(b->base))
		event_base_loop(b->base, EVLOOP_ONCE);
	assert_int_equal(b->answers, before + 1);
}

static void
test_a_question_is_answered(void **state)
{
	struct bed *b = *state;

	ask(b);
	assert_int_equal(b->outcome, SITE_DNS_FOUND);
	assert_int_equal(b->word.rate, 5000000);
}

static void
test_answers_to_other_questions_are_not_taken(void **state)
{
	struct bed *b = *state;

	b->mode = MODE_WRONG_FIRST;
	ask(b);
	assert_int_equal(b->outcome, SITE_DNS_FOUND);
	assert_true(b->word.relay);
	assert_int_equal(b->word.rate, 5000000);
}

static void
test_ids_and_ports_are_not_the_same_again(void **state)
{
	struct bed *b = *state;
	unsigned same_ids = 0, same_ports = 0, in_order = 0;

	for (unsigned i = 0; i < 8; i++) {
		ask(b);
		/* each round of looks has a channel of its own */
		site_dns_close(b->dns);
		b->dns = NULL;
	}
	for (unsigned i = 1; i < 8; i++) {
		same_ids += b->ids[i] == b->ids[i - 1];
		same_ports += b->ports[i] == b->ports[i - 1];
		in_order += b->ids[i] == (uint16_t)(b->ids[i - 1] + 1);
	}
	assert_true(same_ids <= 1);
	assert_true(same_ports <= 2);
	assert_true(in_order <= 1);
}

static void
test_no_such_name_and_a_server_in_trouble_differ(void **state)
{
	struct bed *b = *state;

	b->mode = MODE_NXDOMAIN;
	ask(b);
	assert_int_equal(b->outcome, SITE_DNS_NONE);
	b->mode = MODE_SERVFAIL;
	ask(b);
	assert_int_equal(b->outcome, SITE_DNS_FAILED);
}

static void
test_closing_forgets_questions(void **state)
{
	struct bed *b = *state;
	char why[128];

	assert_int_equal(
	    site_dns_open(&b->dns, b->base, &b->at, why, sizeof(why)), 0);
	site_dns_ask(b->dns, "example.edu", on_answer, b);
	site_dns_close(b->dns);
	b->dns = NULL;
	assert_int_equal(b->answers, 0);
}

static void
test_short_memory_refuses_to_open(void **state)
{
	struct bed *b = *state;
	char why[128];
	int rc;

	for (long n = 0;; n++) {
		mem_fail_at(n);
		rc = site_dns_open(&b->dns, b->base, &b->at, why, sizeof(why));
		mem_fail_at(-1);
		if (rc == 0)
			break;
		assert_int_equal(rc, ENOMEM);
	}
	/* and a question is answered at once */
	mem_fail_at(0);
	site_dns_ask(b->dns, "example.edu", on_answer, b);
	mem_fail_at(-1);
	assert_int_equal(b->answers, 1);
	assert_int_equal(b->outcome, SITE_DNS_FAILED);
}

#define WIRE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings_of_a_record_are_joined),
		cmocka_unit_test(test_no_record_is_no_word),
		cmocka_unit_test(test_hostile_answers_are_survived),
		cmocka_unit_test(test_lengths_that_lie_fail),
		cmocka_unit_test(test_a_name_that_points_to_itself_ends),
		cmocka_unit_test(test_short_memory_is_a_failure),
		WIRE(test_a_question_is_answered),
		WIRE(test_answers_to_other_questions_are_not_taken),
		WIRE(test_ids_and_ports_are_not_the_same_again),
		WIRE(test_no_such_name_and_a_server_in_trouble_differ),
		WIRE(test_closing_forgets_questions),
		WIRE(test_short_memory_refuses_to_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
