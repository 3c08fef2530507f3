/* own: what the files of policy/ share. */
#ifndef RELAY_POLICY_OWN_H
#define RELAY_POLICY_OWN_H

struct policy;
struct policy_networks;

const struct policy_networks *policy_networks_of(const struct policy *p);

#endif
