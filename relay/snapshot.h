/*
 * snapshot: the configuration, checked and frozen.
 *
 * Loaded by the main thread, then read-only: workers keep a pointer until
 * they are handed a newer one.  FROZEN: after snapshot_load.
 */
#ifndef RELAY_SNAPSHOT_H
#define RELAY_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/addr.h"
#include "common/code.h"
#include "common/log.h"
#include "common/stun/integrity.h"

enum {
	SNAPSHOT_WORKERS_MAX = 256,
	/* 401 to a bare 20-byte request must fit 2.5x on the wire */
	SNAPSHOT_REALM_MAX = 40,
	SNAPSHOT_ERROR_MAX = 512,
	SNAPSHOT_TITLE_MAX = 63, /* of a network, a schedule */
	SNAPSHOT_NETWORKS_MAX = 256,
};

struct table;

struct snapshot_addrs {
	struct addr *at;
	size_t count;
};

struct snapshot_prefixes {
	struct addr_prefix *at;
	size_t count;
};

/* "203.0.113.7/10.0.0.7": what the world sees / what we bind */
struct snapshot_external {
	struct addr outside;
	struct addr inside;
};

/* network "campus" { ... } */
struct snapshot_network {
	char *name;
	struct snapshot_prefixes prefixes;
	uint64_t rate;  /* bit/s a direction, 0: no cap of its own */
	uint64_t burst; /* bytes */
	uint64_t quota_day, quota_month; /* bytes, 0: none */
	bool counts_to_quota;            /* of the host */
	bool relay;
};

/* schedule "night" { ... }: local time; to <= from ends on the next day */
struct snapshot_schedule {
	char *name;
	uint8_t days;  /* on which it begins; bit 0: Monday */
	uint16_t from; /* minutes after midnight */
	uint16_t to;
	bool has_rate;
	uint64_t rate; /* bit/s a direction, 0: unlimited */
	bool relay;
};

/* Whose traffic is relayed: at least so many ends in a network. */
enum snapshot_members { SNAPSHOT_ANYONE, SNAPSHOT_ONE_END, SNAPSHOT_BOTH_ENDS };
/* What becomes of relaying when a quota is used up. */
enum snapshot_at_quota { SNAPSHOT_TRICKLE, SNAPSHOT_SIGNALLING, SNAPSHOT_OFF };
/* auth { issuer "login" { ... } } */
struct snapshot_issuer {
	char *title;
	char *jwks;     /* a file, or a URL */
	char *issuer;   /* as tokens say it */
	char *audience; /* that tokens must have */
	char *name_claim;
};

enum snapshot_subjects {
	SNAPSHOT_SUBJECTS_FULL,
	SNAPSHOT_SUBJECTS_HASHED,
	SNAPSHOT_SUBJECTS_NONE
};
enum snapshot_on_failure { SNAPSHOT_CONTINUE, SNAPSHOT_STOP_RELAYING };

struct snapshot_texts {
	char **at;
	size_t count;
};

struct snapshot_user {
	char *name;
	char *password;
	struct stun_key md5; /* long-term keys under the realm */
	struct stun_key sha256;
	uint8_t userhash[STUN_USERHASH_LEN];
};

