/*
 * session: one node's connection to `/signal`, and what outlives it.
 *
 *	NEW -hello-> OPEN
 *	NEW -hello, resumes at another worker-> CLAIMING -> OPEN
 *	OPEN -connection lost-> DETACHED -resumed-> (its estate moves on)
 *	any -end-> GONE, memory until the end of the turn
 *
 * The estate is what `resume` takes over: it moves from one struct
 * signal_session to the next, here or at another worker.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_SESSION_H
#define RELAY_SIGNALLING_SESSION_H

#include "common/proto/proto.h"
#include "signalling/limits.h"
#include "signalling/own.h"
#include "signalling/window.h"

enum {
	SIGNAL_HELLO_MS = 10 * 1000,
	SIGNAL_PING_MS = 25 * 1000,
	SIGNAL_MISSED_MAX = 2, /* pings without a pong */
	SIGNAL_RESUME_MS = 60 * 1000,
	SIGNAL_TRIES_MAX = 4, /* hellos of a connection */
	SIGNAL_SECRET_LEN = 16,
	SIGNAL_CHALLENGE_LEN = 32,
	/* that wait for a slow reader: a whole window and as much again */
	SIGNAL_OUT_MAX = 2 * SIGNAL_WINDOW_BYTES,
	/* so much was sent since the last ping: another one asks for an
	 * acknowledgement */
	SIGNAL_UNPROVED_MESSAGES = SIGNAL_WINDOW_MESSAGES / 4,
	SIGNAL_UNPROVED_BYTES = SIGNAL_WINDOW_BYTES / 4,
};

enum signal_state {
	SIGNAL_NEW,
	SIGNAL_CLAIMING,
	SIGNAL_OPEN,
	SIGNAL_DETACHED,
	SIGNAL_GONE
};

/* What outlives a connection.  Zeroed: none. */
struct signal_estate {
	struct directory_place place; /* session 0: no claim is held */
	char *name;                   /* ours, as all below */
	char *room;                   /* NULL: in none */
	char **watched;
	unsigned watched_count;
	struct signal_window window;
	uint8_t secret[SIGNAL_SECRET_LEN];
	struct addr counted; /* where it counts; none: nowhere */
	mono_ms opened;
	int64_t expires_s; /* of its token; 0: never */
	uint64_t messages_in, messages_out;
	uint64_t bytes_in, bytes_out;
	bool is_bound; /* its token names a key */
	bool is_guest;
};

/* Until it is ready. */
struct signal_greeting {
	struct addr from; /* whose place before the hello it has */
	uint8_t challenge[SIGNAL_CHALLENGE_LEN];
	unsigned tries;
	char *host; /* of the request, behind it */
};

struct signal_session {
	struct signalling *s;
	struct net_web *web; /* NULL: its connection is gone */
	struct list node;    /* in all, or dead */
	struct wheel_timer timer;
	enum signal_state state;
	struct signal_greeting *greeting; /* NULL: it is ready, or was */
	struct signal_limits limits;
	mono_ms begun; /* of this state */
	mono_ms ping_due, hold_until;
	uint64_t proving;  /* number of the last message before a ping */
	uint32_t unproved; /* bytes sent since then */
	uint8_t missed;
	bool is_held;
	/* a resume that another worker was asked for */
	struct signal_claim *claim;
	struct signal_estate e;
};

/* ---- life */

/* Makes r's connection a session in state NEW; answers r in any case. */
void signal_session_open(
    struct signalling *s, struct net_web *w, const struct net_request *r);
/* It is ready: e is set, its greeting is over. */
void signal_session_ready(struct signal_session *ss);
/* It asks another worker; or that had nothing, and it is NEW again. */
void signal_session_claiming(struct signal_session *ss);
void signal_session_again(struct signal_session *ss);
/* Sets its timer anew. */
void signal_session_arm(struct signal_session *ss);
/* The connection is gone (closed by who calls): it may be resumed. */
void signal_session_detach(struct signal_session *ss);
/* Closes the connection, if there is one, and gives up all it had. */
void signal_session_end(
    struct signal_session *ss, enum proto_close code, const char *why);
/* The same, without a connection to close or an estate to give up. */
void signal_session_forget(struct signal_session *ss);
/* Frees those that are GONE. */
void signal_session_bury(struct signalling *s);

/* Of this worker, in any state but GONE; NULL: it is not here. */
struct signal_session *
signal_session_find(const struct signalling *s, uint64_t number);
/* Puts ss under its number, e.place.session.  Returns 0 or ENOMEM. */
MUST_CHECK int signal_session_enrol(struct signal_session *ss);
void signal_session_strike_off(struct signal_session *ss);

/* Gives up what e held: claim, watches, place under the limits, texts. */
void signal_estate_fini(struct signalling *s, struct signal_estate *e);
/* Frees its memory only.  Any thread. */
void signal_estate_drop(struct signal_estate *e);

struct directory_name signal_session_name(const struct signal_session *ss);

/* ---- talk */

/* Sends a whole text.  Who does not read is cut.  False: it has not gone. */
bool
signal_session_say(struct signal_session *ss, const char *text, size_t len);
/* Says an error; retry_ms 0: none. */
void signal_session_error(struct signal_session *ss, int64_t id,
    enum proto_code code, const char *why);
void signal_session_error_retry(struct signal_session *ss, int64_t id,
    enum proto_code code, unsigned retry_ms);
/* Who sends garbage: too often, and it is closed. */
void signal_session_strike(struct signal_session *ss, enum proto_close code);
/* ss has e of a session that had used up so much of its rate. */
void signal_session_inherit(
    struct signal_session *ss, const struct signal_limits *from);
/* Asks for proof that what was sent has arrived. */
void signal_session_ping(struct signal_session *ss);
/* The connection does not take any more: it is cut, the session waits. */
void signal_session_cut(
    struct signal_session *ss, enum proto_close code, const char *why);

#endif
