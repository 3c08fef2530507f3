/* assets: the files of the page, as they are in this folder. */
#ifndef RELAY_WEB_ASSETS_H
#define RELAY_WEB_ASSETS_H

struct web_asset {
	const char *name; /* "index.html" */
	const char *tag;  /* of its content, quoted: an ETag */
	const char *data;
	const char *end;
};

/* Ends with one whose name is NULL. */
extern const struct web_asset web_assets[];

#endif
