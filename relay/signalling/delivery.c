#include "signalling/delivery.h"

#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "signalling/ask.h"
#include "signalling/session.h"
#include "signalling/text.h"

/* A message on its way to a session of another worker. */
struct letter {
	struct signal_mail mail; /* first */
	uint64_t session;
	struct signal_text *text; /* one count */
	struct signal_origin origin;
	unsigned hops;
	size_t len;
	char name[]; /* of the session */
};

/* ---- into a connection */

/* Room for a whole message on its way out; NULL: memory is short. */
static char *
scratch(struct signalling *s, size_t size)
{
	char *more;

	if (size <= s->scratch_size)
		return s->scratch;
	if ((more = mem_try(1, size)) == NULL)
		return NULL;
	mem_free(s->scratch);
	s->scratch = more;
	s->scratch_size = size;
	return more;
}

/* Sends text as number seq.  False: it was not taken, ss was cut. */
static bool
hand(struct signal_session *ss, const struct signal_text *text, uint64_t seq)
{
	const size_t len = signal_text_len(text);
	char *whole = scratch(ss->s, PROTO_SEQ_MAX + len);
	size_t head;

	if (whole == NULL) {
		signal_session_cut(ss, PROTO_CLOSE_TRY_LATER, "out of memory");
		return false;
	}
	head = proto_write_seq(whole, seq);
	memcpy(whole + head, signal_text_data(text), len);
	if (!signal_session_say(ss, whole, head + len))
		return false;
	ss->e.messages_out++;
	ss->e.bytes_out += head + len;
	ss->unproved += (uint32_t)len;
	stats_count(ss->s->config.stats, STATS_SIGNAL_MESSAGES_OUT, 1);
	return true;
}

static bool
wants_proof(const struct signal_session *ss)
{
	return signal_window_last(&ss->e.window) - ss->proving >=
	    SIGNAL_UNPROVED_MESSAGES ||
	    ss->unproved >= SIGNAL_UNPROVED_BYTES;
}

/* Keeps what was handed over until it is proved to have arrived. */
static void
keep_handed(struct signal_session *ss, struct signal_text *text)
{
	struct signal_window *w = &ss->e.window;

	while (w->count > 0 && signal_window_is_full(w, signal_text_len(text)))
		signal_window_shift(w);
	if (signal_window_add(w, text, NULL) != 0)
		signal_window_skip(w);
	w->handed = w->count;
	if (wants_proof(ss))
		signal_session_ping(ss);
}

int
signal_delivery_give(struct signal_session *ss, struct signal_text *text,
    const struct signal_origin *owed)
{
	struct signal_window *w = &ss->e.window;

	if (ss->state == SIGNAL_OPEN &&
	    hand(ss, text, signal_window_last(w) + 1)) {
		keep_handed(ss, text);
		return 0;
	}
	if (ss->state == SIGNAL_GONE ||
	    signal_window_is_full(w, signal_text_len(text)) ||
	    signal_window_add(w, text, owed->session != 0 ? owed : NULL) != 0)
		return ENOBUFS;
	return EINPROGRESS;
}

void
signal_delivery_replay(struct signal_session *ss)
{
	struct signal_window *w = &ss->e.window;
	struct signal_origin *owed;

	for (uint32_t i = 0; i < w->count; i++) {
		if (!hand(ss, signal_window_at(w, i)->text, w->gone + i + 1))
			return;
		if ((owed = signal_window_settle(w, i)) == NULL)
			continue;
		signal_ask_answer(ss->s, owed, true);
		mem_free(owed);
	}
	if (w->count > 0 && ss->web != NULL)
		signal_session_ping(ss);
}

/* ---- to another worker */

static void
drop_letter(struct signal_mail *m)
{
	struct letter *l = (struct letter *)m;

	signal_text_put(l->text);
	mem_free(l);
}

/* It will not arrive. */
static void
refuse_letter(struct signalling *s, struct letter *l)
{
	signal_ask_answer(s, &l->origin, false);
	drop_letter(&l->mail);
}

/* The session has moved meanwhile: after it, if it was not for too long. */
static void
follow(struct signalling *s, struct letter *l)
{
	const struct directory_name name = {
		.space = DIRECTORY_NODES, .at = l->name, .len = l->len
	};
	struct directory_place at[DIRECTORY_PLACES_MAX];
	const size_t n = directory_find(
	    signalling_directory(s), &name, at, DIRECTORY_PLACES_MAX);

	for (size_t i = 0; i < n; i++) {
		if (at[i].session != l->session ||
		    at[i].worker == s->config.worker ||
		    ++l->hops > SIGNAL_HOPS_MAX)
			continue;
		if (signal_mail_send(s, at[i].worker, &l->mail) == 0)
			return;
	}
	refuse_letter(s, l);
}

static void
open_letter(struct signalling *s, struct signal_mail *m)
{
	struct letter *l = (struct letter *)m;
	struct signal_session *ss = signal_session_find(s, l->session);
	int rc;

	if (ss == NULL) {
		follow(s, l);
		return;
	}
	rc = signal_delivery_give(ss, l->text, &l->origin);
	if (rc != EINPROGRESS)
		signal_ask_answer(s, &l->origin, rc == 0);
	drop_letter(m);
}

static void
mail_to(struct signalling *s, const struct directory_place *at,
    const struct signal_send *send, const struct signal_origin *origin)
{
	struct letter *l = mem_try(1, sizeof(*l) + send->to.len);

	if (l == NULL) {
		signal_ask_answer(s, origin, false);
		return;
	}
	*l = (struct letter){ .mail = { .size = signal_text_len(send->text),
				  .open = open_letter,
				  .drop = drop_letter },
		.session = at->session,
		.text = signal_text_get(send->text),
		.origin = *origin,
		.len = send->to.len };
	memcpy(l->name, send->to.at, l->len);
	if (signal_mail_send(s, at->worker, &l->mail) != 0)
		refuse_letter(s, l);
}

/* ---- routing */

static void
give_to(struct signalling *s, const struct directory_place *at,
    const struct signal_send *send, const struct signal_origin *origin)
{
	struct signal_session *ss;
	int rc = ENOBUFS;

	if (at->worker != s->config.worker) {
		mail_to(s, at, send, origin);
		return;
	}
	if ((ss = signal_session_find(s, at->session)) != NULL)
		rc = signal_delivery_give(ss, send->text, origin);
	if (rc != EINPROGRESS)
		signal_ask_answer(s, origin, rc == 0);
}

bool
signal_delivery_route(struct signalling *s, const struct signal_send *send)
{
	struct directory_place at[DIRECTORY_PLACES_MAX];
	struct signal_origin origin = send->origin;
	size_t found, n = 0;

	found = directory_find(
	    signalling_directory(s), &send->to, at, DIRECTORY_PLACES_MAX);
	for (size_t i = 0; i < found; i++)
		if (send->session == 0 || at[i].session == send->session)
			at[n++] = at[i];
	if (n == 0)
		return false;
	/* errors of several without an id say nothing to anybody */
	if (n > 1 && origin.id < 0)
		origin.session = 0;
	if (n > 1 && origin.session != 0 &&
	    signal_ask_open(s, &origin, (unsigned)n) != 0) {
		signal_ask_answer(s, &origin, false);
		return true;
	}
	for (size_t i = 0; i < n; i++)
		give_to(s, &at[i], send, &origin);
	return true;
}
