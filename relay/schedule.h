/*
 * schedule: says in consent what the windows of the configuration that are
 * open now say (policy/schedule.h), and until when.
 *
 * OWNER: main.  Time comes in as an argument.
 */
#ifndef RELAY_SCHEDULE_H
#define RELAY_SCHEDULE_H

#include <jansson.h>
#include <stdint.h>

struct consent;
struct schedule;
struct snapshot;

/* Borrows consent, and conf until the next schedule_configure.  NULL when
 * memory is short. */
struct schedule *schedule_new(
    struct consent *consent, const struct snapshot *conf, int64_t wall_s);
void schedule_free(struct schedule *s);
void schedule_configure(
    struct schedule *s, const struct snapshot *conf, int64_t wall_s);

/* Every second, or whenever the clock may have been changed. */
void schedule_tick(struct schedule *s, int64_t wall_s);

/* {"local","open":[names],"changes"}; "changes" is null when nothing does
 * within a week. */
json_t *schedule_json(const struct schedule *s, int64_t wall_s);

#endif
