#include "relay/admin.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/log.h"
#include "common/mem.h"
#include "relay/metrics.h"
#include "relay/report.h"
#include "relay/rest.h"
#include "relay/server.h"

enum { ADMIN_BACKLOG = 64 };

struct admin {
	/* OWNER: main */
	struct server *server; /* borrowed */
	struct evhttp *http;
};

/* text NULL: memory was short. */
static void
send_text(
    struct evhttp_request *rq, int code, const char *type, const char *text)
{
	struct evkeyvalq *head = evhttp_request_get_output_headers(rq);
	struct evbuffer *body = evbuffer_new();

	if (body == NULL || text == NULL ||
	    evbuffer_add(body, text, strlen(text)) < 0) {
		evhttp_send_error(rq, HTTP_INTERNAL, NULL);
	} else {
		evhttp_add_header(head, "Content-Type", type);
		evhttp_add_header(head, "Cache-Control", "no-store");
		evhttp_send_reply(rq, code, NULL, body);
	}
	if (body != NULL)
		evbuffer_free(body);
}

static void
on_metrics(struct evhttp_request *rq, void *arg)
{
	struct admin *a = arg;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f != NULL) {
		report_metrics(a->server, f);
		fclose(f);
	}
	send_text(rq, HTTP_OK, METRICS_TYPE, text);
	mem_free(text);
}

static void
on_status(struct evhttp_request *rq, void *arg)
{
	struct admin *a = arg;
	json_t *status = report_status(a->server);
	char *text = json_dumps(status, JSON_INDENT(2));

	send_text(rq, HTTP_OK, "application/json", text);
	mem_free(text);
	json_decref(status);
}

static void
on_health(struct evhttp_request *rq, void *arg)
{
	const struct admin *a = arg;
	const bool is_up =
	    a->server->state == SERVER_SERVING && a->server->drain == NULL;

	send_text(rq, is_up ? HTTP_OK : HTTP_SERVUNAVAIL, "text/plain",
	    is_up ? "ok\n" : "not serving\n");
}

static void
on_other(struct evhttp_request *rq, void *arg)
{
	(void)arg;
	send_text(
	    rq, HTTP_NOTFOUND, "text/plain", "/metrics /health /status.json\n");
}

/* Left alone, evhttp closes a descriptor while the loop still watches it: by
 * then it may be a client's, of another thread. */
static struct bufferevent *
make_bev(struct event_base *base, void *arg)
{
	(void)arg;
	return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
}

static int
bind_at(struct admin *a, const struct addr *at)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char text[ADDR_TEXT_MAX];
	struct evconnlistener *l;
	struct addr bound = *at;

	errno = 0;
	l = evconnlistener_new_bind(a->server->base, NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
	    ADMIN_BACKLOG, &at->u.sa, (int)addr_len(at));
	if (l == NULL)
		return errno != 0 ? errno : EINVAL;
	if (getsockname(evconnlistener_get_fd(l), (void *)&ss, &len) == 0)
		addr_from_sockaddr(&bound, (const void *)&ss, len);
	if (evhttp_bind_listener(a->http, l) == NULL) {
		evconnlistener_free(l);
		return ENOMEM;
	}
	rest_on_error(l);
	log_info("admin: listens on http://%s", addr_format(&bound, text));
	return 0;
}

int
admin_open(struct admin **out, struct server *s, const struct addr *at,
    char *why, size_t why_size)
{
	char text[ADDR_TEXT_MAX];
	struct admin *a;
	int rc = ENOMEM;

	if ((a = mem_try(1, sizeof(*a))) == NULL)
		goto fail;
	a->server = s;
	if ((a->http = evhttp_new(s->base)) == NULL)
		goto fail;
	evhttp_set_bevcb(a->http, make_bev, NULL);
	evhttp_set_allowed_methods(a->http, EVHTTP_REQ_GET);
	evhttp_set_max_headers_size(a->http, ADMIN_HEADERS_MAX);
	evhttp_set_max_body_size(a->http, ADMIN_BODY_MAX);
	evhttp_set_timeout(a->http, ADMIN_TIMEOUT_S);
	if (evhttp_set_cb(a->http, "/metrics", on_metrics, a) != 0 ||
	    evhttp_set_cb(a->http, "/status.json", on_status, a) != 0 ||
	    evhttp_set_cb(a->http, "/health", on_health, a) != 0)
		goto fail;
	evhttp_set_gencb(a->http, on_other, a);
	if ((rc = bind_at(a, at)) != 0)
		goto fail;
	*out = a;
	return 0;

fail:
	admin_close(a);
	snprintf(why, why_size, "admin listener %s: %s", addr_format(at, text),
	    code_text(rc));
	return rc;
}

void
admin_close(struct admin *a)
{
	if (a == NULL)
		return;
	if (a->http != NULL)
		evhttp_free(a->http);
	mem_free(a);
}
