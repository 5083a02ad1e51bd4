/* A program without Python: a library that was preloaded for its parent must stay silent in it. */
#include <stdio.h>

int main(void) {
  puts("plain");
  return 0;
}
