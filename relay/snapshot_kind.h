/* snapshot_kind: the kinds of values that keys hold. */
#ifndef RELAY_SNAPSHOT_KIND_H
#define RELAY_SNAPSHOT_KIND_H

#include "relay/snapshot_key.h"

/* Digits only: no sign, no blank, one to eight. */
bool snapshot_kind_digits(unsigned *out, const char *text, size_t len);
/* A host that packets can come from: no wildcard, no multicast. */
bool snapshot_kind_is_unicast(const struct addr *a);
extern const struct snapshot_kind snapshot_kind_admin, snapshot_kind_at_quota,
    snapshot_kind_bool, snapshot_kind_claim, snapshot_kind_jwks,
    snapshot_kind_days, snapshot_kind_file, snapshot_kind_members,
    snapshot_kind_minute, snapshot_kind_month, snapshot_kind_on_failure,
    snapshot_kind_own_rate, snapshot_kind_quota, snapshot_kind_resolver,
    snapshot_kind_retention, snapshot_kind_rotate, snapshot_kind_servers,
    snapshot_kind_sites, snapshot_kind_subjects, snapshot_kind_trickle,
    snapshot_kind_burst, snapshot_kind_count, snapshot_kind_dir,
    snapshot_kind_externals, snapshot_kind_hosts, snapshot_kind_level,
    snapshot_kind_listeners, snapshot_kind_name, snapshot_kind_path,
    snapshot_kind_ports, snapshot_kind_prefixes, snapshot_kind_rate,
    snapshot_kind_realm, snapshot_kind_secrets, snapshot_kind_size,
    snapshot_kind_target, snapshot_kind_text, snapshot_kind_unserved,
    snapshot_kind_unserved_list, snapshot_kind_lifetime, snapshot_kind_message,
    snapshot_kind_origins, snapshot_kind_pace, snapshot_kind_wait;

#endif
