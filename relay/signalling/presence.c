#include "signalling/presence.h"

#include <string.h>

#include "common/mem.h"
#include "directory/directory.h"
#include "relay/snapshot.h"
#include "signalling/session.h"

enum { PRESENCE_TEXT_MAX = 512 };

/* News for a session of another worker; name and room behind it. */
struct notice {
	struct signal_mail mail; /* first */
	uint64_t session;
	bool is_online;
	const char *room; /* behind name */
	char name[];
};

static struct directory_name
node(const char *name)
{
	return (struct directory_name){
		.space = DIRECTORY_NODES, .at = name, .len = strlen(name)
	};
}

/* ---- telling */

static bool
is_watched(const struct signal_estate *e, const char *name, unsigned *at)
{
	for (unsigned i = 0; i < e->watched_count; i++) {
		if (strcmp(e->watched[i], name) != 0)
			continue;
		*at = i;
		return true;
	}
	return false;
}

static void
say_presence(struct signal_session *ss, const char *name, bool is_online,
    const char *room)
{
	char text[PRESENCE_TEXT_MAX];

	signal_session_say(ss, text,
	    proto_write_presence(text, sizeof(text), name, is_online, room));
}

/* To a session that asked for it: by its room, or by a watch. */
static void
tell_here(struct signalling *s, uint64_t session, const char *name,
    const char *room, bool is_online)
{
	struct signal_session *ss = signal_session_find(s, session);
	unsigned at;

	if (ss == NULL || ss->state != SIGNAL_OPEN)
		return;
	if (ss->e.room != NULL && strcmp(ss->e.room, room) == 0)
		say_presence(ss, name, is_online, room);
	else if (is_watched(&ss->e, name, &at))
		say_presence(ss, name, is_online, "");
}

static void
drop_notice(struct signal_mail *m)
{
	mem_free(m);
}

static void
open_notice(struct signalling *s, struct signal_mail *m)
{
	struct notice *n = (struct notice *)m;

	tell_here(s, n->session, n->name, n->room, n->is_online);
	mem_free(n);
}

static void
mail_notice(struct signalling *s, const struct directory_place *to,
    const struct signal_estate *e, bool is_online)
{
	const char *room = e->room != NULL ? e->room : "";
	const size_t name_size = strlen(e->name) + 1;
	const size_t room_size = strlen(room) + 1;
	struct notice *n = mem_try(1, sizeof(*n) + name_size + room_size);

	if (n == NULL)
		return;
	*n = (struct notice){ .mail = { .open = open_notice,
				  .drop = drop_notice },
		.session = to->session,
		.is_online = is_online,
		.room = n->name + name_size };
	memcpy(n->name, e->name, name_size);
	memcpy(n->name + name_size, room, room_size);
	if (signal_mail_send(s, to->worker, &n->mail) != 0)
		mem_free(n);
}

static void
tell_all(struct signalling *s, const struct signal_estate *e,
    const struct directory_watchers *watchers, bool is_online)
{
	for (size_t i = 0; i < watchers->count; i++) {
		const struct directory_place *to = &watchers->at[i].place;

		if (to->session == e->place.session)
			continue;
		if (to->worker == s->config.worker)
			tell_here(s, to->session, e->name,
			    e->room != NULL ? e->room : "", is_online);
		else
			mail_notice(s, to, e, is_online);
	}
}

/* ---- coming and going */

void
signal_presence_come(struct signalling *s, const struct signal_estate *e,
    const struct directory_watchers *watchers)
{
	tell_all(s, e, watchers, true);
}

void
signal_presence_leave(struct signalling *s, const struct signal_estate *e)
{
	struct directory *d = signalling_directory(s);
	struct directory_watchers watchers = { 0 };
	const struct directory_name name = node(e->name);
	bool left = false;

	for (unsigned i = 0; i < e->watched_count; i++) {
		const struct directory_name other = node(e->watched[i]);

		directory_unwatch(d, &other, &e->place);
	}
	directory_release(d, &name, &e->place, &left, &watchers);
	tell_all(s, e, &watchers, false);
	directory_watchers_free(&watchers);
}

