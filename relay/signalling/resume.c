#include "signalling/resume.h"

#include <errno.h>
#include <string.h>

#include "common/base64url.h"
#include "common/mem.h"
#include "common/secret.h"
#include "signalling/ask.h"
#include "signalling/delivery.h"
#include "signalling/hello.h"
#include "signalling/presence.h"
#include "signalling/session.h"
#include "signalling/text.h"

/* What the hello says of the session it wants. */
struct wish {
	uint64_t number;
	uint8_t secret[SIGNAL_SECRET_LEN];
	bool has_token;
	char name[PROTO_NAME_MAX + 1];
};

/* A hello that waits for another worker. */
struct signal_claim {
	struct signal_who who;
	struct proto_message m;
};

/* To the worker that has the session. */
struct demand {
	struct signal_mail mail; /* first */
	struct wish wish;
	unsigned from;
};

/* And back. */
struct release {
	struct signal_mail mail; /* first */
	uint64_t number;
	struct signal_limits limits;
	struct signal_estate e; /* place.session 0: there is none */
};

/* ---- the wish */

/* "<session>.<secret>" */
static bool
parse(struct wish *out, const char *text)
{
	const size_t len = strlen(text);
	size_t got = 0;

	return len > PROTO_SESSION_LEN && text[PROTO_SESSION_LEN] == '.' &&
	    proto_session_parse(&out->number, text, PROTO_SESSION_LEN) &&
	    base64url_read(out->secret, sizeof(out->secret), &got,
		text + PROTO_SESSION_LEN + 1,
		len - PROTO_SESSION_LEN - 1) == 0 &&
	    got == sizeof(out->secret);
}

static bool
find_place(const struct signalling *s, const char *text, uint64_t number,
    struct directory_place *out)
{
	const struct directory_name name = {
		.space = DIRECTORY_NODES, .at = text, .len = strlen(text)
	};
	struct directory_place at[DIRECTORY_PLACES_MAX];
	const size_t n = directory_find(
	    signalling_directory(s), &name, at, DIRECTORY_PLACES_MAX);

	for (size_t i = 0; i < n; i++) {
		if (at[i].session != number)
			continue;
		*out = at[i];
		return true;
	}
	return false;
}

/* Who holds a key must prove it again: the secret alone would not do. */
static bool
may_take(const struct signal_session *old, const struct wish *wish)
{
	return old != NULL &&
	    (old->state == SIGNAL_OPEN || old->state == SIGNAL_DETACHED) &&
	    secret_equal(old->e.secret, wish->secret, sizeof(wish->secret)) &&
	    strcmp(old->e.name, wish->name) == 0 &&
	    (wish->has_token || !old->e.is_bound);
}

/* The estate leaves old, whose connection is told; its limits stay to read
 * until the end of the turn. */
static struct signal_estate
let_go(struct signal_session *old)
{
	const struct signal_estate e = old->e;
	struct net_web *w = old->web;

	signal_session_strike_off(old);
	old->e = (struct signal_estate){ 0 };
	old->web = NULL;
	signal_session_forget(old);
	if (w != NULL)
		net_web_close(w, PROTO_CLOSE_REPLACED, "resumed elsewhere");
	return e;
}

/* ---- taking over */

/* ss has its estate: what the client has seen need not come again. */
static void
take_up(struct signal_session *ss, const struct signal_who *who,
    const struct proto_message *m)
{
	struct signal_window *w = &ss->e.window;
	const uint64_t last = m->hello.has_last && m->hello.last > 0
	    ? (uint64_t)m->hello.last
	    : 0;
	struct signal_resumed r = { 0 };

	if (who->has_token) {
		ss->e.expires_s = who->expires_s;
		ss->e.is_bound = who->is_bound;
	}
	if (m->hello.has_last && last < w->gone)
		r.lost = w->gone - last;
	if (m->hello.has_last)
		signal_window_ack(w, last);
	w->handed = 0;
	signal_hello_ready(ss, m, &r);
}

static int
take_here(struct signal_session *ss, const struct signal_who *who,
    const struct proto_message *m, const struct wish *wish)
{
	struct signal_session *old = signal_session_find(ss->s, wish->number);

	if (!may_take(old, wish))
		return ENOENT;
	ss->e = let_go(old);
	if (signal_session_enrol(ss) != 0) {
		/* what is not in the table is nobody's */
		signal_estate_fini(ss->s, &ss->e);
		return ENOENT;
	}
	signal_session_inherit(ss, &old->limits);
	take_up(ss, who, m);
	return 0;
}

/* ---- at another worker */

static void
drop_release(struct signal_mail *m)
{
	struct release *r = (struct release *)m;

	signal_estate_drop(&r->e);
	mem_free(r);
}

/* What came for ss before its estate did goes behind that. */
static void
append_queue(
    struct signalling *s, struct signal_window *to, struct signal_window *from)
{
	for (uint32_t i = 0; i < from->count; i++) {
		const struct signal_window_item *item =
		    signal_window_at(from, i);

		if (!signal_window_is_full(to, signal_text_len(item->text)) &&
		    signal_window_add(to, item->text, item->owed) == 0)
			continue;
		if (item->owed != NULL)
			signal_ask_answer(s, item->owed, false);
	}
	signal_window_fini(from);
}

