/*
 * snapshot_key: every key of the configuration: where it stands, what it
 * may hold, its default, and where its value goes in struct snapshot.
 */
#ifndef RELAY_SNAPSHOT_KEY_H
#define RELAY_SNAPSHOT_KEY_H

#include "relay/snapshot.h"

struct snapshot_key;

/* Reads text into *elem.  Returns NULL, or what would be right. */
typedef const char *
snapshot_parse_fn(void *elem, const char *text, const struct snapshot_key *k);
/* Writes the element as it stands in the file, quotes and all. */
typedef void snapshot_print_fn(FILE *out, const void *elem);

struct snapshot_kind {
	size_t size; /* of one element */
	bool is_list;
	bool is_text; /* the element is a char *: parse checks, store copies */
	bool is_path; /* taken relative to the file it stands in */
	bool is_secret; /* no message and no dump shows it */
	bool is_unserved;
	snapshot_parse_fn *parse;
	snapshot_print_fn *print;
};

struct snapshot_key {
	const char *section;
	const char *name;
	const struct snapshot_kind *kind;
	size_t offset;   /* in struct snapshot, or in its item */
	bool is_item;    /* of a section with a title: snapshot_item.h */
	const char *def; /* list items are separated by a blank */
	unsigned min, max;
};

/* What a list is in struct snapshot, whatever it lists. */
struct snapshot_list {
	void *at;
	size_t count;
};

enum {
	SNAPSHOT_BURST_MIN = 1500, /* one packet must fit */
	SNAPSHOT_RATE_MIN = 12000, /* and pass within a second */
	SNAPSHOT_QUOTA_MIN = 1000 * 1000,
	/* of a socket; the kernel keeps twice as much in an int */
	SNAPSHOT_BUFFER_MIN = 4096,
	SNAPSHOT_BUFFER_MAX = 512 << 20,
	SNAPSHOT_NAME_MAX = 253, /* a DNS name */
	SNAPSHOT_USER_MAX = 508, /* USERNAME: below 509 bytes, RFC 8489 */
	SNAPSHOT_PASSWORD_MAX = 512,
	SNAPSHOT_CLAIM_MAX = 512, /* what a token says */
};

/* caps.burst before the rate is known: a time carries this bit. */
#define SNAPSHOT_BURST_IS_MS (UINT64_C(1) << 63)

extern const struct snapshot_key snapshot_keys[];
extern const size_t snapshot_key_count;

enum { SNAPSHOT_KEYS_MAX = 160 };

/* NULL when there is no such key. */
const struct snapshot_key *
snapshot_key_find(const char *section, const char *name);

/* The value of k in base, struct snapshot or the item k belongs to: frees
 * what it owns, writes it as it stands in the file, or without quotes, as in
 * a difference; are two the same? */
void snapshot_key_free(void *base, const struct snapshot_key *k);
void
snapshot_key_print(FILE *out, const void *base, const struct snapshot_key *k);
void snapshot_key_print_plain(
    FILE *out, const void *base, const struct snapshot_key *k);
bool snapshot_key_is_same(
    const void *a, const void *b, const struct snapshot_key *k);
/* Without a rate there is no burst that could be loaded again. */
bool snapshot_key_is_printed(const void *base, const struct snapshot_key *k);

/* Writes text quoted, so that it reads back as it is. */
void snapshot_key_quote(FILE *out, const char *text);
/* Is text free of control characters?  Returns NULL or a sentence. */
const char *snapshot_key_printable(const char *text);

#endif
