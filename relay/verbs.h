/* verbs: what the control socket serves; their argument is the server. */
#ifndef RELAY_VERBS_H
#define RELAY_VERBS_H

#include "relay/control.h"

extern const struct control_verb verbs[];

/* The lines of text, an array of strings; NULL: no memory. */
json_t *verbs_lines_json(const char *text);

#endif
