/*
 * supernodectl: asks and tells a running supernoded.
 *
 * Exit codes: 0 done, 1 the server refused, 2 wrong usage, 3 no server to
 * ask.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/build.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/verify.h"

enum {
	WHY_MAX = 512,
	OPTION_MAX = 32,
	/* getopt_long(3): options that a verb takes; above any character */
	OPTION_TEXT = 256,
	OPTION_FLAG,
	OPTION_MAYBE, /* a text may follow behind = */
};

static const char default_socket[] = "/run/supernode/control.sock";

static const struct ctl_verb table[] = {
	{ "status", "", "what the server is and does", NULL, ctl_status_print },
	{ "status", "--memory", "what it keeps in memory", NULL,
	    ctl_memory_print },
	{ "allocations", "[LIMIT]", "who relays at the moment",
	    ctl_allocations_parse, ctl_allocations_print },
	{ "nodes", "[LIMIT]", "who is here to be called", ctl_nodes_parse,
	    ctl_nodes_print },
	{ "top", "[LIMIT]", "who uses most at the moment", ctl_top_parse,
	    ctl_top_print },
	{ "show", "NAME", "what a name has: sessions, allocations",
	    ctl_show_parse, ctl_show_print },
	{ "relay", "on|off [--deadline TIME] [--reason TEXT]",
	    "relay for others, or not until told again", ctl_relay_parse,
	    ctl_relay_print },
	{ "caps", "[KEY VALUE]", "limits and their use, or another limit now",
	    ctl_caps_parse, ctl_caps_print },
	{ "drain", "[--deadline TIME | --cancel]",
	    "take nobody new, end when nobody is left", ctl_drain_parse,
	    ctl_drain_print },
	{ "kick", "NAME [--for TIME]",
	    "end what a name has, and keep it out for some time",
	    ctl_kick_parse, ctl_kick_print },
	{ "quota", "", "what of the quotas is used, and how long they last",
	    NULL, ctl_quota_print },
	{ "report", "[--month [YYYY-MM]]",
	    "what was relayed in a month, by network and user",
	    ctl_report_parse, ctl_report_print },
	{ "reload", "", "load the configuration again, all or nothing", NULL,
	    ctl_reload_print },
	{ "explain", "ALLOCATION|USER|ADDRESS",
	    "why packets were dropped, requests refused", ctl_explain_parse,
	    ctl_explain_print },
	{ "policy", "[refresh]", "what the network around it has published",
	    ctl_policy_parse, ctl_policy_print },
	{ "audit", "[key]", "the audit log, or what it is signed with",
	    ctl_audit_parse, ctl_audit_print },
	{ "audit", "verify [--key KEY] [--head FILE] FILE...",
	    "is a log as it was written? asks no server", NULL, NULL },
	{ "version", "", "version of the running server", NULL,
	    ctl_version_print },
	{ NULL, NULL, NULL, NULL, NULL },
};

struct options {
	const char *socket;
	const char *key, *head; /* of audit verify */
	bool is_json;
	bool is_memory;
	bool wants_help;
	bool wants_version;
	int word;      /* index of the verb in argv */
	json_t *given; /* options of verbs, by name */
};

static void
print_help(FILE *out)
{
	fputs("usage: supernodectl [-s SOCKET] [--json] VERB\n\n", out);
	for (const struct ctl_verb *v = table; v->name != NULL; v++)
		fprintf(out, "  %s%s%s\n      %s\n", v->name,
		    *v->words != '\0' ? " " : "", v->words, v->help);
	fprintf(out,
	    "\n"
	    "  -s, --socket SOCKET  control socket (default %s)\n"
	    "      --json           the server's answer as it is\n"
	    "      --version        version of this program\n"
	    "      --help           print this\n"
	    "\n"
	    "Exit codes: 0 done, 1 the server refused, 2 wrong usage,\n"
	    "3 no server to ask.\n",
	    default_socket);
}

