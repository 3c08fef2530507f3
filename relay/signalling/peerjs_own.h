/*
 * peerjs_own: what the parts of the PeerServer dialect know of each other.
 *
 * The home of an id is the worker that its hash names.  It alone says who has
 * the id, and every message for the id goes through it, so that what concerns
 * an id happens in one order, whichever workers the clients are at (but for
 * letters that meet a client that has just left: they come back, and go on):
 *
 *	client -COME-> home -WELCOME, or TAKEN, FULL-> client
 *	sender -letter-> home of dst (there it waits) -letter-> dst
 *	client -GO-> home
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_PEERJS_OWN_H
#define RELAY_SIGNALLING_PEERJS_OWN_H

#include "common/list.h"
#include "common/proto/peerjs.h"
#include "common/wheel.h"
#include "signalling/own.h"
#include "signalling/peerjs.h"

enum {
	PEERJS_ALIVE_MS = 90 * 1000, /* alive_timeout of the reference */
	PEERJS_LATE_MS = 50,         /* until full mail is tried again */
	/* that wait at one worker, for all ids homed there */
	PEERJS_WAITING_MAX = 16 * 1024 * 1024,
};

struct signal_peers {
	/* OWNER: worker */
	struct signalling *s;
	struct list all;       /* clients */
	struct table *clients; /* by session */
	struct table *homes;   /* by id */
	size_t waiting_bytes;
	struct list late; /* notices that did not fit into the mail */
	struct wheel_timer retry;
};

/* Zero-padded, so that it is compared whole. */
struct signal_peerjs_token {
	uint8_t len;
	char at[PROTO_PEERJS_TOKEN_MAX];
};

/* ---- post: what travels */

enum signal_peerjs_word {
	/* to the home of id */
	PEERJS_COME, /* the client at place wants id */
	PEERJS_GO,   /* it has left */
	/* to the client at place */
	PEERJS_WELCOME,
	PEERJS_TAKEN,
	PEERJS_FULL,
	PEERJS_REPLACED, /* by another with its token */
};

struct signal_peerjs_notice {
	struct signal_mail mail; /* first */
	struct list node;        /* in late */
	unsigned worker;
	enum signal_peerjs_word word;
	struct proto_peerjs_id id;
	struct directory_place place;
	struct signal_peerjs_token token; /* of COME */
};

/* A message for `to`, as it will hear it. */
struct signal_peerjs_letter {
	struct signal_mail mail; /* first */
	struct list node;        /* at home, while it waits */
	struct proto_peerjs_id to, from;
	uint64_t session; /* of `to`, where it was last delivered; 0: none */
	bool is_delivery; /* from home to the session */
	bool waits;
	size_t len;
	char text[];
};

/* Takes n.  It arrives; late, where the mail is full. */
void signal_peerjs_post_notice(
    struct signal_peers *p, unsigned worker, struct signal_peerjs_notice *n);
/* To the home of n->id, or the client at n->place, as the word says. */
void signal_peerjs_post_word(struct signal_peers *p,
    struct signal_peerjs_notice *n, enum signal_peerjs_word word);
void signal_peerjs_post_retry(struct wheel_timer *t, mono_ms now);
void signal_peerjs_post_drop_late(struct signal_peers *p);

/* m (its src is set) as a letter.  NULL: memory is short. */
struct signal_peerjs_letter *
signal_peerjs_post_letter(const struct proto_peerjs_message *m);
/* Takes l, to the home of l->to.  Returns 0, or EAGAIN: it is still the
 * caller's. */
MUST_CHECK int
signal_peerjs_post_home(struct signal_peers *p, struct signal_peerjs_letter *l);
/* The same to its session at worker. */
MUST_CHECK int signal_peerjs_post_client(
    struct signal_peers *p, unsigned worker, struct signal_peerjs_letter *l);
/* Tells the sender of l, if it is there and room is, EXPIRE or LEAVE. */
void signal_peerjs_post_refuse(struct signal_peers *p,
    const struct signal_peerjs_letter *l, enum proto_peerjs_type type);
/* Frees l. */
void signal_peerjs_post_drop(struct signal_mail *m);

/* ---- home: who has an id, and what waits for it */

MUST_CHECK int signal_peerjs_home_open(struct signal_peers *p);
/* The ids homed here are nobody's, what waited is gone. */
void signal_peerjs_home_close(struct signal_peers *p);
/* Takes n, COME or GO. */
void
signal_peerjs_home_hear(struct signal_peers *p, struct signal_peerjs_notice *n);
/* Takes l. */
void
signal_peerjs_home_take(struct signal_peers *p, struct signal_peerjs_letter *l);

/* ---- client: one WebSocket */

struct signal_peerjs_asks {
	struct proto_peerjs_id id;
	struct signal_peerjs_token token;
};

MUST_CHECK int signal_peerjs_client_open(struct signal_peers *p);
void signal_peerjs_client_close(struct signal_peers *p);
/* The request at hand becomes a client that asks for its id. */
void signal_peerjs_client_begin(struct signal_peers *p, struct net_web *w,
    const struct net_request *r, const struct signal_peerjs_asks *asks);
/* Accepts the request at hand for no more than to say why not. */
void signal_peerjs_client_refuse(
    struct signal_peers *p, struct net_web *w, const char *msg, unsigned code);
/* Takes n, what home says. */
void signal_peerjs_client_hear(
    struct signal_peers *p, struct signal_peerjs_notice *n);
/* Takes l: to its session. */
void signal_peerjs_client_deliver(
    struct signal_peers *p, struct signal_peerjs_letter *l);
/* Ends all: close code. */
void signal_peerjs_client_end_all(
    struct signal_peers *p, unsigned code, const char *why);

#endif
