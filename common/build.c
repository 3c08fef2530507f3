#include "common/build.h"

const char build_version[] = VERSION;
const char build_revision[] = REVISION;
