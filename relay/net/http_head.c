#include "net/http_head.h"

#include <ctype.h>
#include <errno.h>
#include <http_parser.h>
#include <string.h>
#include <strings.h>

#include "net/percent.h"

static const struct {
	const char *name;
	bool may_repeat; /* the first one is taken */
} fields[HTTP_FIELDS] = {
	[HTTP_HOST] = { "host", false },
	[HTTP_ORIGIN] = { "origin", false },
	[HTTP_AUTHORIZATION] = { "authorization", false },
	[HTTP_CONTENT_TYPE] = { "content-type", false },
	[HTTP_IF_NONE_MATCH] = { "if-none-match", true },
	[HTTP_EXPECT] = { "expect", false },
	[HTTP_TRANSFER_ENCODING] = { "transfer-encoding", false },
	[HTTP_UPGRADE] = { "upgrade", false },
	[HTTP_WS_KEY] = { "sec-websocket-key", false },
	[HTTP_WS_VERSION] = { "sec-websocket-version", false },
	[HTTP_WS_PROTOCOL] = { "sec-websocket-protocol", true },
	[HTTP_ACCEPT] = { "accept", true },
};

/* ---- where it ends */

static bool
is_text(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)line[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* Looks at each line.  Returns 0 and the length up to behind the empty one,
 * EAGAIN, 400 or 431. */
static int
find_end(size_t *out, const char *data, size_t len)
{
	size_t at = 0;

	for (;;) {
		const char *lf = memchr(data + at, '\n', len - at);
		const size_t line =
		    lf != NULL ? (size_t)(lf - data) - at : len - at;

		if (at + line >= NET_WEB_HEAD_MAX)
			return 431;
		if (lf == NULL)
			return EAGAIN;
		if (line == 0 || lf[-1] != '\r' ||
		    !is_text(data + at, line - 1))
			return 400;
		if (line == 1) {
			*out = at + 2;
			return at > 0 ? 0 : 400;
		}
		/* obs-fold */
		if (data[at] == ' ' || data[at] == '\t')
			return 400;
		at += line + 1;
	}
}

/* ---- what it says */

struct reading {
	struct net_http_head *head;
	struct net_http_text
	    *field; /* whose value comes next; NULL: nobody's */
	unsigned headers;
	int code;
};

static int
on_url(http_parser *p, const char *at, size_t len)
{
	struct reading *r = p->data;

	r->head->target = (struct net_http_text){ (char *)at, len };
	return 0;
}

static int
refuse(struct reading *r, int code)
{
	r->code = code;
	return -1;
}

/* RFC 9110, section 5.6.2; the parser lets blanks pass. */
static bool
is_token(const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)at[i]) &&
		    (at[i] == '\0' || strchr("!#$%&'*+-.^_`|~", at[i]) == NULL))
			return false;
	}
	return len > 0;
}

static int
on_name(http_parser *p, const char *at, size_t len)
{
	struct reading *r = p->data;

	if (!is_token(at, len))
		return refuse(r, 400);
	if (++r->headers > HTTP_HEADERS_MAX)
		return refuse(r, 431);
	r->field = NULL;
	for (unsigned i = 0; i < HTTP_FIELDS; i++) {
		struct net_http_text *t = &r->head->field[i];

		if (strlen(fields[i].name) != len ||
		    strncasecmp(fields[i].name, at, len) != 0)
			continue;
		if (t->at == NULL)
			r->field = t;
		else if (!fields[i].may_repeat)
			return refuse(r, 400);
	}
	return 0;
}

static int
on_value(http_parser *p, const char *at, size_t len)
{
	struct reading *r = p->data;

	while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	if (r->field != NULL)
		*r->field = (struct net_http_text){ (char *)at, len };
	return 0;
}

/* One blank in front of the target and one behind it; the parser is not
 * exact about that, nor about the version's name. */
static bool
is_exact(const struct net_http_text *target)
{
	const char *end = target->at + target->len;

	return target->at[-1] == ' ' && target->at[-2] != ' ' &&
	    (memcmp(end, " HTTP/1.1\r", 10) == 0 ||
		memcmp(end, " HTTP/1.0\r", 10) == 0);
}

