/*
 * rwlock: a lock of many readers that does not keep its writer out: glibc's
 * default lets readers who come without a pause pass it for seconds.  A
 * reader must not take it twice.
 */
#ifndef COMMON_RWLOCK_H
#define COMMON_RWLOCK_H

#include <pthread.h>

void rwlock_init(pthread_rwlock_t *lock);

#endif
