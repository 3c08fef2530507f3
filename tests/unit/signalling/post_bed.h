/* Mail that lies at each worker until the test opens it. */
#ifndef TESTS_UNIT_SIGNALLING_POST_BED_H
#define TESTS_UNIT_SIGNALLING_POST_BED_H

#include <stdbool.h>
#include <stddef.h>

#include "signalling/mail.h"

/* Zeroed: nothing. */
struct post_bed {
	struct signal_mail *first, **last;
};

static inline void
post_put(struct post_bed *p, struct signal_mail *m)
{
	m->next = NULL;
	if (p->first == NULL)
		p->last = &p->first;
	*p->last = m;
	p->last = &m->next;
}

/* Opens what came to there.  Returns whether anything did. */
static inline bool
post_open(struct post_bed *p, struct signalling *there)
{
	struct signal_mail *m = p->first, *next;
	const bool any = m != NULL;

	p->first = NULL;
	for (; m != NULL; m = next) {
		next = m->next;
		m->open(there, m);
	}
	return any;
}

static inline void
post_drop(struct post_bed *p)
{
	struct signal_mail *m = p->first, *next;

	p->first = NULL;
	for (; m != NULL; m = next) {
		next = m->next;
		m->drop(m);
	}
}

#endif