/* The body, if it has one, is not the parser's to read. */
static int
on_end(http_parser *p)
{
	struct reading *r = p->data;
	struct net_http_head *h = r->head;
	const bool has_length =
	    p->content_length != UINT64_MAX && p->content_length > 0;

	h->method = http_method_str((enum http_method)p->method);
	h->is_head = p->method == HTTP_HEAD;
	h->is_get = p->method == HTTP_GET && p->http_minor == 1;
	h->keeps = p->http_minor == 1 && http_should_keep_alive(p);
	h->is_upgrade = (p->flags & F_CONNECTION_UPGRADE) != 0;
	h->body_len = has_length ? (size_t)p->content_length : 0;
	if (p->http_major != 1 || p->http_minor > 1)
		return refuse(r, 505);
	if (!is_exact(&h->target))
		return refuse(r, 400);
	if (h->field[HTTP_TRANSFER_ENCODING].at != NULL)
		return refuse(r, has_length ? 400 : 411);
	if (h->field[HTTP_HOST].at == NULL && p->http_minor == 1)
		return refuse(r, 400);
	if (has_length && p->content_length > NET_WEB_BODY_MAX)
		return refuse(r, 413);
	return 1;
}

static const http_parser_settings settings = {
	.on_url = on_url,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_end,
};

static int
translate(const struct reading *r, const http_parser *p)
{
	if (r->code != 0)
		return r->code;
	switch (HTTP_PARSER_ERRNO(p)) {
	case HPE_INVALID_METHOD:
		return 501;
	case HPE_INVALID_VERSION:
		return 505;
	default:
		return 400;
	}
}

int
net_http_head_read(struct net_http_head *out, char *data, size_t len)
{
	struct reading r = { .head = out };
	http_parser p;
	int code;

	*out = (struct net_http_head){ 0 };
	if ((code = find_end(&out->len, data, len)) != 0)
		return code;
	http_parser_init(&p, HTTP_REQUEST);
	p.data = &r;
	if (http_parser_execute(&p, &settings, data, out->len) != out->len ||
	    HTTP_PARSER_ERRNO(&p) != HPE_OK || out->method == NULL)
		return translate(&r, &p);
	return 0;
}

/* ---- its texts */

/* As names and addresses in URLs are written. */
static bool
is_host(const char *text)
{
	enum { HOST_MAX = 255 + sizeof(":65535") };

	if (strlen(text) > HOST_MAX)
		return false;
	for (; *text != '\0'; text++) {
		if (!isalnum((unsigned char)*text) &&
		    strchr(".-_:[]", *text) == NULL)
			return false;
	}
	return true;
}

/* Takes scheme and authority of the absolute form off: RFC 9112, section
 * 3.2.2.  Returns the rest, NULL when it is no form we know. */
static char *
find_path(struct net_request *out, char *target)
{
	char *host, *path;

	if (*target == '/' || strcmp(target, "*") == 0)
		return target;
	if (strncasecmp(target, "http://", 7) != 0 &&
	    strncasecmp(target, "https://", 8) != 0)
		return NULL;
	host = strstr(target, "//") + 2;
	if ((path = strchr(host, '/')) == NULL)
		return NULL;
	/* one to the left, to make room for its end */
	memmove(host - 1, host, (size_t)(path - host));
	path[-1] = '\0';
	out->host = host - 1;
	return path;
}

static char *
terminate(const struct net_http_text *t)
{
	if (t->at == NULL)
		return NULL;
	t->at[t->len] = '\0';
	return t->at;
}

const char *
net_http_head_text(const struct net_http_head *h, enum net_http_field f)
{
	return h->field[f].at != NULL ? h->field[f].at : "";
}

/* Splits and decodes.  False: it is not well formed. */
static bool
take_target(struct net_request *out, char *target)
{
	char *path, *query;

	for (const char *c = target; *c != '\0'; c++) {
		if (*c <= ' ' || *c > '~' || *c == '#')
			return false;
	}
	if ((path = find_path(out, target)) == NULL)
		return false;
	out->query = "";
	if ((query = strchr(path, '?')) != NULL) {
		*query = '\0';
		out->query = query + 1;
	}
	out->path = path;
	return net_percent_decode(path, path, strlen(path) + 1, false) >= 0;
}

int
net_http_head_finish(struct net_request *out, struct net_http_head *h)
{
	for (unsigned i = 0; i < HTTP_FIELDS; i++)
		terminate(&h->field[i]);
	*out = (struct net_request){
		.method = h->method,
		.host = net_http_head_text(h, HTTP_HOST),
		.origin = net_http_head_text(h, HTTP_ORIGIN),
		.authorization = net_http_head_text(h, HTTP_AUTHORIZATION),
		.content_type = net_http_head_text(h, HTTP_CONTENT_TYPE),
		.protocols = net_http_head_text(h, HTTP_WS_PROTOCOL),
		.accept = net_http_head_text(h, HTTP_ACCEPT),
		.if_none_match = net_http_head_text(h, HTTP_IF_NONE_MATCH),
	};
	if (!take_target(out, terminate(&h->target)) || !is_host(out->host))
		return 400;
	return 0;
}
