/* verbs_caps: the row of verbs.c that shows and changes limits. */
#ifndef RELAY_VERBS_CAPS_H
#define RELAY_VERBS_CAPS_H

#include "relay/control.h"

/* {} or {"key":"rate","value":"5Mbit/s"} */
void verbs_caps(void *arg, struct control_call *call, const json_t *args);

#endif
