/* build: which version and revision this binary was made from. */
#ifndef COMMON_BUILD_H
#define COMMON_BUILD_H

extern const char build_version[];  /* "0.1.0" */
extern const char build_revision[]; /* short commit id or "none" */

#endif