void
signal_presence_move(struct signalling *s, const struct signal_estate *e,
    const struct directory_place *before)
{
	struct directory *d = signalling_directory(s);
	const struct directory_name viewer = node(e->name);

	for (unsigned i = 0; i < e->watched_count; i++) {
		const struct directory_name other = node(e->watched[i]);
		bool is_online;

		directory_unwatch(d, &other, before);
		/* what is not watched for want of memory stays silent */
		if (directory_watch(
			d, &other, &viewer, &e->place, &is_online) != 0)
			continue;
	}
}

/* ---- the present state */

static void
say_member(void *arg, const struct directory_name *name)
{
	struct signal_session *ss = arg;
	char text[DIRECTORY_NAME_MAX + 1];

	memcpy(text, name->at, name->len);
	text[name->len] = '\0';
	if (strcmp(text, ss->e.name) != 0)
		say_presence(ss, text, true, ss->e.room);
}

static void
say_now(struct signal_session *ss, const char *name)
{
	const struct directory_name other = node(name);
	const struct directory_name viewer = node(ss->e.name);

	say_presence(ss, name,
	    directory_look(signalling_directory(ss->s), &other, &viewer) > 0,
	    "");
}

void
signal_presence_all(struct signal_session *ss)
{
	for (unsigned i = 0; i < ss->e.watched_count; i++)
		say_now(ss, ss->e.watched[i]);
	if (ss->e.room != NULL)
		directory_room(
		    signalling_directory(ss->s), ss->e.room, say_member, ss);
}

/* ---- the messages */

/* Puts name at the end of what is watched. */
static bool
add_watched(struct signal_estate *e, const char *name)
{
	const unsigned n = e->watched_count;
	char **more;

	/* grows by powers of two */
	if ((n & (n - 1)) == 0) {
		more = mem_try(n == 0 ? 1 : 2 * (size_t)n, sizeof(*more));
		if (more == NULL)
			return false;
		if (n > 0)
			memcpy(more, e->watched, n * sizeof(*more));
		mem_free(e->watched);
		e->watched = more;
	}
	if ((e->watched[n] = mem_strdup(name)) == NULL)
		return false;
	e->watched_count++;
	return true;
}

static void
remove_watched(struct signal_estate *e, unsigned at)
{
	mem_free(e->watched[at]);
	e->watched[at] = e->watched[--e->watched_count];
}

static bool
watch_one(struct signal_session *ss, const char *name)
{
	const struct directory_name other = node(name);
	const struct directory_name viewer = node(ss->e.name);
	bool is_online = false;

	if (!add_watched(&ss->e, name))
		return false;
	if (directory_watch(signalling_directory(ss->s), &other, &viewer,
		&ss->e.place, &is_online) != 0) {
		remove_watched(&ss->e, ss->e.watched_count - 1);
		return false;
	}
	say_presence(ss, name, is_online, "");
	return true;
}

void
signal_presence_watch(struct signal_session *ss, const struct proto_message *m)
{
	const unsigned max = ss->s->conf->signalling.watches;
	unsigned at;

	for (size_t i = 0; i < m->watch.count && ss->web != NULL; i++) {
		const char *name = m->watch.names[i];

		if (is_watched(&ss->e, name, &at)) {
			say_now(ss, name);
		} else if (ss->e.watched_count >= max) {
			signal_session_error(ss, m->id, PROTO_FORBIDDEN,
			    "more watches than ready.limits allows");
			return;
		} else if (!watch_one(ss, name)) {
			signal_session_error(
			    ss, m->id, PROTO_INTERNAL, "out of memory");
			return;
		}
	}
}

void
signal_presence_unwatch(
    struct signal_session *ss, const struct proto_message *m)
{
	unsigned at;

	for (size_t i = 0; i < m->watch.count; i++) {
		const struct directory_name other = node(m->watch.names[i]);

		if (!is_watched(&ss->e, m->watch.names[i], &at))
			continue;
		remove_watched(&ss->e, at);
		directory_unwatch(
		    signalling_directory(ss->s), &other, &ss->e.place);
	}
}
