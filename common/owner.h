/*
 * owner: which thread an object belongs to.
 *
 * OWNER_CHECK stands at entry points off the packet path and asserts that
 * the caller is the owner.
 */
#ifndef COMMON_OWNER_H
#define COMMON_OWNER_H

#include <assert.h>
#include <stdbool.h>
#include <pthread.h>

struct owner {
	pthread_t thread;
	bool bound;
};

/* The calling thread owns o from now on. */
static inline void
owner_bind(struct owner *o)
{
	o->thread = pthread_self();
	o->bound = true;
}

#define OWNER_CHECK(x)              \
	assert(!(x)->owner.bound || \
	    pthread_equal((x)->owner.thread, pthread_self()))

#endif
