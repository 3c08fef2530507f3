#include "signalling/invite.h"

#include <string.h>

#include "common/mem.h"
#include "signalling/session.h"
#include "signalling/stream.h"

enum { INVITE_TEXT_MAX = 1024 };

/* To the partner's worker, and back to the asker's. */
struct invite {
	struct signal_mail mail; /* first */
	uint64_t partner;
	uint64_t asker;
	unsigned asker_worker;
	int64_t id; /* of the asker's message; -1: none */
	bool is_told;
	struct signal_ticket_pair tickets; /* the asker's, the partner's */
	char to[PROTO_NAME_MAX + 1];
	char from[PROTO_NAME_MAX + 1];
};

static void
drop_invite(struct signal_mail *m)
{
	mem_free(m);
}

/* ---- the asker's end */

static void
refuse(struct signal_session *ss, int64_t id)
{
	signal_session_error(
	    ss, id, PROTO_PEER_OFFLINE, "nobody by that name is here");
}

/* The partner has, or has not, been told. */
static void
conclude(struct signalling *s, const struct invite *v)
{
	struct signal_session *ss = signal_session_find(s, v->asker);
	char text[INVITE_TEXT_MAX];

	if (ss == NULL || ss->state != SIGNAL_OPEN)
		return;
	if (!v->is_told)
		refuse(ss, v->id);
	else
		signal_session_say(ss, text,
		    proto_write_stream(text, sizeof(text), v->id, v->to,
			v->partner, v->tickets.of[0]));
}

static void
open_answer(struct signalling *s, struct signal_mail *m)
{
	conclude(s, (struct invite *)m);
	mem_free(m);
}

/* ---- the partner's end */

static bool
tell(struct signalling *s, const struct invite *v)
{
	struct signal_session *ss = signal_session_find(s, v->partner);
	char text[INVITE_TEXT_MAX];

	return ss != NULL && ss->state == SIGNAL_OPEN &&
	    signal_session_say(ss, text,
		proto_write_stream(text, sizeof(text), -1, v->from, v->asker,
		    v->tickets.of[1]));
}

static void
open_invite(struct signalling *s, struct signal_mail *m)
{
	struct invite *v = (struct invite *)m;

	v->is_told = tell(s, v);
	v->mail.open = open_answer;
	if (signal_mail_send(s, v->asker_worker, m) != 0)
		mem_free(v);
}

/* ---- the message */

/* The session asked for, or the latest of the name. */
static bool
find_partner(struct signalling *s, const struct proto_message *m,
    struct directory_place *out)
{
	const struct directory_name name = { .space = DIRECTORY_NODES,
		.at = m->stream.to,
		.len = strlen(m->stream.to) };
	struct directory_place at[DIRECTORY_PLACES_MAX];
	size_t n = directory_find(
	    signalling_directory(s), &name, at, DIRECTORY_PLACES_MAX);

	while (n-- > 0) {
		if (m->stream.session != 0 &&
		    at[n].session != m->stream.session)
			continue;
		*out = at[n];
		return true;
	}
	return false;
}

static bool
get_tickets(struct signal_session *ss, const struct proto_message *m,
    const struct directory_place *partner, struct signal_ticket_pair *out)
{
	const struct signal_party asker = { .name = ss->e.name,
		.session = ss->e.place.session };
	const struct signal_party other = { .name = m->stream.to,
		.session = partner->session };
	enum proto_code why;

	if (signal_stream_begin(ss->s, &asker, &other, out, &why))
		return true;
	signal_session_error(ss, m->id, why, "no stream can be had now");
	return false;
}

void
signal_invite(struct signal_session *ss, const struct proto_message *m)
{
	struct signalling *s = ss->s;
	struct directory_place partner;
	struct signal_ticket_pair tickets;
	struct invite *v;

	if (!find_partner(s, m, &partner)) {
		refuse(ss, m->id);
		return;
	}
	if (!get_tickets(ss, m, &partner, &tickets))
		return;
	if ((v = mem_try(1, sizeof(*v))) == NULL) {
		refuse(ss, m->id);
		return;
	}
	*v = (struct invite){ .mail = { .open = open_invite,
				  .drop = drop_invite },
		.partner = partner.session,
		.asker = ss->e.place.session,
		.asker_worker = s->config.worker,
		.id = m->has_id ? m->id : -1,
		.tickets = tickets };
	memcpy(v->to, m->stream.to, strlen(m->stream.to));
	memcpy(v->from, ss->e.name, strlen(ss->e.name));
	if (signal_mail_send(s, partner.worker, &v->mail) == 0)
		return;
	mem_free(v);
	refuse(ss, m->id);
}
