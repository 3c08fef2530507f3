#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/mem.h"
#include "common/wheel.h"

static const mono_ms START = 1000003; /* in the middle of a tick */

struct probe {
	struct wheel_timer timer;
	struct wheel *wheel;
	struct probe *other;
	mono_ms called;
	int calls;
};

static void
on_call(struct wheel_timer *t, mono_ms now)
{
	struct probe *p = LIST_ITEM(&t->node, struct probe, timer.node);

	p->called = now;
	p->calls++;
}

static int
setup(void **state)
{
	*state = wheel_new(START);
	return *state == NULL;
}

static int
teardown(void **state)
{
	wheel_free(*state);
	return 0;
}

/* Advances as a loop does: sleeps for what wheel_next_ms says.  Returns how
 * often it woke. */
static int
run_until(struct wheel *w, mono_ms now, mono_ms end)
{
	int wakes = 0;

	for (;;) {
		int wait = wheel_next_ms(w, now);

		if (wait == MONO_NEVER_MS || now + wait > end)
			break;
		now += wait;
		wheel_advance(w, now);
		wakes++;
	}
	wheel_advance(w, end);
	return wakes;
}

static void
test_a_timer_is_never_early_and_a_tick_late_at_most(void **state)
{
	static const mono_ms delays[] = { 0, 1, 15, 16, 17, 4079, 4080, 4095,
		4096, 4097, 5000, 300000, 1048575, 1048576, 1048577, 3600000,
		268435456, 268435457, 500000000, 1999999999 };

	(void)state;
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		struct wheel *w = wheel_new(START);
		struct probe p = { .calls = 0 };
		const mono_ms due = START + delays[i];
		int wakes;

		wheel_set(w, &p.timer, due, on_call);
		wakes = run_until(w, START, due + 2 * WHEEL_TICK_MS);
		assert_int_equal(p.calls, 1);
		assert_in_range(p.called, due, due + WHEEL_TICK_MS);
		/* a cascade per level and the call itself */
		assert_in_range(wakes, 1, WHEEL_LEVELS);
		wheel_free(w);
	}
}

static void
test_a_timer_beyond_the_wheel_comes_in_its_time(void **state)
{
	struct wheel *w = *state;
	struct probe p = { .calls = 0 };
	const mono_ms year = (mono_ms)365 * 86400 * 1000;
	const mono_ms due = START + 10 * year;

	wheel_set(w, &p.timer, due, on_call);
	run_until(w, START, due - 1);
	assert_int_equal(p.calls, 0);
	run_until(w, due - 1, due + WHEEL_TICK_MS);
	assert_int_equal(p.calls, 1);
	assert_true(p.called >= due);
}

static void
test_an_empty_wheel_wants_no_wakeup(void **state)
{
	struct wheel *w = *state;
	struct probe p = { .calls = 0 };

	assert_int_equal(wheel_next_ms(w, START), MONO_NEVER_MS);
	wheel_set(w, &p.timer, START + 300000, on_call);
	assert_int_not_equal(wheel_next_ms(w, START), MONO_NEVER_MS);
	wheel_stop(w, &p.timer);
	assert_int_equal(wheel_next_ms(w, START), MONO_NEVER_MS);
	wheel_set(w, &p.timer, START + 20, on_call);
	wheel_advance(w, START + 100);
	assert_int_equal(p.calls, 1);
	assert_int_equal(wheel_next_ms(w, START + 100), MONO_NEVER_MS);
}

static void
test_what_is_overdue_wants_a_wakeup_at_once(void **state)
{
	struct wheel *w = *state;
	struct probe p = { .calls = 0 };

	wheel_set(w, &p.timer, START + 20, on_call);
	assert_in_range(wheel_next_ms(w, START), 20, 20 + WHEEL_TICK_MS);
	assert_int_equal(wheel_next_ms(w, START + 5000), 0);
	wheel_stop(w, &p.timer);
}

