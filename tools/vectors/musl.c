/* Answers of musl. The protocol is described in make.py. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *preset = argc > 1 ? argv[1] : "";
    if (strcmp(preset, "--version") == 0) {
        /* The library does not tell its version to programs; its loader does. */
        fflush(stdout);
        return system("/lib/ld-musl-*.so.1 2>&1 | head -n 2 | paste -s -d ' '") != 0;
    }
    if (strcmp(preset, "musl_rand") != 0) {
        fprintf(stderr, "unknown preset %s\n", preset);
        return 1;
    }
    unsigned seed;
    long modulus;
    int skip, count;
    while (scanf("%u %ld %d %d", &seed, &modulus, &skip, &count) == 4) {
        srand(seed);
        for (int i = 0; i < count; i++) {
            for (int dropped = 0; dropped < skip; dropped++)
                rand();
            printf("%s%ld", i ? " " : "", rand() % modulus);
        }
        printf("\n");
    }
    return 0;
}
