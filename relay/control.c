#include "relay/control.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/list.h"
#include "common/log.h"
#include "common/mem.h"
#include "relay/rest.h"

enum {
	CONTROL_MODE = 0660,
	CONTROL_BACKLOG = 16,
	CONTROL_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path),
	CONTROL_WHY_MAX = 160,
};

struct control {
	/* OWNER: main */
	struct event_base *base; /* borrowed */
	struct evconnlistener *listener;
	const struct control_verb *verbs;
	void *arg;
	struct list calls;
	unsigned call_count;
	char path[CONTROL_PATH_MAX];
	int fd;   /* until the listener has it */
	int lock; /* held as long as we serve */
};

/* One connection is one call: reads a request, waits for its answer, writes
 * it.  While it waits nothing is read, so only the answer ends it. */
enum call_state { CALL_READING, CALL_WAITING, CALL_WRITING };
struct control_call {
	/* OWNER: main */
	struct list node;
	struct control *control;
	struct bufferevent *bev;
	enum call_state state;
};

/* ---- connections */

static void
free_call(struct control_call *call)
{
	if (call->bev != NULL)
		bufferevent_free(call->bev);
	list_remove(&call->node);
	call->control->call_count--;
	mem_free(call);
}

static void
write_answer(struct control_call *call, const json_t *answer)
{
	struct evbuffer *out = bufferevent_get_output(call->bev);
	char *text = json_dumps(answer, JSON_COMPACT);

	/* a caller that has said all may have closed its side already */
	bufferevent_disable(call->bev, EV_READ);
	call->state = CALL_WRITING;
	if (text == NULL || evbuffer_add_printf(out, "%s\n", text) < 0) {
		mem_free(text);
		free_call(call);
		return;
	}
	mem_free(text); /* jansson allocates by malloc, as mem does */
}

static json_t *
error_of(const char *why)
{
	return json_pack("{s:s}", "error", why);
}

static void
write_error(struct control_call *call, const char *why)
{
	json_t *answer = error_of(why);

	write_answer(call, answer);
	json_decref(answer);
}

void
control_answer(struct control_call *call, json_t *answer)
{
	assert(call->state == CALL_WAITING);
	if (answer == NULL)
		answer = error_of("out of memory");
	write_answer(call, answer);
	json_decref(answer);
}

void
control_refuse(struct control_call *call, const char *why)
{
	control_answer(call, error_of(why));
}

/* ---- requests */

static const struct control_verb *
find_verb(const struct control *c, const char *name)
{
	for (const struct control_verb *v = c->verbs; v->name != NULL; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

struct control_caller
control_caller(const struct control_call *call)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(bufferevent_getfd(call->bev), SOL_SOCKET, SO_PEERCRED,
		&who, &len) < 0)
		return (struct control_caller){ -1, -1 };
	return (struct control_caller){ (long)who.uid, (long)who.pid };
}

static void
log_change(const struct control_call *call, const char *verb)
{
	const struct control_caller who = control_caller(call);

	log_info("control: asked for a change verb=%s uid=%ld pid=%ld", verb,
	    who.uid, who.pid);
}

static void
dispatch(struct control_call *call, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "verb"));
	const json_t *args = json_object_get(request, "args");
	const struct control_verb *v;
	char why[CONTROL_WHY_MAX];

	if (name == NULL || (args != NULL && !json_is_object(args))) {
		write_error(
		    call, "a request is {\"verb\":\"...\",\"args\":{}}");
		return;
	}
	if ((v = find_verb(call->control, name)) == NULL) {
		snprintf(why, sizeof(why), "%.64s: not served by this version",
		    name);
		write_error(call, why);
		return;
	}
	if (v->is_change)
		log_change(call, v->name);
	call->state = CALL_WAITING;
	bufferevent_disable(call->bev, EV_READ);
	v->run(call->control->arg, call, args);
}

static void
take_request(struct control_call *call, const char *line, size_t len)
{
	json_error_t error;
	json_t *request = json_loadb(line, len, 0, &error);

	if (request == NULL) {
		write_error(call, "the request is no JSON object on one line");
		return;
	}
	dispatch(call, request);
	json_decref(request);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct control_call *call = arg;
	size_t len;
	char *line;

	if (call->state != CALL_READING) { /* one request, one answer */
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	if ((line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF)) != NULL) {
		take_request(call, line, len);
		mem_free(line);
	} else if (evbuffer_get_length(in) >= CONTROL_REQUEST_MAX) {
		write_error(call, "the request is too long");
	}
}

