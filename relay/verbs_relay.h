/* verbs_relay: the rows of verbs.c that say whether to relay. */
#ifndef RELAY_VERBS_RELAY_H
#define RELAY_VERBS_RELAY_H

#include "relay/control.h"

/* {"relay":false,"deadline_ms":300000,"reason":"..."} */
void verbs_relay(void *arg, struct control_call *call, const json_t *args);
/* {"deadline_ms":300000} or {"cancel":true} */
void verbs_drain(void *arg, struct control_call *call, const json_t *args);

#endif