static void
end_claim(struct signal_session *ss)
{
	struct signal_claim *c = ss->claim;

	if (c == NULL)
		return;
	ss->claim = NULL;
	proto_close_message(&c->m);
	mem_free(c);
}

static void
refuse_claim(struct signal_session *ss)
{
	struct signal_claim *c = ss->claim;

	ss->claim = NULL;
	signal_session_strike_off(ss);
	signal_estate_fini(ss->s, &ss->e);
	signal_session_again(ss);
	if (ss->state == SIGNAL_NEW)
		signal_hello_fresh(ss, &c->who, &c->m);
	proto_close_message(&c->m);
	mem_free(c);
}

static void
accept_claim(struct signal_session *ss, struct release *r)
{
	struct signal_claim *c = ss->claim;
	struct signal_estate *e = &r->e;

	ss->claim = NULL;
	append_queue(ss->s, &e->window, &ss->e.window);
	ss->e = *e;
	*e = (struct signal_estate){ 0 };
	signal_session_inherit(ss, &r->limits);
	if (ss->web != NULL) {
		net_web_hold(ss->web, false);
		take_up(ss, &c->who, &c->m);
	} else {
		signal_session_ready(ss);
		signal_session_detach(ss);
	}
	proto_close_message(&c->m);
	mem_free(c);
}

static void
open_release(struct signalling *s, struct signal_mail *m)
{
	struct release *r = (struct release *)m;
	struct signal_session *ss = signal_session_find(s, r->number);

	if (ss == NULL || ss->claim == NULL)
		signal_estate_fini(s, &r->e);
	else if (r->e.place.session == 0)
		refuse_claim(ss);
	else
		accept_claim(ss, r);
	mem_free(r);
}

/* The claim of old moves to worker; false: it is not the directory's. */
static bool
move(struct signal_session *old, unsigned worker)
{
	const struct directory_name name = signal_session_name(old);
	const struct directory_place before = old->e.place;
	struct directory_place after = { .session = before.session,
		.worker = worker };

	if (directory_move(
		signalling_directory(old->s), &name, &before, &after) != 0)
		return false;
	old->e.place = after;
	signal_presence_move(old->s, &old->e, &before);
	return true;
}

static void
drop_demand(struct signal_mail *m)
{
	mem_free(m);
}

static void
open_demand(struct signalling *s, struct signal_mail *m)
{
	struct demand *d = (struct demand *)m;
	struct signal_session *old = signal_session_find(s, d->wish.number);
	struct release *r = mem_try(1, sizeof(*r));

	/* who gets no answer gives up by itself */
	if (r != NULL) {
		r->mail.open = open_release;
		r->mail.drop = drop_release;
		r->number = d->wish.number;
		if (may_take(old, &d->wish) && move(old, d->from)) {
			r->limits = old->limits;
			r->e = let_go(old);
		}
		if (signal_mail_send(s, d->from, &r->mail) != 0) {
			signal_estate_fini(s, &r->e);
			mem_free(r);
		}
	}
	mem_free(d);
}

/* Asks worker; messages for the session are kept from now on. */
static int
ask(struct signal_session *ss, const struct signal_who *who,
    struct proto_message *m, const struct wish *wish, unsigned worker)
{
	struct signal_claim *c = mem_try(1, sizeof(*c));
	struct demand *d = mem_try(1, sizeof(*d));

	ss->e.place.session = wish->number;
	if (c == NULL || d == NULL || signal_session_enrol(ss) != 0)
		goto fail;
	*d = (struct demand){ .mail = { .open = open_demand,
				  .drop = drop_demand },
		.wish = *wish,
		.from = ss->s->config.worker };
	if (signal_mail_send(ss->s, worker, &d->mail) != 0) {
		signal_session_strike_off(ss);
		goto fail;
	}
	*c = (struct signal_claim){ .who = *who, .m = *m };
	m->json = NULL;
	ss->claim = c;
	net_web_hold(ss->web, true);
	signal_session_claiming(ss);
	return EINPROGRESS;

fail:
	ss->e.place.session = 0;
	mem_free(c);
	mem_free(d);
	return ENOENT;
}

/* ---- for others */

int
signal_resume_begin(struct signal_session *ss, const struct signal_who *who,
    struct proto_message *m)
{
	struct wish wish = { .has_token = who->has_token };
	struct directory_place at;

	memcpy(wish.name, who->name, sizeof(wish.name));
	if (!parse(&wish, m->hello.resume) ||
	    !find_place(ss->s, wish.name, wish.number, &at))
		return ENOENT;
	if (at.worker == ss->s->config.worker)
		return take_here(ss, who, m, &wish);
	/* two connections at once: the first one has it */
	if (signal_session_find(ss->s, wish.number) != NULL)
		return ENOENT;
	return ask(ss, who, m, &wish, at.worker);
}

void
signal_resume_abandon(struct signal_session *ss)
{
	end_claim(ss);
}

const char *
signal_resume_name(const struct signal_session *ss)
{
	return ss->claim != NULL ? ss->claim->who.name : NULL;
}

bool
signal_resume_is_let_go(const struct signal_session *ss)
{
	struct directory_place at;

	return ss->claim != NULL &&
	    find_place(ss->s, ss->claim->who.name, ss->e.place.session, &at) &&
	    at.worker == ss->s->config.worker;
}