static void
test_a_stopped_timer_is_not_called(void **state)
{
	struct wheel *w = *state;
	struct probe p = { .calls = 0 };

	wheel_stop(w, &p.timer);
	wheel_set(w, &p.timer, START + 50, on_call);
	assert_true(wheel_is_set(&p.timer));
	wheel_stop(w, &p.timer);
	assert_false(wheel_is_set(&p.timer));
	wheel_advance(w, START + 1000);
	assert_int_equal(p.calls, 0);
}

static void
test_a_moved_timer_is_called_once_at_its_new_time(void **state)
{
	struct wheel *w = *state;
	struct probe p = { .calls = 0 };

	wheel_set(w, &p.timer, START + 50, on_call);
	wheel_set(w, &p.timer, START + 9000, on_call);
	wheel_advance(w, START + 8999);
	assert_int_equal(p.calls, 0);
	wheel_advance(w, START + 9016);
	assert_int_equal(p.calls, 1);
	assert_false(wheel_is_set(&p.timer));
}

static void
on_repeat(struct wheel_timer *t, mono_ms now)
{
	struct probe *p = LIST_ITEM(&t->node, struct probe, timer.node);

	p->calls++;
	wheel_set(p->wheel, t, now, on_repeat);
}

/* After an hour's sleep there are 225000 ticks to catch up. */
static void
test_a_timer_that_sets_itself_to_now_is_called_once_an_advance(void **state)
{
	struct wheel *w = *state;
	struct probe p = { .wheel = w };

	wheel_set(w, &p.timer, START, on_repeat);
	wheel_advance(w, START + 3600000);
	assert_int_equal(p.calls, 1);
	wheel_advance(w, START + 3600000 + WHEEL_TICK_MS);
	assert_int_equal(p.calls, 2);
	wheel_stop(w, &p.timer);
}

static void
on_stop_other(struct wheel_timer *t, mono_ms now)
{
	struct probe *p = LIST_ITEM(&t->node, struct probe, timer.node);

	(void)now;
	p->calls++;
	wheel_stop(p->wheel, &p->other->timer);
}

static void
test_a_callback_may_stop_a_timer_of_its_own_tick(void **state)
{
	struct wheel *w = *state;
	struct probe a = { .wheel = w }, b = { .wheel = w };

	a.other = &b;
	b.other = &a;
	wheel_set(w, &a.timer, START + 40, on_stop_other);
	wheel_set(w, &b.timer, START + 40, on_stop_other);
	wheel_advance(w, START + 100);
	assert_int_equal(a.calls + b.calls, 1);
	assert_int_equal(wheel_next_ms(w, START + 100), MONO_NEVER_MS);
}

static void
on_free(struct wheel_timer *t, mono_ms now)
{
	(void)now;
	mem_free(LIST_ITEM(&t->node, struct probe, timer.node));
}

static void
test_a_callback_may_free_its_own_object(void **state)
{
	struct wheel *w = *state;

	for (int i = 0; i < 10; i++) {
		struct probe *p = mem_must(1, sizeof(*p));

		wheel_set(w, &p->timer, START + 40, on_free);
	}
	wheel_advance(w, START + 100);
	assert_int_equal(wheel_next_ms(w, START + 100), MONO_NEVER_MS);
}

static void
test_freeing_the_wheel_stops_its_timers_without_calling_them(void **state)
{
	struct wheel *w = wheel_new(START);
	struct probe p = { .calls = 0 };

	(void)state;
	wheel_set(w, &p.timer, START + 400000, on_call);
	wheel_free(w);
	wheel_free(NULL);
	assert_false(wheel_is_set(&p.timer));
	assert_int_equal(p.calls, 0);
	mem_fail_at(0);
	assert_null(wheel_new(START));
	mem_fail_at(-1);
}

/* ---- against a model: the due time of each timer in a plain array */

enum { MODEL_TIMERS = 64, MODEL_STEPS = 200000 };

static struct {
	struct wheel *wheel;
	struct probe probes[MODEL_TIMERS];
	mono_ms due[MODEL_TIMERS];  /* as asked for; -1: not set */
	mono_ms from[MODEL_TIMERS]; /* when it was asked for */
	mono_ms last;               /* due time's tick of the last call */
} model;

