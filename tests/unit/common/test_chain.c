#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/chain.h"
#include "common/hex.h"

enum { LINES = 40, EDITS = 2000 };

static const uint8_t SEED[SIGNATURE_SEED_LEN] = { 1, 2, 3 };
static const char TIME[] = "2026-11-23T20:31:05.123Z";

/* A file in memory. */
struct log {
	char line[LINES + 2][CHAIN_LINE_MAX + 1];
	unsigned count;
	struct chain chain;
	struct chain_seal last; /* the last checkpoint's */
};

static void
add(struct log *g, const char *event, const char *members)
{
	const size_t len =
	    chain_append(&g->chain, g->line[g->count], TIME, event, members);

	assert_int_equal(len, strlen(g->line[g->count]));
	assert_true(len > 0);
	g->count++;
}

static void
add_open(struct log *g)
{
	char prev[2 * CHAIN_HASH_LEN + 1], key[2 * SIGNATURE_PUBLIC_LEN + 1];
	uint8_t public_key[SIGNATURE_PUBLIC_LEN];
	char members[512];

	assert_int_equal(signature_public(public_key, SEED), 0);
	snprintf(members, sizeof(members), "\"key\":\"%s\",\"prev\":\"%s\"",
	    hex_write(key, public_key, sizeof(public_key)),
	    hex_write(prev, g->chain.hash, CHAIN_HASH_LEN));
	add(g, "open", members);
}

static void
add_checkpoint(struct log *g)
{
	char seal[CHAIN_SEAL_MAX];

	assert_int_equal(chain_sign(&g->last, &g->chain, SEED), 0);
	chain_seal_write(&g->last, seal);
	seal[strlen(seal) - 1] = '\0';
	add(g, "checkpoint", seal + 1);
}

/* Lines with a checkpoint every seventh, and one at the end. */
static struct log *
make(uint64_t seq)
{
	struct log *g = test_calloc(1, sizeof(*g));
	char members[64];

	g->chain.seq = seq;
	add_open(g);
	for (unsigned i = 1; i < LINES - 1; i++) {
		snprintf(members, sizeof(members), "\"bytes\":%u", i);
		if (i % 7 == 0)
			add_checkpoint(g);
		else
			add(g, "opened", members);
	}
	add_checkpoint(g);
	return g;
}

/* The first fault, and its line from 0 (count: at the end). */
static enum chain_fault
check(const struct log *g, struct chain_check *k, unsigned *at)
{
	enum chain_fault f;

	for (unsigned i = 0; i < g->count; i++) {
		f = chain_check_line(k, g->line[i], strlen(g->line[i]));
		if (f != CHAIN_GOOD) {
			*at = i;
			return f;
		}
	}
	*at = g->count;
	return chain_check_end(k);
}

static enum chain_fault
check_plain(const struct log *g, unsigned *at)
{
	struct chain_check k;

	chain_check_init(&k, NULL);
	return check(g, &k, at);
}

/* ---- what was written */

static void
test_a_log_is_as_it_was_written(void **state)
{
	struct log *g = make(0);
	struct chain_check k;
	unsigned at;

	(void)state;
	chain_check_init(&k, NULL);
	assert_int_equal(check(g, &k, &at), CHAIN_GOOD);
	assert_int_equal(k.first, 1);
	assert_int_equal(k.at.seq, LINES);
	assert_int_equal(k.sealed_seq, LINES);
	test_free(g);
}

static void
test_a_second_file_goes_on_where_the_first_ended(void **state)
{
	struct log *a = make(0), *b;
	struct chain_check k;
	unsigned at;

	(void)state;
	b = test_calloc(1, sizeof(*b));
	b->chain = a->chain;
	add_open(b);
	add(b, "closed", "");
	chain_check_init(&k, NULL);
	assert_int_equal(check(a, &k, &at), CHAIN_GOOD);
	assert_int_equal(check(b, &k, &at), CHAIN_GOOD);
	/* without its last line */
	a->count--;
	chain_check_init(&k, NULL);
	assert_int_equal(check(a, &k, &at), CHAIN_GOOD);
	assert_int_equal(check(b, &k, &at), CHAIN_MISSING);
	assert_int_equal(at, 0);
	test_free(a);
	test_free(b);
}

static void
test_a_line_that_is_too_long_is_not_written(void **state)
{
	static char members[CHAIN_LINE_MAX + 1];
	char out[CHAIN_LINE_MAX + 1];
	struct chain c = { .seq = 3 };

	(void)state;
	memset(members, 'x', CHAIN_LINE_MAX);
	assert_int_equal(chain_append(&c, out, TIME, "e", members), 0);
	assert_int_equal(c.seq, 3);
	/* the longest that fits is read again */
	for (size_t n = CHAIN_LINE_MAX; n > 0; n--) {
		snprintf(members, sizeof(members), "\"a\":\"%0*d\"",
		    (int)n - 6 > 1 ? (int)n - 6 : 1, 0);
		if (chain_append(&c, out, TIME, "e", members) > 0)
			break;
	}
	assert_int_equal(strlen(out), CHAIN_LINE_MAX);
	assert_int_equal(chain_read(&c, out, strlen(out)), 0);
	assert_int_equal(c.seq, 4);
}

