#include "relay/schedule.h"

#include <stdio.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/zone.h"
#include "policy/policy.h"
#include "relay/consent.h"
#include "relay/snapshot.h"

struct schedule {
	/* OWNER: main */
	struct consent *consent;     /* borrowed */
	const struct snapshot *conf; /* borrowed */
	struct zone *zone;
	struct policy_schedule said;
};

static void
set_zone(struct schedule *s)
{
	struct zone *zone = NULL;
	const char *why;

	if (zone_load(&zone, s->conf->caps.time_zone, &why) != 0) {
		log_error("schedule: caps.time-zone %s: %s",
		    s->conf->caps.time_zone, why);
		return; /* the one before stays */
	}
	zone_free(s->zone);
	s->zone = zone;
}

static void
name_window(const struct schedule *s, int window, int64_t wall_s,
    char reason[CONSENT_REASON_MAX])
{
	const struct snapshot *conf = s->conf;
	const int64_t until = policy_schedule_change(
	    conf->schedules, conf->schedule_count, s->zone, wall_s);
	char text[DATE_TEXT_MAX];

	snprintf(reason, CONSENT_REASON_MAX, "schedule %.64s%s%s",
	    conf->schedules[window].name, until < 0 ? "" : " until ",
	    until < 0 ? "" : zone_format(s->zone, until, text));
}

static void
say(const struct schedule *s, int64_t wall_s)
{
	struct consent_say say = { .relay = true };

	if (s->said.rate != POLICY_SCHEDULE_NONE) {
		say.rate = s->conf->schedules[s->said.rate].rate;
		say.is_instead = true;
		name_window(s, s->said.rate, wall_s, say.reason);
	}
	if (s->said.off != POLICY_SCHEDULE_NONE) {
		say.relay = false;
		name_window(s, s->said.off, wall_s, say.reason);
	}
	consent_set(s->consent, CONSENT_SCHEDULE, &say);
}

static struct policy_schedule
ask(const struct schedule *s, int64_t wall_s)
{
	return policy_schedule_at(
	    s->conf->schedules, s->conf->schedule_count, s->zone, wall_s);
}

void
schedule_tick(struct schedule *s, int64_t wall_s)
{
	const struct policy_schedule now = ask(s, wall_s);

	if (now.off == s->said.off && now.rate == s->said.rate)
		return;
	s->said = now;
	say(s, wall_s);
}

void
schedule_configure(
    struct schedule *s, const struct snapshot *conf, int64_t wall_s)
{
	s->conf = conf;
	set_zone(s);
	s->said = ask(s, wall_s);
	say(s, wall_s);
}

struct schedule *
schedule_new(
    struct consent *consent, const struct snapshot *conf, int64_t wall_s)
{
	struct schedule *s;

	if ((s = mem_try(1, sizeof(*s))) == NULL)
		return NULL;
	s->consent = consent;
	s->conf = conf;
	if (zone_of_rule(&s->zone, "UTC0") != 0)
		goto fail;
	schedule_configure(s, conf, wall_s);
	return s;

fail:
	schedule_free(s);
	return NULL;
}

void
schedule_free(struct schedule *s)
{
	if (s == NULL)
		return;
	zone_free(s->zone);
	mem_free(s);
}

json_t *
schedule_json(const struct schedule *s, int64_t wall_s)
{
	const struct snapshot *conf = s->conf;
	const struct date_clock c = zone_clock(s->zone, wall_s);
	const int64_t changes = policy_schedule_change(
	    conf->schedules, conf->schedule_count, s->zone, wall_s);
	char local[DATE_TEXT_MAX], next[DATE_TEXT_MAX];
	json_t *open = json_array();

	for (size_t i = 0; i < conf->schedule_count; i++)
		if (policy_schedule_is_open(
			&conf->schedules[i], c.weekday, c.minute))
			json_array_append_new(
			    open, json_string(conf->schedules[i].name));
	return json_pack("{s:s,s:o,s:o}", "local",
	    zone_format(s->zone, wall_s, local), "open", open, "changes",
	    changes < 0 ? json_null()
			: json_string(zone_format(s->zone, changes, next)));
}
