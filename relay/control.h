/*
 * control: the operator's socket.  A UNIX stream socket, mode 0660; a client
 * writes one line {"verb":"status","args":{...}} and reads one line: the
 * answer, or {"error":"..."}.
 *
 * OWNER: main.  Requests, connections and time are bounded.  A lock file
 * beside the socket says whether its owner lives.
 */
#ifndef RELAY_CONTROL_H
#define RELAY_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/code.h"

struct event_base;
struct control;
struct control_call; /* a connection and its one request */

enum {
	CONTROL_REQUEST_MAX = 8 * 1024, /* bytes, newline included */
	CONTROL_CONNECTIONS_MAX = 16,
	CONTROL_TIMEOUT_S = 10, /* without a byte read or written */
};

struct control_verb {
	const char *name; /* NULL ends a table */
	bool is_change;   /* logged with the caller's uid */
	/* args is an object or NULL, borrowed.  Answers call exactly once,
	 * now or later. */
	void (*run)(void *arg, struct control_call *call, const json_t *args);
};

/*
 * Takes path and begins to listen.  Returns 0, or an errno with
 * a sentence in why: EADDRINUSE when another process serves this path.
 */
MUST_CHECK int control_open(struct control **out, struct event_base *base,
    const char *path, char *why, size_t why_size);
/* Begins to accept; verbs and arg are borrowed. */
void
control_serve(struct control *c, const struct control_verb *verbs, void *arg);
/* Removes the socket; calls that wait are gone.  NULL is legal. */
void control_close(struct control *c);

/* Who is at the other end (SO_PEERCRED); -1 where it is not known. */
struct control_caller {
	long uid;
	long pid;
};
struct control_caller control_caller(const struct control_call *call);

/* Is j a text of at most max bytes that fits into a line of the log: without
 * control characters and quotes? */
static inline bool
control_is_text(const json_t *j, size_t max)
{
	const char *text = json_string_value(j);

	if (text == NULL || json_string_length(j) > max ||
	    json_string_length(j) != strlen(text))
		return false;
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == '\x7f' ||
		    *text == '"')
			return false;
	return true;
}

/* Takes answer (NULL: out of memory) and call. */
void control_answer(struct control_call *call, json_t *answer);
void control_refuse(struct control_call *call, const char *why);

#endif