static void
test_a_time_reads_as_it_is(void **state)
{
	char text[CHAIN_TIME_MAX];

	(void)state;
	assert_string_equal(
	    chain_time(1234567890007, text), "2009-02-13T23:31:30.007Z");
	assert_string_equal(chain_time(0, text), "1970-01-01T00:00:00.000Z");
}

static void
test_a_seal_comes_back(void **state)
{
	struct log *g = make(0);
	char text[CHAIN_SEAL_MAX];
	struct chain_seal s;
	uint8_t key[SIGNATURE_PUBLIC_LEN];

	(void)state;
	assert_int_equal(signature_public(key, SEED), 0);
	assert_int_equal(
	    chain_seal_read(&s, chain_seal_write(&g->last, text)), 0);
	assert_memory_equal(&s, &g->last, sizeof(s));
	assert_true(chain_is_signed(&s, key));
	s.at.seq++;
	assert_false(chain_is_signed(&s, key));
	for (size_t n = 0; n < strlen(text); n++) {
		char cut[CHAIN_SEAL_MAX];

		snprintf(cut, sizeof(cut), "%.*s", (int)n, text);
		assert_int_not_equal(chain_seal_read(&s, cut), 0);
	}
	test_free(g);
}

/* ---- what was done to it */

static void
test_a_changed_line_is_found_where_it_stands(void **state)
{
	struct log *g = make(0);
	unsigned at;

	(void)state;
	g->line[12][strlen("{\"seq\":13,\"time\":\"2")] = '3';
	assert_int_equal(check_plain(g, &at), CHAIN_CHANGED);
	assert_int_equal(at, 12);
	test_free(g);
}

static void
test_lines_hashed_anew_do_not_fit_the_signature(void **state)
{
	struct log *g = make(0), *h = test_calloc(1, sizeof(*h));
	unsigned at;

	(void)state;
	memcpy(h->line[0], g->line[0], sizeof(g->line[0]));
	assert_int_equal(
	    chain_read(&h->chain, h->line[0], strlen(h->line[0])), 0);
	h->count = 1;
	for (unsigned i = 1; i < 7; i++)
		add(h, "opened", i == 3 ? "\"bytes\":0" : "");
	/* the checkpoint as it was, under a hash that fits */
	h->last = (struct chain_seal){ .at = h->chain };
	memcpy(h->last.signature, g->last.signature, SIGNATURE_LEN);
	{
		char seal[CHAIN_SEAL_MAX];

		chain_seal_write(&h->last, seal);
		seal[strlen(seal) - 1] = '\0';
		add(h, "checkpoint", seal + 1);
	}
	assert_int_equal(check_plain(h, &at), CHAIN_BAD_SIGNATURE);
	assert_int_equal(at, 7);
	test_free(g);
	test_free(h);
}

static void
test_a_log_of_another_key_is_told(void **state)
{
	struct log *g = make(0);
	uint8_t other[SIGNATURE_PUBLIC_LEN];
	struct chain_check k;
	unsigned at;

	(void)state;
	assert_int_equal(
	    signature_public(other, (const uint8_t[SIGNATURE_SEED_LEN]){ 9 }),
	    0);
	chain_check_init(&k, other);
	assert_int_equal(check(g, &k, &at), CHAIN_OTHER_KEY);
	assert_int_equal(at, 0);
	test_free(g);
}

static void
test_an_end_that_was_cut_off_is_told_by_the_seal(void **state)
{
	struct log *g = make(0);
	struct chain_check k;
	unsigned at;

	(void)state;
	for (unsigned cut = 0; cut < LINES; cut++) {
		g->count = LINES - cut;
		chain_check_init(&k, NULL);
		chain_check_expect(&k, &g->last);
		/* the last checkpoint is a line behind what it covers */
		assert_int_equal(
		    check(g, &k, &at), cut <= 1 ? CHAIN_GOOD : CHAIN_CUT);
	}
	g->count = LINES;
	g->last.at.hash[3] ^= 1;
	chain_check_init(&k, NULL);
	chain_check_expect(&k, &g->last);
	assert_int_equal(check(g, &k, &at), CHAIN_BAD_SIGNATURE);
	test_free(g);
}

static void
test_a_seal_of_an_earlier_file_says_nothing(void **state)
{
	struct log *early = make(0), *late = make(100);
	struct chain_check k;
	unsigned at;

	(void)state;
	chain_check_init(&k, NULL);
	chain_check_expect(&k, &early->last);
	assert_int_equal(check(late, &k, &at), CHAIN_GOOD);
	test_free(early);
	test_free(late);
}

