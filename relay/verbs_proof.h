/* verbs_proof: verbs that show why something is as it is. */
#ifndef RELAY_VERBS_PROOF_H
#define RELAY_VERBS_PROOF_H

#include "relay/control.h"

/* args: {"show":"key"} */
void verbs_audit(void *arg, struct control_call *call, const json_t *args);

/* args: {"refresh":true} asks the networks now. */
void verbs_policy(void *arg, struct control_call *call, const json_t *args);

/* args: {"what":"an allocation, a user or an address"} */
void verbs_explain(void *arg, struct control_call *call, const json_t *args);

#endif
