/* A stand-in for Pokemon Yellow: that for Blue and Red, with each variable one byte before. */

#define SHIFT (-1)
#include "pokemon.c"
