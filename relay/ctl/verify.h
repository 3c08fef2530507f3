/*
 * verify: `supernodectl audit verify`, which asks no server: is a log as it
 * was written?
 *
 * Several files are put in the order of their first lines.
 */
#ifndef RELAY_CTL_VERIFY_H
#define RELAY_CTL_VERIFY_H

#include <stdbool.h>
#include <stdio.h>

struct ctl_verify {
	const char *key;  /* hexadecimal, or a file with it; NULL: the log's */
	const char *head; /* file of the seal; NULL: none */
	bool is_json;
	int count;
	char **file;
};

/* Prints what it found.  Returns CTL_OK; CTL_REFUSED when a fault was found;
 * CTL_USAGE; CTL_UNREACHABLE when a file cannot be read. */
int ctl_verify(FILE *out, const struct ctl_verify *v);

#endif