static uint64_t random_state = 88172645463325252;

static uint64_t
next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static mono_ms
random_delay(void)
{
	/* as many short as long ones, some in the past */
	return (mono_ms)(next_random() >> (34 + next_random() % 30)) - 5;
}

static void set_random(mono_ms now, size_t i);

static void
on_model(struct wheel_timer *t, mono_ms now)
{
	struct probe *p = LIST_ITEM(&t->node, struct probe, timer.node);
	const size_t i = (size_t)(p - model.probes);
	mono_ms effective = model.due[i];

	assert_true(model.due[i] != -1);
	assert_true(model.due[i] <= now);
	/* due ticks come in order; what was set late counts from then */
	if (effective < model.from[i])
		effective = model.from[i];
	assert_true(effective / 16 + 1 >= model.last / 16);
	model.last = effective;
	model.due[i] = -1;
	if (next_random() % 4 == 0)
		set_random(now, i);
	if (next_random() % 8 == 0) {
		size_t k = next_random() % MODEL_TIMERS;

		wheel_stop(model.wheel, &model.probes[k].timer);
		model.due[k] = -1;
	}
}

static void
set_random(mono_ms now, size_t i)
{
	model.due[i] = now + random_delay();
	model.from[i] = now;
	wheel_set(model.wheel, &model.probes[i].timer, model.due[i], on_model);
}

static void
check_model(mono_ms now)
{
	mono_ms soonest = -1;
	int wait = wheel_next_ms(model.wheel, now);

	for (size_t i = 0; i < MODEL_TIMERS; i++) {
		mono_ms due = model.due[i];

		assert_int_equal(
		    wheel_is_set(&model.probes[i].timer), due != -1);
		if (due == -1)
			continue;
		if (due < model.from[i])
			due = model.from[i];
		/* a tick late at most */
		assert_true(due + WHEEL_TICK_MS > now);
		if (soonest < 0 || due < soonest)
			soonest = due;
	}
	if (soonest < 0)
		assert_int_equal(wait, MONO_NEVER_MS);
	else
		assert_true(now + wait <= soonest + WHEEL_TICK_MS);
}

static void
test_random_operations_agree_with_a_plain_list(void **state)
{
	mono_ms now = START;

	model.wheel = *state;
	for (size_t i = 0; i < MODEL_TIMERS; i++)
		model.due[i] = -1;
	for (int step = 0; step < MODEL_STEPS; step++) {
		const size_t i = next_random() % MODEL_TIMERS;

		switch (next_random() % 4) {
		case 0:
		case 1:
			set_random(now, i);
			break;
		case 2:
			wheel_stop(model.wheel, &model.probes[i].timer);
			model.due[i] = -1;
			break;
		default:
			now += random_delay() + 5;
			model.last = 0;
			wheel_advance(model.wheel, now);
			check_model(now);
		}
	}
}

#define WITH_WHEEL(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_timer_is_never_early_and_a_tick_late_at_most),
		WITH_WHEEL(test_a_timer_beyond_the_wheel_comes_in_its_time),
		WITH_WHEEL(test_an_empty_wheel_wants_no_wakeup),
		WITH_WHEEL(test_what_is_overdue_wants_a_wakeup_at_once),
		WITH_WHEEL(test_a_stopped_timer_is_not_called),
		WITH_WHEEL(test_a_moved_timer_is_called_once_at_its_new_time),
		WITH_WHEEL(
		    test_a_timer_that_sets_itself_to_now_is_called_once_an_advance),
		WITH_WHEEL(test_a_callback_may_stop_a_timer_of_its_own_tick),
		WITH_WHEEL(test_a_callback_may_free_its_own_object),
		cmocka_unit_test(
		    test_freeing_the_wheel_stops_its_timers_without_calling_them),
		WITH_WHEEL(test_random_operations_agree_with_a_plain_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
