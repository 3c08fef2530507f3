/*
 * ctl: supernodectl, the operator's tool.
 *
 * A verb is a file and a row in the table of main.c.  It may turn its words
 * into arguments of the request and says how the answer reads.
 */
#ifndef RELAY_CTL_H
#define RELAY_CTL_H

#include <jansson.h>
#include <stdio.h>

#include "common/code.h"

enum ctl_exit {
	CTL_OK = 0,
	CTL_REFUSED = 1, /* the server said why */
	CTL_USAGE = 2,
	CTL_UNREACHABLE = 3, /* not running, or not ours to ask */
};

struct ctl_verb {
	const char *name; /* NULL ends a table */
	/* behind the verb, for --help; "--memory" is the option by that name,
	 * other options are taken where they stand here: their texts are in
	 * args under their names */
	const char *words;
	const char *help;
	/* Fills args from the words behind the verb; 0 or EINVAL.  NULL: the
	 * verb takes none, options go to the server as they are. */
	int (*parse)(json_t *args, int count, char **word);
	void (*print)(FILE *out, const json_t *answer);
};

int ctl_explain_parse(json_t *args, int count, char **word);
void ctl_explain_print(FILE *out, const json_t *answer);
int ctl_nodes_parse(json_t *args, int count, char **word);
void ctl_nodes_print(FILE *out, const json_t *answer);
int ctl_top_parse(json_t *args, int count, char **word);
void ctl_top_print(FILE *out, const json_t *answer);
int ctl_show_parse(json_t *args, int count, char **word);
void ctl_show_print(FILE *out, const json_t *answer);
void ctl_quota_print(FILE *out, const json_t *answer);
int ctl_report_parse(json_t *args, int count, char **word);
void ctl_report_print(FILE *out, const json_t *answer);
int ctl_policy_parse(json_t *args, int count, char **word);
void ctl_policy_print(FILE *out, const json_t *answer);
int ctl_audit_parse(json_t *args, int count, char **word);
void ctl_audit_print(FILE *out, const json_t *answer);
int ctl_allocations_parse(json_t *args, int count, char **word);
void ctl_allocations_print(FILE *out, const json_t *answer);
int ctl_caps_parse(json_t *args, int count, char **word);
void ctl_caps_print(FILE *out, const json_t *answer);
void ctl_drain_print(FILE *out, const json_t *answer);
int ctl_drain_parse(json_t *args, int count, char **word);
int ctl_kick_parse(json_t *args, int count, char **word);
void ctl_kick_print(FILE *out, const json_t *answer);
int ctl_relay_parse(json_t *args, int count, char **word);
void ctl_relay_print(FILE *out, const json_t *answer);
void ctl_reload_print(FILE *out, const json_t *answer);
void ctl_memory_print(FILE *out, const json_t *answer);
void ctl_status_print(FILE *out, const json_t *answer);
void ctl_version_print(FILE *out, const json_t *answer);

/* The option --deadline of args: "5m" becomes deadline_ms.  0 or EINVAL. */
MUST_CHECK int ctl_deadline_parse(json_t *args);

#endif