static unsigned
below(unsigned n)
{
	return (unsigned)rand() % n;
}

static void
drop_line(struct log *g, unsigned i)
{
	memmove(g->line[i], g->line[i + 1],
	    (g->count - i - 1) * sizeof(g->line[0]));
	g->count--;
}

static void
insert_line(struct log *g, unsigned i, unsigned from)
{
	char copy[CHAIN_LINE_MAX + 1];

	memcpy(copy, g->line[from], sizeof(copy));
	memmove(
	    g->line[i + 1], g->line[i], (g->count - i) * sizeof(g->line[0]));
	memcpy(g->line[i], copy, sizeof(copy));
	g->count++;
}

static void
swap_lines(struct log *g, unsigned i, unsigned k)
{
	char copy[CHAIN_LINE_MAX + 1];

	memcpy(copy, g->line[i], sizeof(copy));
	memcpy(g->line[i], g->line[k], sizeof(copy));
	memcpy(g->line[k], copy, sizeof(copy));
}

/* One edit at line i; returns the line at which it must be found at the
 * latest. */
static unsigned
edit(struct log *g, unsigned i)
{
	char *line = g->line[i];
	unsigned k;

	switch (below(6)) {
	case 0: /* a byte, anywhere */
		line[below((unsigned)strlen(line))] ^= (char)(1 + below(127));
		return i;
	case 1:
		drop_line(g, i);
		return i;
	case 2:
		insert_line(g, i + 1, below(g->count));
		/* of a line put before itself, the second one is the copy */
		return i + 2;
	case 3:
		do
			k = below(g->count);
		while (k == i);
		swap_lines(g, i, k);
		return i < k ? i : k;
	case 4: /* a byte more */
		k = below((unsigned)strlen(line) + 1);
		memmove(line + k + 1, line + k, strlen(line + k) + 1);
		line[k] = (char)(' ' + below(90));
		return i;
	default: /* a byte less */
		k = below((unsigned)strlen(line));
		memmove(line + k, line + k + 1, strlen(line + k));
		return i;
	}
}

/* Whatever was done to any line but to the last, it is found there. */
static void
test_every_edit_is_found(void **state)
{
	struct log *g = make(0), *h = test_malloc(sizeof(*h));
	struct chain_check k;
	unsigned at, latest;

	(void)state;
	srand(4);
	for (unsigned n = 0; n < EDITS; n++) {
		const unsigned i = below(g->count);

		memcpy(h, g, sizeof(*h));
		latest = edit(h, i);
		chain_check_init(&k, NULL);
		chain_check_expect(&k, &g->last);
		if (check(h, &k, &at) == CHAIN_GOOD) {
			/* only the loss of the line that carries the seal */
			assert_int_equal(h->count, g->count - 1);
			assert_int_equal(i, g->count - 1);
		} else {
			assert_true(at <= latest);
		}
	}
	test_free(g);
	test_free(h);
}

static void
test_what_stands_behind_a_fault_is_checked(void **state)
{
	static const enum chain_fault want[] = { CHAIN_MISSING, CHAIN_MOVED,
		CHAIN_GOOD, CHAIN_GOOD };
	struct log *g = make(0);
	struct chain_check k;

	(void)state;
	swap_lines(g, 10, 11);
	g->line[20][3] ^= 1; /* no JSON: as if it were not there */
	g->line[30][strlen("{\"seq\":31,\"time\":\"")] = '1';
	chain_check_init(&k, NULL);
	for (unsigned i = 0; i < g->count; i++) {
		const enum chain_fault f =
		    chain_check_line(&k, g->line[i], strlen(g->line[i]));

		if (i >= 10 && i < 14)
			assert_int_equal(f, want[i - 10]);
		else if (i == 20)
			assert_int_not_equal(f, CHAIN_GOOD);
		else if (i == 21)
			assert_int_equal(f, CHAIN_MISSING);
		else
			assert_int_equal(
			    f, i == 30 ? CHAIN_CHANGED : CHAIN_GOOD);
	}
	test_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_log_is_as_it_was_written),
		cmocka_unit_test(
		    test_a_second_file_goes_on_where_the_first_ended),
		cmocka_unit_test(test_a_line_that_is_too_long_is_not_written),
		cmocka_unit_test(test_a_time_reads_as_it_is),
		cmocka_unit_test(test_a_seal_comes_back),
		cmocka_unit_test(test_a_changed_line_is_found_where_it_stands),
		cmocka_unit_test(
		    test_lines_hashed_anew_do_not_fit_the_signature),
		cmocka_unit_test(test_a_log_of_another_key_is_told),
		cmocka_unit_test(
		    test_an_end_that_was_cut_off_is_told_by_the_seal),
		cmocka_unit_test(test_a_seal_of_an_earlier_file_says_nothing),
		cmocka_unit_test(test_every_edit_is_found),
		cmocka_unit_test(test_what_stands_behind_a_fault_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
