// Tracing where memory is allocated: what the rest of the library starts and asks. Defined in modules/_tracemalloc.cpp.
#pragma once

#include "object/result.h"

namespace ks {

// Starts tracing with up to `frames` frames for each block (1 to 65535), or goes on if it has started.
Status tracemalloc_start(int frames);
void tracemalloc_stop();

}  // namespace ks