static int
parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "key", required_argument, NULL, 'k' },
		{ "head", required_argument, NULL, 'e' },
		{ "memory", no_argument, NULL, 'm' },
		{ "deadline", required_argument, NULL, OPTION_TEXT },
		{ "reason", required_argument, NULL, OPTION_TEXT },
		{ "for", required_argument, NULL, OPTION_TEXT },
		{ "cancel", no_argument, NULL, OPTION_FLAG },
		{ "month", optional_argument, NULL, OPTION_MAYBE },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, at;

	while ((c = getopt_long(argc, argv, "s:jVh", longs, &at)) != -1) {
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'j':
			o->is_json = true;
			break;
		case 'k':
			o->key = optarg;
			break;
		case 'e':
			o->head = optarg;
			break;
		case 'm':
			o->is_memory = true;
			break;
		case OPTION_TEXT: /* fails for what is no UTF-8 */
			if (json_object_set_new(o->given, longs[at].name,
				json_string(optarg)) < 0)
				return CTL_USAGE;
			break;
		case OPTION_MAYBE:
			if (json_object_set_new(o->given, longs[at].name,
				optarg != NULL ? json_string(optarg)
					       : json_true()) < 0)
				return CTL_USAGE;
			break;
		case OPTION_FLAG:
			json_object_set_new(
			    o->given, longs[at].name, json_true());
			break;
		case 'V':
			o->wants_version = true;
			break;
		case 'h':
			o->wants_help = true;
			break;
		default:
			return CTL_USAGE;
		}
	}
	o->word = optind;
	return CTL_OK;
}

static const struct ctl_verb *
find(const char *name, bool is_memory)
{
	for (const struct ctl_verb *v = table; v->name != NULL; v++)
		if (strcmp(v->name, name) == 0 &&
		    (strcmp(v->words, "--memory") == 0) == is_memory)
			return v;
	return NULL;
}

/* Does v take every option that was given? */
static bool
takes(const struct ctl_verb *v, const json_t *given)
{
	char option[OPTION_MAX];
	const json_t *value;
	const char *name;

	json_object_foreach((json_t *)given, name, value)
	{
		snprintf(option, sizeof(option), "--%s", name);
		(void)value;
		if (strstr(v->words, option) == NULL)
			return false;
	}
	return true;
}

static int
show(const struct ctl_verb *v, const json_t *answer, bool is_json)
{
	const json_t *error = json_object_get(answer, "error");

	if (is_json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (error != NULL) {
		fprintf(stderr, "supernodectl: %s: %s\n", v->name,
		    json_string_value(error));
	} else {
		v->print(stdout, answer);
	}
	if (fflush(stdout) != 0)
		perror("supernodectl: standard output");
	return error == NULL ? CTL_OK : CTL_REFUSED;
}

/* Takes request. */
static int
ask(const struct ctl_verb *v, const struct options *o, json_t *request)
{
	char why[WHY_MAX];
	json_t *answer;
	int rc;

	rc = ctl_client_ask(&answer, o->socket, request, why, sizeof(why));
	json_decref(request);
	if (rc != 0) {
		fprintf(stderr, "supernodectl: %s\n", why);
		return CTL_UNREACHABLE;
	}
	rc = show(v, answer, o->is_json);
	json_decref(answer);
	return rc;
}

static bool
is_verify(int count, char **word)
{
	return count > 1 && strcmp(word[0], "audit") == 0 &&
	    strcmp(word[1], "verify") == 0;
}

static int
verify(const struct options *o, int count, char **word)
{
	const struct ctl_verify v = { .key = o->key,
		.head = o->head,
		.is_json = o->is_json,
		.count = count,
		.file = word };

	return ctl_verify(stdout, &v);
}

static int
run(const struct options *o, int count, char **word)
{
	const struct ctl_verb *v = find(word[0], o->is_memory);
	json_t *args;
	int rc = 0;

	if (v == NULL) {
		fprintf(stderr, "supernodectl: %s%s: no such verb\n", word[0],
		    o->is_memory ? " --memory" : "");
		return CTL_USAGE;
	}
	args = json_copy(o->given);
	if (v->parse != NULL && takes(v, args))
		rc = v->parse(args, count - 1, word + 1);
	if (rc != 0 || !takes(v, o->given) || (v->parse == NULL && count > 1)) {
		fprintf(
		    stderr, "usage: supernodectl %s %s\n", v->name, v->words);
		json_decref(args);
		return CTL_USAGE;
	}
	return ask(v, o, json_pack("{s:s,s:o}", "verb", v->name, "args", args));
}

static int
act(struct options *o, int argc, char **argv)
{
	const int rc = parse(o, argc, argv);

	if (rc != CTL_OK ||
	    (o->word == argc && !o->wants_help && !o->wants_version)) {
		print_help(stderr);
		return CTL_USAGE;
	}
	if (o->wants_help) {
		print_help(stdout);
		return CTL_OK;
	}
	if (o->wants_version) {
		printf("supernodectl %s (%s)\n", build_version, build_revision);
		return CTL_OK;
	}
	if (is_verify(argc - o->word, argv + o->word))
		return verify(o, argc - o->word - 2, argv + o->word + 2);
	return run(o, argc - o->word, argv + o->word);
}

int
main(int argc, char **argv)
{
	struct options o = { .socket = default_socket, .given = json_object() };
	const int rc = act(&o, argc, argv);

	json_decref(o.given);
	return rc;
}
