// Marks what leaves the library without being declared in a public header.
#pragma once

#define KS_EXPORT extern "C" __attribute__((visibility("default")))
