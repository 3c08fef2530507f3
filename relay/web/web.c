#include "web/web.h"

#include <stdio.h>
#include <string.h>

#include "web/assets.h"

/*
 * Nothing from elsewhere, nothing inline, no frame around the page; camera,
 * microphone and screen for itself only.  connect-src 'self' covers
 * WebSockets to the same host and port (CSP 3, section 6.7.2.8).
 */
static const char safety[] =
    "Cache-Control: no-cache\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; "
    "style-src 'self'; connect-src 'self'; img-src 'self'; "
    "media-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Permissions-Policy: camera=(self), microphone=(self), "
    "display-capture=(self), autoplay=(self), geolocation=(), usb=(), "
    "serial=(), payment=(), midi=()\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

static const struct {
	const char *suffix;
	const char *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".svg", "image/svg+xml" },
};

static const char *
type_of(const char *name)
{
	const char *suffix = strrchr(name, '.');

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (suffix != NULL && strcmp(suffix, types[i].suffix) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

/* "/call/x.js" is x.js, "/call" and "/call/" the page itself. */
static const struct web_asset *
find(const char *rest)
{
	const char *name = rest[0] == '/' ? rest + 1 : rest;

	if (name[0] == '\0')
		name = "index.html";
	for (const struct web_asset *a = web_assets; a->name != NULL; a++) {
		if (strcmp(a->name, name) == 0)
			return a;
	}
	return NULL;
}

/* RFC 9110, section 13.1.2: one of several tags, weak or not, or any. */
static bool
client_has(const struct net_request *r, const struct web_asset *a)
{
	return strstr(r->if_none_match, a->tag) != NULL ||
	    strcmp(r->if_none_match, "*") == 0;
}

static void
refuse(struct net_web *w, unsigned status, const char *headers)
{
	static const char text[] = "There is nothing here.\n";

	net_web_answer(w, status, "text/plain; charset=utf-8", headers, text,
	    sizeof(text) - 1);
}

static void
answer(
    struct net_web *w, const struct net_request *r, const struct web_asset *a)
{
	char headers[sizeof(safety) + 64];

	snprintf(headers, sizeof(headers), "ETag: %s\r\n%s", a->tag, safety);
	if (client_has(r, a))
		net_web_answer(w, 304, NULL, headers, NULL, 0);
	else
		net_web_answer(w, 200, type_of(a->name), headers, a->data,
		    (size_t)(a->end - a->data));
}

bool
web_page_serve(struct net_web *w, const struct net_request *r)
{
	static const char root[] = "/call";
	const char *rest = r->path + sizeof(root) - 1;
	const struct web_asset *a;

	if (strncmp(r->path, root, sizeof(root) - 1) != 0 ||
	    (rest[0] != '\0' && rest[0] != '/'))
		return false;
	if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0) {
		refuse(w, 405, "Allow: GET, HEAD\r\n");
		return true;
	}
	if ((a = find(rest)) == NULL)
		refuse(w, 404, NULL);
	else
		answer(w, r, a);
	return true;
}
