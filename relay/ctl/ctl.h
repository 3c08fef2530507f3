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
	const char *name;  /* NULL ends a table */
	const char *words; /* behind the verb, for --help; "--memory" is the
			    * option by that name */
	const char *help;
	/* Fills args from the words behind the verb; 0 or EINVAL.  NULL: the
	 * verb takes none. */
	int (*parse)(json_t *args, int count, char **word);
	void (*print)(FILE *out, const json_t *answer);
};

int ctl_audit_parse(json_t *args, int count, char **word);
void ctl_audit_print(FILE *out, const json_t *answer);
int ctl_allocations_parse(json_t *args, int count, char **word);
void ctl_allocations_print(FILE *out, const json_t *answer);
void ctl_reload_print(FILE *out, const json_t *answer);
void ctl_memory_print(FILE *out, const json_t *answer);
void ctl_status_print(FILE *out, const json_t *answer);
void ctl_version_print(FILE *out, const json_t *answer);

#endif
