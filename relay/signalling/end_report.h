/*
 * end_report: the beginning and the end of a stream's end in the log and in
 * the audit log.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_END_REPORT_H
#define RELAY_SIGNALLING_END_REPORT_H

struct signal_end;

void signal_end_report_open(const struct signal_end *e);
/* why is a constant. */
void signal_end_report_close(const struct signal_end *e, const char *why);

#endif