struct snapshot {
	struct {
		char *name;
		char *realm;
		unsigned workers; /* resolved: never 0 */
		char *state;
		char *run;
		char *contact;
	} node;
	struct {
		struct snapshot_addrs udp;
		struct snapshot_addrs tcp;
		struct snapshot_addrs tls;
		struct snapshot_addrs dtls;
		char *certificate; /* "" when none */
		char *private_key;
		struct snapshot_prefixes proxy;
		/* of each UDP socket, bytes; 0: the kernel's default */
		uint64_t receive_buffer;
		uint64_t send_buffer;
		bool offload; /* relayed addresses too */
	} listen;
	struct {
		bool enabled;
		/* what to bind, resolved: at least one */
		struct snapshot_addrs addresses;
		struct snapshot_external *external;
		size_t external_count;
		uint16_t port_min;
		uint16_t port_max;
		bool hairpin;
		bool io_uring; /* as the start had it */
		struct snapshot_prefixes allow;
		struct snapshot_prefixes deny;
		uint64_t receive_buffer; /* of each relayed address */
		uint64_t send_buffer;
		enum snapshot_members members_only;
		struct snapshot_addrs alternates; /* host and port */
	} relay;
	struct {
		char **secrets; /* TURN REST, several at once */
		size_t secret_count;
		size_t secret_inline; /* the first so many stand in the file */
		char *secret_file;    /* "" when none; the others are in it */
		struct snapshot_user *users;
		size_t user_count;
		struct table *by_name; /* of users */
		struct table *by_hash;
		struct snapshot_issuer *issuers; /* of tokens */
		size_t issuer_count;
		bool anonymous; /* guests without a token */
	} auth;
	struct {
		bool enabled;
		bool peerjs;
		bool page;
		struct snapshot_texts origins; /* of browsers; "*": any */
		uint64_t max_message;          /* bytes */
		uint64_t wait_ms;              /* for an absent peer */
		unsigned sessions;             /* in all */
		unsigned sessions_per_name;
		unsigned sessions_per_address;
		unsigned sessions_per_prefix; /* /24, /56 */
		unsigned messages;            /* a second and session */
		uint64_t bytes; /* bit/s: of a session's messages */
		unsigned watches;
		unsigned pending;       /* connections before their hello */
		uint64_t credential_s;  /* how long TURN credentials live */
		bool peerjs_discovery;  /* /peers */
		unsigned waiting;       /* messages for one absent name */
		uint64_t waiting_bytes; /* of them */
		struct snapshot_texts rest_keys; /* of ?service=turn */
	} signalling;
	struct {
		uint64_t rate;  /* bit/s a direction, 0 = unlimited */
		uint64_t burst; /* bytes */
		unsigned allocations;
		unsigned allocations_per_user;
		unsigned unauthenticated; /* answers/s and source prefix */
		unsigned connections;     /* TCP, TLS, DTLS together */
		unsigned connections_per_prefix;
		uint64_t rate_per_user;  /* bit/s a direction, 0: none */
		uint64_t burst_per_user; /* bytes */
		uint64_t rate_per_allocation;
		uint64_t burst_per_allocation;
		uint64_t quota_day, quota_month; /* bytes, 0: none */
		uint64_t user_quota_day, user_quota_month;
		unsigned month_day;  /* a month begins on this day, 1-31 */
		unsigned day_minute; /* and a day at this minute */
		char *time_zone;     /* "": the host's */
		enum snapshot_at_quota at_quota;
		uint64_t trickle; /* bit/s a direction */
	} caps;
	struct snapshot_network *networks;
	size_t network_count;
	struct snapshot_schedule *schedules;
	size_t schedule_count;
	struct {
		struct snapshot_texts sites; /* DNS names */
		struct addr resolver;        /* none: as the host has it */
		char *file;                  /* "": none */
	} policy;
	struct {
		char *file; /* "": none */
		enum snapshot_subjects subjects;
		uint64_t rotate_bytes; /* of one file, 0: no limit */
		uint64_t retention_s;
		enum snapshot_on_failure on_failure;
	} audit;
	struct {
		struct addr listen; /* none: no admin listener */
		char *socket;
	} admin;
	struct {
		enum log_level level;
		char *target;
	} log;
};

/*
 * Loads path (NULL: embedded defaults, which lack a credential and a rate
 * and therefore do not pass) and path's conf.d/ *.conf.  Returns 0 and
 * *out, owned by the caller; else EINVAL with a sentence in why that names
 * file, line, key and what would be right.
 */
MUST_CHECK int snapshot_load(
    struct snapshot **out, const char *path, char why[SNAPSHOT_ERROR_MAX]);
/* The same from text that is called name in messages, without conf.d. */
MUST_CHECK int snapshot_load_text(struct snapshot **out, const char *name,
    const char *text, char why[SNAPSHOT_ERROR_MAX]);
/* The same as snapshot_load, with more, in the file's syntax, read last. */
MUST_CHECK int snapshot_load_with(struct snapshot **out, const char *path,
    const char *more, char why[SNAPSHOT_ERROR_MAX]);
void snapshot_free(struct snapshot *s);

/* Writes the effective configuration in the file's syntax, secrets as
 * "***". */
void snapshot_dump(const struct snapshot *s, FILE *out);

/* Writes one line per changed key ("caps.rate: 10Mbit/s -> 5Mbit/s"). */
void snapshot_diff(
    const struct snapshot *old, const struct snapshot *new, FILE *out);

/* May new replace old while running?  Returns 0, or EINVAL and names in why
 * the key that needs a restart (node.workers, node.run, listen.*, admin.*). */
MUST_CHECK int snapshot_may_replace(const struct snapshot *old,
    const struct snapshot *new, char why[SNAPSHOT_ERROR_MAX]);

/* Are the TURN REST secrets the same, in the same order? */
bool
snapshot_has_same_secrets(const struct snapshot *a, const struct snapshot *b);

/* Static user by name, or by userhash; NULL when unknown.  O(1). */
const struct snapshot_user *
snapshot_user(const struct snapshot *s, const void *name, size_t len);
const struct snapshot_user *snapshot_user_by_hash(
    const struct snapshot *s, const uint8_t hash[STUN_USERHASH_LEN]);

#endif
