/*
 * report: the beginning and the end of an allocation in the log and in the
 * audit log.
 *
 * OWNER: worker.
 */
#ifndef RELAY_TURN_REPORT_H
#define RELAY_TURN_REPORT_H

struct turn_alloc;

void turn_report_open(const struct turn_alloc *al);
/* why is a constant. */
void turn_report_close(const struct turn_alloc *al, const char *why);

#endif
