#include "relay/quota_serve.h"

#include <errno.h>
#include <event2/event.h>

#include "common/mono.h"
#include "relay/quota.h"
#include "relay/schedule.h"
#include "relay/server.h"
#include "relay/site.h"
#include "relay/worker.h"

static struct quota_clock
clock_now(void)
{
	return (struct quota_clock){ .now = mono_now(),
		.wall_s = mono_wall_s(),
		.boot_s = mono_boot_s() };
}

static struct quota_wire
wire_of(const struct server *s)
{
	struct quota_wire w = { 0, 0 };

	for (unsigned i = 0; i < s->worker_count; i++) {
		const struct stats *of = worker_stats(s->workers[i]);

		for (int k = 0; k < STATS_KINDS; k++) {
			w.in += of->wire_bytes[STATS_IN][k];
			w.out += of->wire_bytes[STATS_OUT][k];
		}
	}
	return w;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	const struct quota_clock clock = clock_now();
	struct server *s = arg;
	const struct quota_wire wire = wire_of(s);
	struct timeval tv = { 0, 0 };

	(void)fd;
	(void)what;
	schedule_tick(s->schedule, clock.wall_s);
	quota_site(s->quota, site_month(s->site), &clock);
	quota_tick(s->quota, &wire, &clock);
	tv.tv_usec = quota_tick_ms(s->quota) * 1000;
	event_add(s->quota_tick, &tv);
}

int
quota_serve_open(struct server *s)
{
	const struct timeval tv = { 0, QUOTA_TICK_MS * 1000 };
	const struct quota_clock clock = clock_now();

	s->schedule = schedule_new(s->consent, s->conf, clock.wall_s);
	s->quota = quota_new(s->budget, s->consent, s->conf, &clock);
	s->quota_tick = event_new(s->base, -1, 0, on_tick, s);
	if (s->schedule == NULL || s->quota == NULL || s->quota_tick == NULL)
		return ENOMEM;
	quota_site(s->quota, site_month(s->site), &clock);
	quota_audit(s->quota, s->audit);
	return event_add(s->quota_tick, &tv) == 0 ? 0 : ENOMEM;
}

void
quota_serve_apply(struct server *s)
{
	const struct quota_clock clock = clock_now();

	schedule_configure(s->schedule, s->conf, clock.wall_s);
	quota_configure(s->quota, s->conf, &clock);
}

void
quota_serve_sum(struct server *s)
{
	if (s->quota != NULL)
		on_tick(-1, 0, s);
}

void
quota_serve_close(struct server *s)
{
	const struct quota_clock clock = clock_now();

	if (s->quota_tick != NULL)
		event_free(s->quota_tick);
	quota_end(s->quota, &clock);
	quota_free(s->quota);
	schedule_free(s->schedule);
}

void
quota_serve_status(struct server *s, json_t *status)
{
	json_object_set_new(status, "quota", quota_brief(s->quota));
	json_object_set_new(
	    status, "schedule", schedule_json(s->schedule, mono_wall_s()));
}

void
quota_serve_metrics(struct server *s, FILE *out)
{
	quota_metrics(s->quota, out);
}

void
quota_serve_verb(void *arg, struct control_call *call, const json_t *args)
{
	const struct quota_clock clock = clock_now();
	struct server *s = arg;

	(void)args;
	control_answer(call, quota_json(s->quota, &clock));
}

void
quota_serve_report(void *arg, struct control_call *call, const json_t *args)
{
	const char *month = json_string_value(json_object_get(args, "month"));
	const struct quota_clock clock = clock_now();
	struct server *s = arg;
	char why[QUOTA_WHY_MAX];
	json_t *report = quota_report(s->quota, month, &clock, why);

	if (report != NULL)
		control_answer(call, report);
	else
		control_refuse(call, why);
}
