#include "signalling/router.h"

#include <stdbool.h>
#include <string.h>

#include "signalling/delivery.h"
#include "signalling/hello.h"
#include "signalling/invite.h"
#include "signalling/presence.h"
#include "signalling/session.h"
#include "signalling/text.h"
#include "signalling/waiting.h"

enum {
	REPLY_MAX = 512,
	/* of a message around its data: names, numbers, punctuation */
	ENVELOPE_MAX = 128,
};

static struct directory_name
node(const char *name)
{
	return (struct directory_name){
		.space = DIRECTORY_NODES, .at = name, .len = strlen(name)
	};
}

static void
do_find(struct signal_session *ss, struct proto_message *m)
{
	const struct directory_name name = node(m->find.name);
	const struct directory_name viewer = node(ss->e.name);
	char text[REPLY_MAX];

	signal_session_say(ss, text,
	    proto_write_found(text, sizeof(text), m->id, m->find.name,
		directory_look(signalling_directory(ss->s), &name, &viewer)));
}

/* What the receivers get; `from` is ours to say. */
static struct signal_text *
write_message(const struct signal_session *ss, const struct proto_message *m)
{
	const struct proto_delivery d = { .from = ss->e.name,
		.session = ss->e.place.session,
		.data = m->send.data };
	const size_t room = strlen(d.from) + d.data.len + ENVELOPE_MAX;
	struct signal_text *t;
	char *at;

	if ((t = signal_text_make(room, &at)) != NULL)
		signal_text_cut(t, proto_write_message(at, room, &d));
	return t;
}

static void
do_send(struct signal_session *ss, struct proto_message *m)
{
	struct signalling *s = ss->s;
	struct signal_send send = {
		.to = node(m->send.to),
		.session = m->send.session,
		.text = write_message(ss, m),
		.origin = { .session = ss->e.place.session,
		    .id = m->has_id ? m->id : -1,
		    .worker = s->config.worker },
	};

	if (send.text == NULL) {
		signal_session_error(
		    ss, m->id, PROTO_INTERNAL, "out of memory");
		return;
	}
	if (!signal_delivery_route(s, &send) &&
	    (send.session != 0 || signal_waiting_keep(s, &send) != 0))
		signal_session_error(ss, m->id, PROTO_PEER_OFFLINE,
		    "nobody by that name is here");
	signal_text_put(send.text);
}

static void
do_watch(struct signal_session *ss, struct proto_message *m)
{
	signal_presence_watch(ss, m);
}

static void
do_unwatch(struct signal_session *ss, struct proto_message *m)
{
	signal_presence_unwatch(ss, m);
}

static void
do_stream(struct signal_session *ss, struct proto_message *m)
{
	signal_invite(ss, m);
}

static void
do_ping(struct signal_session *ss, struct proto_message *m)
{
	char text[REPLY_MAX];

	(void)m;
	signal_session_say(ss, text, proto_write_pong(text, sizeof(text)));
}

static void
do_bye(struct signal_session *ss, struct proto_message *m)
{
	(void)m;
	signal_session_end(ss, PROTO_CLOSE_NORMAL, "bye");
}

static const struct {
	void (*run)(struct signal_session *ss, struct proto_message *m);
	bool is_for_all; /* also for who has not said hello */
} types[] = {
	[PROTO_HELLO] = { signal_hello, true },
	[PROTO_FIND] = { do_find, false },
	[PROTO_SEND] = { do_send, false },
	[PROTO_WATCH] = { do_watch, false },
	[PROTO_UNWATCH] = { do_unwatch, false },
	[PROTO_STREAM] = { do_stream, false },
	[PROTO_PING] = { do_ping, true },
	[PROTO_BYE] = { do_bye, true },
};

void
signal_router_take(struct signal_session *ss, struct proto_message *m)
{
	if (ss->state == SIGNAL_OPEN || types[m->type].is_for_all) {
		types[m->type].run(ss, m);
		return;
	}
	signal_session_error(ss, m->id, PROTO_BAD_MESSAGE, "hello comes first");
	signal_session_strike(ss, PROTO_CLOSE_PROTOCOL);
}