/* The answer is out. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct control_call *call = arg;

	(void)bev;
	if (call->state == CALL_WRITING)
		free_call(call);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct control_call *call = arg;

	(void)bev;
	(void)what;
	free_call(call);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
    int sa_len, void *arg)
{
	const struct timeval timeout = { CONTROL_TIMEOUT_S, 0 };
	struct control *c = arg;
	struct control_call *call;

	(void)l;
	(void)sa;
	(void)sa_len;
	if (c->call_count >= CONTROL_CONNECTIONS_MAX ||
	    (call = mem_try(1, sizeof(*call))) == NULL) {
		close(fd);
		return;
	}
	call->control = c;
	list_append(&c->calls, &call->node);
	c->call_count++;
	call->bev = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (call->bev == NULL) {
		close(fd);
		free_call(call);
		return;
	}
	bufferevent_setcb(call->bev, on_read, on_written, on_event, call);
	bufferevent_set_timeouts(call->bev, &timeout, &timeout);
	bufferevent_setwatermark(call->bev, EV_READ, 0, CONTROL_REQUEST_MAX);
	bufferevent_enable(call->bev, EV_READ | EV_WRITE);
}

/* ---- the socket */

/* Whoever holds the lock serves the path; without it a socket is stale. */
static int
take_lock(struct control *c, char *why, size_t why_size)
{
	char path[CONTROL_PATH_MAX + sizeof(".lock")];
	int rc;

	snprintf(path, sizeof(path), "%s.lock", c->path);
	c->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->lock < 0) {
		rc = errno;
		snprintf(why, why_size, "%s: %s", path, code_text(rc));
		return rc;
	}
	if (flock(c->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	rc = errno == EWOULDBLOCK ? EADDRINUSE : errno;
	snprintf(why, why_size,
	    "%s: another supernoded serves this control socket", c->path);
	return rc;
}

static int
remove_stale(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : errno;
	if (!S_ISSOCK(st.st_mode))
		return EEXIST;
	return unlink(path) == 0 ? 0 : errno;
}

static int
listen_at(struct control *c)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	mode_t before;
	int rc;

	memcpy(un.sun_path, c->path, sizeof(un.sun_path));
	if ((rc = remove_stale(c->path)) != 0)
		return rc;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return errno;
	/* never, not for a moment, open to others */
	before = umask(0777 & ~CONTROL_MODE);
	rc = bind(c->fd, (const struct sockaddr *)&un, sizeof(un)) == 0 ? 0
									: errno;
	umask(before);
	if (rc != 0)
		return rc;
	return listen(c->fd, CONTROL_BACKLOG) == 0 ? 0 : errno;
}

int
control_open(struct control **out, struct event_base *base, const char *path,
    char *why, size_t why_size)
{
	struct control *c;
	int rc = ENOMEM;

	if (strlen(path) >= CONTROL_PATH_MAX) {
		snprintf(why, why_size, "%s: path of a socket too long (%d)",
		    path, CONTROL_PATH_MAX - 1);
		return ENAMETOOLONG;
	}
	snprintf(why, why_size, "control socket: out of memory");
	if ((c = mem_try(1, sizeof(*c))) == NULL)
		return ENOMEM;
	list_init(&c->calls);
	c->base = base;
	c->fd = c->lock = -1;
	snprintf(c->path, sizeof(c->path), "%s", path);
	if ((rc = take_lock(c, why, why_size)) != 0)
		goto fail;
	if ((rc = listen_at(c)) != 0) {
		snprintf(why, why_size, "%s: %s", path, code_text(rc));
		goto fail;
	}
	*out = c;
	return 0;

fail:
	control_close(c);
	return rc;
}

void
control_serve(struct control *c, const struct control_verb *verbs, void *arg)
{
	assert(c->listener == NULL);
	c->verbs = verbs;
	c->arg = arg;
	c->listener = evconnlistener_new(c->base, on_accept, c,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, c->fd);
	if (c->listener == NULL)
		log_error("control: not served path=%s", c->path);
	else
		rest_on_error(c->listener);
}

void
control_close(struct control *c)
{
	if (c == NULL)
		return;
	while (!list_is_empty(&c->calls))
		free_call(LIST_ITEM(c->calls.next, struct control_call, node));
	/* the lock goes last: nobody else removes or replaces the socket */
	if (c->fd >= 0)
		unlink(c->path);
	if (c->listener != NULL)
		evconnlistener_free(c->listener);
	else if (c->fd >= 0)
		close(c->fd);
	if (c->lock >= 0)
		close(c->lock);
	mem_free(c);
}
