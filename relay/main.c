/*
 * supernoded: the super node.
 *
 * Exit codes: 0 ended as asked, 1 could not start, 2 wrong usage, 78 (EX_CONFIG
 * of sysexits) a faulty configuration.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/build.h"
#include "common/log.h"
#include "net/net.h"
#include "relay/server.h"
#include "relay/snapshot.h"

enum {
	MAIN_OK = 0,
	MAIN_START = 1,
	MAIN_USAGE = 2,
	MAIN_CONFIG = 78,
};

static const char default_path[] = "/etc/supernode/supernoded.conf";

enum mode { MODE_SERVE, MODE_CHECK, MODE_DUMP, MODE_VERSION, MODE_HELP };

struct options {
	const char *path;
	enum mode mode;
};

static void
print_help(FILE *out)
{
	fprintf(out,
	    "usage: supernoded [-c FILE] [--check-config | --dump-config]\n"
	    "\n"
	    "  -c, --config FILE  configuration (default %s)\n"
	    "      --check-config check it, say what is wrong, and end\n"
	    "      --dump-config  print the effective one, secrets masked\n"
	    "      --version      print version and revision\n"
	    "      --help         print this\n"
	    "\n"
	    "Serves in the foreground until SIGTERM or SIGINT; SIGHUP "
	    "reloads.\n"
	    "Exit codes: 0 ended as asked, 1 could not start, 2 wrong usage,\n"
	    "78 faulty configuration.\n",
	    default_path);
}

static int
parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'k' },
		{ "dump-config", no_argument, NULL, 'd' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:Vh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->path = optarg;
			break;
		case 'k':
			o->mode = MODE_CHECK;
			break;
		case 'd':
			o->mode = MODE_DUMP;
			break;
		case 'V':
			o->mode = MODE_VERSION;
			break;
		case 'h':
			o->mode = MODE_HELP;
			break;
		default:
			return MAIN_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(
		    stderr, "supernoded: %s: what is this?\n", argv[optind]);
		return MAIN_USAGE;
	}
	return MAIN_OK;
}

/* Loads the file and tries its certificate; both must be right. */
static int
load(struct snapshot **out, const char *path)
{
	char why[SNAPSHOT_ERROR_MAX];
	struct net_tls *tls = NULL;
	struct snapshot *conf;

	if (snapshot_load(&conf, path, why) != 0) {
		fprintf(stderr, "supernoded: %s\n", why);
		return MAIN_CONFIG;
	}
	if (net_tls_load(&tls, conf, why, sizeof(why)) != 0) {
		fprintf(stderr, "supernoded: %s: %s\n", path, why);
		snapshot_free(conf);
		return MAIN_CONFIG;
	}
	if (tls != NULL)
		net_tls_put(tls);
	*out = conf;
	return MAIN_OK;
}

static int
serve(struct snapshot *conf, const char *path)
{
	const int rc = log_open(conf->log.level, conf->log.target);

	if (rc != 0) {
		fprintf(stderr, "supernoded: log.target %s: %s\n",
		    conf->log.target, code_text(rc));
		snapshot_free(conf);
		return MAIN_START;
	}
	return server_run(conf, path) == 0 ? MAIN_OK : MAIN_START;
}

static int
run(const struct options *o)
{
	struct snapshot *conf;
	int rc;

	if ((rc = load(&conf, o->path)) != MAIN_OK)
		return rc;
	if (o->mode == MODE_SERVE)
		return serve(conf, o->path);
	if (o->mode == MODE_CHECK)
		printf("%s: ok\n", o->path);
	if (o->mode == MODE_DUMP)
		snapshot_dump(conf, stdout);
	snapshot_free(conf);
	return MAIN_OK;
}

int
main(int argc, char **argv)
{
	struct options o = { default_path, MODE_SERVE };
	const int rc = parse(&o, argc, argv);

	if (rc != MAIN_OK) {
		print_help(stderr);
		return rc;
	}
	if (o.mode == MODE_HELP) {
		print_help(stdout);
		return MAIN_OK;
	}
	if (o.mode == MODE_VERSION) {
		printf("supernoded %s (%s)\n", build_version, build_revision);
		return MAIN_OK;
	}
	return run(&o);
}
