/*
 * file: a file that is whole, whatever happens meanwhile.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "common/code.h"

enum { FILE_PATH_MAX = 4096 };

/*
 * Makes path hold text: written beside it (path with ".new" behind), synced,
 * renamed, and the folder synced.  A crash leaves what was there before, or
 * the new; a failure before the new name stands leaves nothing beside it.
 * Returns 0 or an errno, ENAMETOOLONG above FILE_PATH_MAX.
 */
MUST_CHECK int file_replace(const char *path, const char *text, mode_t mode);

/*
 * Reads path whole: *out holds *len bytes and a NUL, the caller's (mem_free).
 * Returns 0, EFBIG above max, ENOMEM or another errno.
 */
MUST_CHECK int file_read(char **out, size_t *len, const char *path, size_t max);

/* Puts the names in folder on the disk.  Returns 0 or an errno. */
MUST_CHECK int file_sync_folder(const char *folder);

#endif
